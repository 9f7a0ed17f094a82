"""The performance matrix as the profile lists it: which of its runs are there, and why others are not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.verdict.cell import CellSample, cell_sample
from pytest_rawrxd.verdict.outcome import Finding, Verdict


@dataclass(frozen=True, eq=False)
class ListedCell:
    """One cell of the matrix with the runs it wants and the sample it has."""

    variant: str
    tokens: int
    wanted: int
    sample: CellSample

    @property
    def lack(self) -> Finding | None:
        """Why the cell is not complete; None when it is."""
        if self.sample.problem is not None:
            return self.sample.problem
        there = len(self.sample.processes)
        if there >= self.wanted:
            return None
        return Finding(
            Verdict.NOT_MEASURED,
            f"{there} of {self.wanted} runs of {self.tokens} tokens",
            next="measure all of phase 1: pytest acceptance/ -m phase1",
        )


def listed_cells(evidence: Evidence) -> tuple[ListedCell, ...]:
    """Every cell that the profile's matrix lists, variants in the profile's order."""
    return tuple(_listed(evidence))


def _listed(evidence: Evidence) -> Iterator[ListedCell]:
    profile = evidence.campaign.profile
    for variant in profile.models.variants:
        for cell in profile.protocol.phase1.cells(variant):
            yield ListedCell(variant, cell.tokens, cell.runs, cell_sample(evidence, variant, cell.tokens))
