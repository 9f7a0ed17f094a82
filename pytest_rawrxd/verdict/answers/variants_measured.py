"""``variants_measured``: variants whose every cell of the matrix was measured."""

from __future__ import annotations

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.counts import count_of
from pytest_rawrxd.verdict.matrix import listed_cells
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict


def variants_measured(evidence: Evidence, criterion: Criterion) -> Answer:
    """Count the variants; one that lacks a run is named with the reason, and the criterion stays open."""
    cells = listed_cells(evidence)
    sources = tuple(source for cell in cells for source in cell.sample.sources)
    lacking = {cell.variant: lack for cell in reversed(cells) if (lack := cell.lack) is not None}
    variants = evidence.campaign.profile.models.variants
    done = len(variants) - len(lacking)
    needed = int(criterion.limit) if not isinstance(criterion.limit, tuple) else len(variants)
    if not lacking:
        return count_of(done, needed=needed, of="variants measured in every cell of the matrix"), sources
    for verdict in (Verdict.INVALID, Verdict.NOT_MEASURED):
        named = [variant for variant in variants if variant in lacking and lacking[variant].verdict is verdict]
        if named:
            said = "; ".join(f"{variant}: {lacking[variant].reason}" for variant in named)
            reason = f"{done} of {needed} variants measured in every cell of the matrix; {said}"
            return Finding(verdict, reason, float(done), n=done, method="count", next=lacking[named[0]].next), sources
    raise AssertionError(lacking)
