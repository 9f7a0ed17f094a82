"""The PowerShell scripts are read by a grammar, there being no PowerShell here, and ask for what their twins do."""

import re
from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_powershell
import yaml

ROOT = Path(__file__).parents[3]
SCRIPTS = sorted((ROOT / "ci").glob("*.ps1"))
CHECKS = ROOT / ".github" / "workflows" / "checks.yml"
PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
VARIABLE = re.compile(r"\b(?:RAWRXD|SLA|GITHUB)_[A-Z_]+\b")


def faults(script):
    """Where the grammar does not understand ``script``, as lines and columns from 1."""

    def walk(node):
        if node.type == "ERROR" or node.is_missing:
            yield node.start_point.row + 1, node.start_point.column + 1
        for child in node.children:
            yield from walk(child)

    return list(walk(PARSER.parse(script.encode()).root_node))


def code(path):
    return "\n".join(
        line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")
    )


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_powershell(path):
    assert faults(path.read_text(encoding="utf-8")) == []


def test_the_steps_of_the_windows_job_are_powershell():
    steps = [step["run"] for step in yaml.safe_load(CHECKS.read_text())["jobs"]["windows"]["steps"] if "run" in step]

    assert len(steps) == 3
    assert [faults(step) for step in steps] == [[], [], []]


@pytest.mark.parametrize("wrong", ["if ($a { exit 1 }", "$a = @('x'", "function Invoke-X { & uv run", "'open"])
def test_what_is_no_powershell_is_found(wrong):
    assert faults(wrong)


@pytest.mark.parametrize("name", ["preflight", "accept", "soak", "signoff"])
def test_both_shells_ask_for_the_same(name):
    bash, powershell = code(ROOT / "ci" / f"{name}.sh"), code(ROOT / "ci" / f"{name}.ps1")

    assert set(OPTION.findall(bash)) == set(OPTION.findall(powershell))
    assert set(VARIABLE.findall(bash)) == set(VARIABLE.findall(powershell))
    assert re.findall(r"rawrxd (\w+)", bash) == re.findall(r"rawrxd (\w+)", powershell)
    assert "exit $LASTEXITCODE" in powershell or "exit $verdict" in powershell, "the status is what CI sees"


#: They prepare Linux machines, or run behind jobs on Linux: one verdict on many runs is `rawrxd judge RUN RUN -o DIR`.
#: Two builds in pairs are measured where both can be installed beside each other.
LINUX = {"gpu", "pack-server", "fleet", "pairs"}


def test_every_script_has_its_twin():
    bash = {path.stem for path in (ROOT / "ci").glob("*.sh")} - LINUX

    assert {path.stem for path in SCRIPTS} == bash
