"""Every command block of the operator's guide, as the document prints it, run in a clean folder of its own."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import fakes.guide_server
import pytest
import tree_sitter_powershell
from tree_sitter import Language, Parser

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.guide import SETTINGS, STEPS, guide_digest
from pytest_rawrxd.places import package_data
from pytest_rawrxd.report.render import render
from pytest_rawrxd.rig.server.managed import free_port
from pytest_rawrxd.verdict.judge import judge

RUN = "h100-pilot-vulkan"
POWERSHELL = Parser(Language(tree_sitter_powershell.language()))
#: What the guide may call, with the parameters that it uses; each exists from Windows PowerShell 5.1 on.
CMDLETS = {
    "Get-Content": (),
    "Get-FileHash": ("-Algorithm",),
    "Invoke-RestMethod": ("-Method", "-ContentType", "-Body", "-Uri"),
    "Out-File": (),
    "Start-Process": ("-PassThru", "-RedirectStandardError", "-FilePath", "-ArgumentList"),
    "Start-Sleep": ("-Seconds",),
    "Stop-Process": ("-Id",),
    "Write-Output": (),
}
BASH = shutil.which("bash")
BLOCK = re.compile(
    r"^### (?P<title>.+?)\n+```bash\n(?P<bash>.*?)\n```\n+```powershell\n(?P<powershell>.*?)\n```", re.M | re.S
)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    copy = tmp_path_factory.mktemp("reports") / RUN
    shutil.copytree(package_data("fixtures") / "recordings" / RUN, copy)
    evidence = Evidence.read(copy)
    render(evidence, judge(evidence))
    return copy


@pytest.fixture(scope="module")
def blocks(run_dir):
    """The blocks of the rendered guide, by the title of their step."""
    text = (run_dir / "docs" / "REHEARSAL-OPERATOR_DEPLOYMENT_GUIDE.md").read_text(encoding="utf-8")
    return {found["title"]: found for found in BLOCK.finditer(text)}


def test_the_guide_prints_every_step_in_order(blocks):
    assert list(blocks) == [step.title for step in STEPS]


@pytest.mark.skipif(os.name == "nt", reason="bash blocks; Windows runs the PowerShell ones")
@pytest.mark.skipif(shutil.which("curl") is None, reason="the guide asks the server with curl")
def test_every_bash_block_does_what_the_guide_says(blocks, run_dir, tmp_path):
    model, server = tmp_path / "model.gguf", tmp_path / "server"
    model.write_bytes(b"GGUF")
    server.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{fakes.guide_server.__file__}" "$@"\n')
    server.chmod(0o755)
    values = {
        "RUN_DIR": str(run_dir),
        "PROFILE": "rx7800xt",
        "MODEL": str(model),
        "SERVER": str(server),
        "PORT": str(free_port()),
        "STREAMS": "2",
        "TRIES": "30",
    }
    assert set(values) == {name for name, _ in SETTINGS}
    scripts = Path(sys.executable).parent
    clean = {"PATH": f"{scripts}{os.pathsep}{os.defpath}", "HOME": str(tmp_path), **values}
    here = tmp_path / "clean"
    here.mkdir()
    pid = here / "server.pid"
    try:
        for step in STEPS:
            done = subprocess.run(
                [BASH, "-euo", "pipefail", "-c", blocks[step.title]["bash"]],
                cwd=here, env=clean, capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
            assert done.returncode == 0, (step.name, done.stdout, done.stderr)
            assert re.search(step.seen, done.stdout, re.MULTILINE), (step.name, done.stdout)
    finally:
        if pid.is_file():
            with contextlib.suppress(ProcessLookupError):  # the last step has stopped it
                os.kill(int(pid.read_text()), signal.SIGTERM)


@pytest.mark.skipif(BASH is None, reason="there is no bash to parse with")
def test_every_bash_block_parses(blocks):
    for found in blocks.values():
        subprocess.run([BASH, "-n", "-c", found["bash"]], check=True)


def nodes(node, kind):
    """Every node of a kind below ``node``."""
    for child in node.children:
        if child.type == kind:
            yield child
        yield from nodes(child, kind)


def complaints(block):
    """What is wrong with a block of PowerShell: by its syntax, and by what is called with what."""
    root = POWERSHELL.parse(block.encode()).root_node
    if root.has_error:
        yield "it does not parse"
    for command in nodes(root, "command"):
        name = next(nodes(command, "command_name")).text.decode()
        if name == "rawrxd":
            continue
        if name not in CMDLETS:
            yield f"{name} is no cmdlet that the guide may call"
            continue
        own = [each for part in command.children if part.type == "command_elements" for each in part.children]
        for given in (each.text.decode() for each in own if each.type == "command_parameter"):
            if given not in CMDLETS[name]:
                yield f"{name} has no {given}"


def test_every_powershell_block_parses_and_calls_what_there_is(blocks):
    for title, found in blocks.items():
        assert list(complaints(found["powershell"])) == [], title


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ('Write-Output "started', "does not parse"),
        ("Write-Output (1", "does not parse"),
        ("if ($a { Write-Output b }", "does not parse"),
        ("curl http://localhost", "curl is no cmdlet"),  # an alias, and another program on each system
        ("Invoke-RestMethod -Url x", "Invoke-RestMethod has no -Url"),
        ("Stop-Process -Id (Get-Content -Tail server.pid)", "Get-Content has no -Tail"),
    ],
)
def test_the_linter_of_powershell_finds_what_is_wrong(block, complaint):
    assert any(complaint in each for each in complaints(block))


def test_both_shells_read_the_same_variables(blocks):
    names = {name for name, _ in SETTINGS}
    for title, found in blocks.items():
        in_bash = {name for name in re.findall(r"\$\{?([A-Z_]+)", found["bash"]) if name in names}
        assert set(re.findall(r"\$env:([A-Z_]+)", found["powershell"])) == in_bash, title


def test_the_digest_of_the_guide_follows_its_steps(monkeypatch):
    before = guide_digest()
    monkeypatch.setattr("pytest_rawrxd.measure.guide.STEPS", STEPS[:-1])

    assert guide_digest() != before
