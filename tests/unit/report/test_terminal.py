"""The table at the end of a session."""

from __future__ import annotations

import pytest

from pytest_rawrxd.report.sign import SIGNS
from pytest_rawrxd.report.terminal import table, wants_colour
from pytest_rawrxd.verdict.outcome import Verdict


def test_each_criterion_has_its_line_with_measured_bound_and_verdict(view):
    lines = table(view, width=120, colour=False).splitlines()
    for judged in view.criteria:
        if judged.verdict is Verdict.NOT_APPLICABLE:
            continue
        (line,) = [line for line in lines if line.split()[:1] == [judged.id]]
        assert f"{SIGNS[judged.verdict].symbol} {judged.verdict}" in line
        assert judged.measured[0] in line
        assert judged.required.removeprefix("within ") in line


def test_what_no_test_decides_here_is_named_without_a_line_each(sample):
    verdicts = sample.make_verdicts(
        [
            sample.criterion("P1-A", verdict="NOT MEASURED", claimed_by=[]),
            sample.criterion("P1-B", verdict="NOT MEASURED", claimed_by=[]),
            sample.criterion("P1-C", verdict="NOT APPLICABLE"),
            sample.criterion("P1-D", verdict="NOT MEASURED"),
        ]
    )
    text = table(sample.make_view(verdicts), width=120, colour=False)
    assert "unclaimed, no test decides it: P1-A, P1-B" in text
    assert "not applicable: P1-C" in text
    assert [line.split()[0] for line in text.splitlines() if "NOT MEASURED" in line] == ["P1-D"]


def test_a_phase_that_the_session_did_not_touch_is_told_by_its_state_alone(view):
    text = table(view, width=120, colour=False, phases=[2])
    assert "Phase 1: REHEARSAL REJECTED" in text
    assert not any(judged.id in line.split()[:1] for judged in view.criteria for line in text.splitlines())


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal(view, width):
    assert max(map(len, table(view, width=width, colour=False).splitlines())) <= width


def test_titles_appear_only_where_there_is_room(view):
    assert "Q2_K throughput" in table(view, width=160, colour=False)
    assert "Q2_K throughput" not in table(view, width=80, colour=False)


def test_colour_comes_only_when_asked_for(view):
    assert "\x1b[" not in table(view, width=100, colour=False)
    assert "\x1b[" in table(view, width=100, colour=True)


@pytest.mark.parametrize(
    ("environ", "is_terminal", "wanted"),
    [({}, True, True), ({}, False, False), ({"NO_COLOR": "1"}, True, False), ({"NO_COLOR": ""}, True, True)],
)
def test_colour_follows_the_terminal_and_no_color(environ, is_terminal, wanted):
    assert wants_colour(environ, is_terminal=is_terminal) is wanted


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", None, "no-such-encoding"])
def test_a_console_without_the_symbols_gets_text_it_can_print(view, encoding):
    text = table(view, width=120, colour=False, encoding=encoding)
    text.encode("cp1252" if encoding == "cp1252" else "ascii")
    assert "x FAIL" in text
    assert ">= 75" in text


def test_a_rehearsal_is_said_beside_the_state(view, sample):
    assert "REHEARSAL REJECTED" in table(view, width=200, colour=False)
    accepted = sample.make_view(sample.make_verdicts(state="APPROVED WITH 1 WAIVER", rehearsal=False))
    text = table(accepted, width=200, colour=False)
    assert "Phase 1: APPROVED WITH 1 WAIVER" in text
    assert "REHEARSAL" not in text


def test_an_informative_criterion_is_marked(view):
    text = table(view, width=120, colour=False)
    assert "? INCONCLUSIVE *" in text
    assert "* informative, decides nothing" in text


def test_a_hostile_title_cannot_steer_the_terminal(sample):
    verdicts = sample.make_verdicts([sample.criterion("P1-X", title="\x1b[2J[bold]x[/bold]\u202e", reason="none")])
    text = table(sample.make_view(verdicts), width=200, colour=False)
    assert "\\u001b[2J[bold]x[/bold]\\u202e" in text
