"""The ``rawrxd`` command: what it says, and the codes it ends with."""

import io
import subprocess
import sys

import pytest

from pytest_rawrxd.cli import lint, main


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["lint", "rx7800xt"], 0, "impossible: P1-TPS-Q4_K: 79.97 tok/s x 13 GB"),
        (["plan", "rx7800xt", "--lint"], 0, "impossible: P1-TPS-Q4_K: 79.97 tok/s x 13 GB"),
        (["plan", "embedded"], 0, "Phase 1: "),
    ],
)
def test_a_verb_prints_what_was_asked(capsys, arguments, code, says):
    assert main(arguments) == code
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 4, "usage: rawrxd"),
        (["jugde", "x"], 4, "usage: rawrxd"),
        (["lint", "rx7800"], 4, "rx7800xt"),
        (["judge", "no-such-folder"], 1, "rawrxd: this is not a run directory"),
    ],
)
def test_what_cannot_be_done_says_why_and_what_is_possible(capsys, arguments, code, says):
    assert main(arguments) == code
    assert says in capsys.readouterr().err


def test_a_console_without_a_character_shows_its_code_and_no_traceback(monkeypatch):
    console = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", console)
    monkeypatch.setattr(lint, "run", lambda _: print("16 − 2 – more") or 0)

    assert main(["lint", "embedded"]) == 0

    console.flush()
    assert console.buffer.getvalue() == b"16 \\u2212 2 \\u2013 more\n"


def test_a_reader_that_had_enough_is_no_error():
    with subprocess.Popen(
        [sys.executable, "-c", "from pytest_rawrxd.cli import main; raise SystemExit(main(['plan', 'rx7800xt']))"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()

    assert process.returncode == 0
    assert b"Traceback" not in said
