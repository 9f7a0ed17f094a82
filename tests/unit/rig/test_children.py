"""No process that the suite starts inherits its whole environment, in which the keys of others lie."""

import ast
from pathlib import Path

import pytest_rawrxd

ROOT = Path(pytest_rawrxd.__file__).parent
#: systemctl and schtasks of this user, asked for their own account.
OWN = {"rig/detached.py"}
STARTS = {"run", "spawn", "Popen", "check_output", "check_call", "call"}


def without_environment(source):
    """The lines of calls that start a process and do not say what it may know."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        of_partial = name == "partial" and ast.unparse(node.args[0]).startswith("subprocess.")
        given = {keyword.arg for keyword in node.keywords}
        starts = name in STARTS and given & {"capture_output", "stdin", "stdout", "stderr"}
        if (starts or of_partial) and "env" not in given:
            yield node.lineno


def test_every_child_is_told_its_environment():
    found = {
        path.relative_to(ROOT).as_posix(): lines
        for path in ROOT.rglob("*.py")
        if (lines := list(without_environment(path.read_text(encoding="utf-8"))))
    }

    assert set(found) == OWN, found


def test_a_call_without_one_would_be_seen():
    assert list(without_environment("subprocess.run(command, stdin=None)")) == [1]
    assert list(without_environment("partial(subprocess.run, command)")) == [1]
    assert list(without_environment("run(command, stdout=out, env=child_environment(environ))")) == []
