"""The first question of a manager has its answer in the first lines, and a rehearsal never says yes."""

from types import SimpleNamespace

import pytest

from pytest_rawrxd.report.nine.about import decision
from pytest_rawrxd.report.nine.plot import plot
from pytest_rawrxd.verdict.outcome import State


def said(*states, rehearsal=False):
    phases = [SimpleNamespace(title=f"Phase {number}", state=state) for number, state in enumerate(states, 1)]
    return decision(SimpleNamespace(rehearsal=rehearsal, phases=phases))


def text_of(documents, name):
    return next(text for path, text in documents.items() if path.endswith(name))


@pytest.mark.parametrize(
    ("states", "answer"),
    [
        ([State.APPROVED] * 3, "Yes, as soon as every role has signed. Every phase is approved by"),
        ([State.APPROVED, State.APPROVED_WITH_WAIVERS, State.APPROVED], "Yes, as soon as every role has signed. Every "
         "phase is approved, with waivers"),
        ([State.APPROVED, State.REJECTED, State.INCOMPLETE], "No. Phase 2 is REJECTED; Phase 3 is INCOMPLETE."),
        ([State.APPROVED, State.APPROVED, State.INCOMPLETE], "No. Phase 3 is INCOMPLETE."),
        ([], "No."),
    ],
)  # fmt: skip
def test_the_states_of_the_phases_decide(states, answer):
    assert said(*states).startswith(answer)


@pytest.mark.parametrize("state", list(State))
def test_a_rehearsal_approves_nothing_whatever_it_shows(state):
    assert said(state, state, state, rehearsal=True) == (
        "No. This is a rehearsal: whatever it shows, it approves no item."
    )


@pytest.mark.parametrize("name", ["EXECUTIVE_SUMMARY.md", "BENCHMARK_VISUAL_SUMMARY.txt"])
def test_the_decision_stands_in_the_first_lines(documents, name):
    first = "\n".join(text_of(documents, name).splitlines()[:12])

    assert "No. This is a rehearsal" in first


def test_what_is_broken_stands_with_its_reason_before_everything_else(recorded, documents):
    summary = text_of(documents, "EXECUTIVE_SUMMARY.md").split("## What to deploy")[0]
    broken = [entry for entry in recorded[1].criteria if entry.verdict == "FAIL" and not entry.informative]

    for entry in broken:
        assert entry.id in summary
        assert entry.reason.replace("<", "&lt;") in summary
    assert bool(broken) is ("are not kept" in summary)
    assert bool(broken) is not ("Nothing that was measured breaks its promise" in summary)


def test_no_use_is_said_in_words(documents):
    """The profile of the recordings names no use: an empty table would say nothing."""
    summary = text_of(documents, "EXECUTIVE_SUMMARY.md")

    assert "not measured: the profile names no use" in summary
    assert "| Use |" not in summary


def test_a_point_stands_at_its_share_of_the_largest():
    lines = plot([(0.0, 0.0), (10.0, 20.0), (5.0, 10.0)], columns=11, rows=5)

    assert lines == [
        "│          B",
        "│           ",
        "│     C     ",
        "│           ",
        "│A          ",
        "└───────────",
    ]


@pytest.mark.parametrize(
    ("points", "row"),
    [
        ([(1.0, 1.0), (1.0, 1.0)], "│  BA"),  # at the edge the second goes to the left
        ([(1.0, 1.0), (1.0, 1.0), (3.0, 1.0)], "│ ABC"),
        ([(0.0, 0.0), (0.0, 0.0)], "│AB  "),  # nothing is large: no division by it
    ],
)
def test_points_at_one_place_stand_beside_each_other(points, row):
    assert row in plot(points, columns=4, rows=2)
