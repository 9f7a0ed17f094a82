"""Tests that never came to their comparison: whatever evidence there is for their criteria cannot be used."""

from __future__ import annotations

from collections.abc import Collection

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.ledger import Record
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict

#: Written when a test that claims criteria begins and when it ends: its name, the criteria, the lane that runs it, and
#: why it is not finished (None: it is). A process that dies in a test leaves its beginning as the last word.
TEST = "test"
BEGUN = "its process died while it ran"


def unfinished(evidence: Evidence, criterion: str, *, running: Collection[str] = ()) -> Answer | None:
    """INVALID when the last word of a test that claims ``criterion`` is not that it finished, NOT MEASURED when it was
    skipped, None otherwise.

    A later session of the same campaign in which the test finishes lifts it: the evidence of both is judged together.
    ``running`` are tests that are going on while this is asked, such as the one that asks: they have not died.
    """
    for test, record in last_words(evidence).items():
        if test in running or criterion not in record.data["criteria"]:
            continue
        if record.data.get("skipped"):
            said = f"{test} was skipped: {record.data['why']}"
            return Finding(Verdict.NOT_MEASURED, said, next="run it into the same run directory"), (record.id,)
        if record.data["why"] is not None:
            found = invalid(
                f"{test} did not finish: {record.data['why']}",
                next_step="remove the cause and run it again into the same run directory",
            )
            return found, (record.id,)
    return None


def going_on(evidence: Evidence) -> frozenset[str]:
    """The tests that the lanes of the newest session are in the middle of, as far as its records tell.

    A lane runs one test at a time: one that it began before another, and never ended, died with its process. Of a lane
    that died last of all nothing tells yet; whoever judges after the session asks without these.
    """
    starts = evidence.of("session.start")
    newest: dict[int, Record] = {}
    for record in evidence.of(TEST):
        lane = record.data.get("lane")
        if lane is None or not starts or record.session != starts[-1].session:
            continue
        if lane not in newest or record.at >= newest[lane].at:
            newest[lane] = record
    return frozenset(record.data["test"] for record in newest.values() if record.data["why"] == BEGUN)


def last_words(evidence: Evidence) -> dict[str, Record]:
    """Test -> its newest record."""
    return evidence.once(TEST, lambda: {record.data["test"]: record for record in evidence.of(TEST)})
