"""Tests that never came to their comparison: whatever evidence there is for their criteria cannot be used."""

from __future__ import annotations

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.outcome import Answer

#: Written when a test that claims criteria ends: its name, the criteria, and ``why`` it did not finish (None: it did).
TEST_END = "test"


def unfinished(evidence: Evidence, criterion: str) -> Answer | None:
    """INVALID when the newest end of a test that claims ``criterion`` is not its finish, None otherwise.

    A later session of the same campaign in which the test finishes lifts it: the evidence of both is judged together.
    """
    newest = {record.data["test"]: record for record in evidence.of(TEST_END) if criterion in record.data["criteria"]}
    for record in newest.values():
        if record.data["why"] is not None:
            found = invalid(
                f"{record.data['test']} did not finish: {record.data['why']}",
                next_step="remove the cause and run it again into the same run directory",
            )
            return found, (record.id,)
    return None
