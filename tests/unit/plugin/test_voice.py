"""Every error says what, where, what was found and what is possible; every help text says what a thing is for."""

import argparse
import re

import pytest

from pytest_rawrxd.cli import VERBS, main, parser
from pytest_rawrxd.errors import RawrxdError
from pytest_rawrxd.settings import OPTIONS


def test_the_four_parts_stand_in_their_order_and_absent_ones_leave_no_line():
    whole = RawrxdError("no such profile", where="--sla-profile", found="embeded", possible="embedded")

    assert str(whole) == "no such profile\n  where: --sla-profile\n  found: embeded\n  possible: embedded"
    assert str(RawrxdError("no such profile", found="x")) == "no such profile\n  found: x"


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (
            [],
            [
                "rawrxd: the following arguments are required: VERB",
                "  where: command line of rawrxd",
                "  possible: usage: rawrxd [-h] [--version] VERB ...; rawrxd --help",
            ],
        ),
        (
            ["judge"],
            [
                "rawrxd: the following arguments are required: RUN_DIR",
                "  where: command line of rawrxd judge",
                "  possible: usage: rawrxd judge [-h] [-o DIR] [--published DIR] [--waivers FILE] [--today YYYY-MM-DD] "
                "[--max-minutes N] [--max-memory N] RUN_DIR [RUN_DIR ...]; rawrxd judge --help",
            ],
        ),
        (
            ["judge", "no-such-folder"],
            [
                "rawrxd: this is not a run directory",
                "  where: no-such-folder",
                "  found: no campaign.json",
                "  possible: a folder below reports/",
            ],
        ),
        (
            ["publish", "no-such-folder"],
            [
                "rawrxd: this run has no verdicts to publish",
                "  where: no-such-folder",
                "  found: no verdicts.json",
                "  possible: rawrxd judge RUN_DIR, then publish",
            ],
        ),
        (
            ["sign", "no-such-folder", "--role", "Technical Lead", "--key", "none.key"],
            [
                "rawrxd: the key cannot be read",
                "  where: none.key",
                "  found: No such file or directory",
                "  possible: a file of rawrxd sign keygen",
            ],
        ),
        (
            ["verify", "no-such-folder"],
            [
                "rawrxd: this is not a run directory",
                "  where: no-such-folder",
                "  found: no campaign.json",
                "  possible: a folder below reports/",
            ],
        ),
        (
            ["models", "list", "no-such-folder"],
            [
                "rawrxd: models folder cannot be read",
                "  where: no-such-folder",
                "  found: No such file or directory",
                "  possible: a folder that holds .gguf files",
            ],
        ),
        (
            ["plan", "--new", "My Card", "--from", "no-such-folder"],
            [
                "rawrxd: a profile needs a plain name",
                "  where: --new",
                "  found: My Card",
                "  possible: a-z, 0-9, - and _, as in rtx4090",
            ],
        ),
        (
            ["plan", "--new", "mycard", "--from", "no-such-folder"],
            [
                "rawrxd: this is not a run directory",
                "  where: no-such-folder",
                "  found: no campaign.json",
                "  possible: a folder below reports/",
            ],
        ),
        (
            ["plan"],
            [
                "rawrxd: plan needs a profile",
                "  found: nothing",
                "  possible: plan PROFILE, or plan --new NAME --from RUN_DIR",
            ],
        ),
        (
            ["compare", "nothing", "nothing"],
            [
                "rawrxd: there is nothing to compare",
                "  where: nothing",
                "  possible: a run directory or a result file",
            ],
        ),
    ],
)
def test_a_verb_refuses_in_one_voice(capsys, monkeypatch, tmp_path, arguments, lines):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    assert main(arguments) in {1, 4}

    said = capsys.readouterr()
    assert said.err.splitlines() == lines
    assert said.out == ""


def test_help_names_every_verb_with_its_purpose_and_the_exit_codes(capsys):
    assert main(["--help"]) == 0

    said = capsys.readouterr().out
    for verb in VERBS:
        assert re.search(rf"\n    {verb.__name__.rpartition('.')[2]}\s+\w", said)
    assert "Exit codes: 0 done or approved, 1 not approved or trouble, 2 interrupted, 4 usage." in " ".join(
        said.split()
    )


def _parsers(root):
    yield root
    for action in root._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from _parsers(child)


def test_no_argument_is_left_without_a_word():
    silent = [
        f"{each.prog} {action.dest}"
        for each in _parsers(parser())
        for action in each._actions
        if not action.help and not isinstance(action, argparse._SubParsersAction)
    ]

    assert silent == []


def test_every_option_says_its_twins_in_pytest_s_help(pytester):
    result = pytester.runpytest_inprocess("--help")

    said = " ".join(" ".join(result.stdout.lines).split())
    for option in OPTIONS.values():
        assert option.flag in said
        assert f"environment {option.variable}, ini {option.ini}" in said
