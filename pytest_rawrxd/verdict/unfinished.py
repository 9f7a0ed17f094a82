"""Tests that never came to their comparison: whatever evidence there is for their criteria cannot be used."""

from __future__ import annotations

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.ledger import Record
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.outcome import Answer

#: Written when a test that claims criteria begins and when it ends: its name, the criteria, and why it is not finished
#: (None: it is). A process that dies in a test leaves the record of its beginning as the last word.
TEST = "test"
BEGUN = "its process died while it ran"


def unfinished(evidence: Evidence, criterion: str, *, running: str | None = None) -> Answer | None:
    """INVALID when the last word of a test that claims ``criterion`` is not that it finished, None otherwise.

    A later session of the same run in which the test finishes lifts it: the evidence of both is judged together.
    ``running`` is the test that asks in the middle of its comparison.
    """
    for test, record in (word for part in evidence.parts for word in last_words(part).items()):
        if test != running and criterion in record.data["criteria"] and record.data["why"] is not None:
            found = invalid(
                f"{test} did not finish: {record.data['why']}",
                next_step="remove the cause and run it again into the same run directory",
            )
            return found, (record.id,)
    return None


def last_words(evidence: Evidence) -> dict[str, Record]:
    """Test -> its newest record."""
    return evidence.once(TEST, lambda: {record.data["test"]: record for record in evidence.of(TEST)})
