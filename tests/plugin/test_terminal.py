"""Colour, width and the live line of a whole session follow pytest's own: on a terminal, in a pipe, in a CI log."""

import os
import re
import subprocess
import sys

import pytest
from fakes.charts import CONFTEST

ANSI = re.compile(r"\x1b\[[0-9;]*m")
SAYS_COLOUR = ("NO_COLOR", "FORCE_COLOR", "PY_COLORS", "CI", "COLUMNS")


@pytest.fixture
def plain_environment(monkeypatch):
    """An environment that says nothing about colour or width."""
    for name in SAYS_COLOUR:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def told(result):
    """The lines of pytest's own summary and those of the sign-off, as they were written."""
    text = result.stdout.str()
    own = next(line for line in text.splitlines() if " passed" in line)
    return own, text[text.index("Phase 1 acceptance") :].split("evidence and pages:")[0]


@pytest.mark.parametrize(
    ("environment", "arguments", "coloured"),
    [
        ({}, (), False),
        ({"FORCE_COLOR": "1"}, (), True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, (), False),
        ({"NO_COLOR": "1"}, ("--color=yes",), True),
        ({"FORCE_COLOR": "1"}, ("--color=no",), False),
    ],
)
def test_the_table_is_coloured_when_pytest_is(acceptance, plain_environment, environment, arguments, coloured):
    for name, value in environment.items():
        plain_environment.setenv(name, value)

    own, table = told(acceptance.run(*arguments))

    assert [bool(ANSI.search(text)) for text in (own, table)] == [coloured, coloured]
    assert "PASS" in ANSI.sub("", table)


@pytest.mark.parametrize("columns", [60, 140])
def test_the_table_is_as_wide_as_pytest_s_lines(acceptance, plain_environment, columns):
    plain_environment.setenv("COLUMNS", str(columns))

    _, table = told(acceptance.run())

    assert max(map(len, table.splitlines())) <= columns
    assert ("Throughput, guaranteed" in table) == (columns == 140)


def test_a_console_without_the_symbols_gets_a_table_it_can_print(acceptance, plain_environment):
    plain_environment.setenv("PYTHONIOENCODING", "cp1252")
    plain_environment.setenv("PYTHONUTF8", "0")
    acceptance.pytester.makeconftest(CONFTEST)

    text = acceptance.run(alone=True).stdout.str()

    assert re.search(r"SLA-TPS-GUARANTEE .*>= 2 tok/s .*\+ PASS", text)
    assert "\\u" not in text


def test_a_log_gets_whole_lines_of_progress(acceptance, plain_environment):
    result = acceptance.run()

    lines = result.stderr.lines
    told_of = [line for line in lines if line.startswith("rawrxd: ")]
    assert told_of
    assert "rawrxd: asking the engine who it is" in told_of
    assert "\r" not in result.stderr.str()


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal of POSIX")
@pytest.mark.parametrize("no_colour", [False, True])
def test_on_a_terminal_one_live_line_comes_and_goes(acceptance, plain_environment, no_colour):
    if no_colour:
        plain_environment.setenv("NO_COLOR", "1")

    # Found and prepared, nothing measured: the live line is there all the same.
    arguments = ("--sla-profile", "small.toml", "--sla-engine", "scripted:steady", "-k", "nothing")
    shown = on_a_terminal(acceptance, "acceptance", *arguments)

    assert re.search(r"\rrawrxd: asking the engine who it is\s*\r", shown)
    assert bool(ANSI.search(shown)) is not no_colour
    assert "Phase 1: REHEARSAL INCOMPLETE" in ANSI.sub("", shown)


def on_a_terminal(acceptance, *arguments):
    """What pytest writes to a terminal of 100 columns."""
    import pty  # noqa: PLC0415 - not on Windows

    ours, theirs = pty.openpty()
    environ = {**os.environ, "COLUMNS": "100", "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=acceptance.pytester.path,
        env=environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b"".join(iter(lambda: read(ours), b""))
        process.wait(timeout=120)
    os.close(ours)
    return shown.decode()


def read(terminal):
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says so when the other side is closed
        return b""
