"""``sustained_duration``: how long the bandwidth test decoded without a break."""

from __future__ import annotations

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.decode import SUSTAINED
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.verdict.cell import CellSample, cell_sample, with_note
from pytest_rawrxd.verdict.counts import value_range
from pytest_rawrxd.verdict.outcome import Answer


def sustained_duration(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the longest stretch of the test in which no two tokens were further apart than the stall gap."""
    variant, sample = bandwidth_sample(evidence)
    if sample.problem is not None:
        return with_note(sample.problem, f"bandwidth test of {variant}"), sample.sources
    assert not isinstance(criterion.limit, bool)  # noqa: S101 - a time is never promised as yes or no
    gap = evidence.campaign.profile.gates.stall_gap
    seconds = max(_unbroken_s(evidence, process.record.data["raw"], gap.to("s")) for process in sample.processes)
    found = value_range(
        convert(seconds, "s", criterion.unit), direction=criterion.direction, limit=criterion.limit, unit=criterion.unit
    )
    return with_note(found, f"{variant}, one stream, no gap above {gap}"), sample.sources


def bandwidth_sample(evidence: Evidence) -> tuple[str, CellSample]:
    """The variant of the sustained test and its process."""
    profile = evidence.campaign.profile
    recorded = [*evidence.of(SUSTAINED), *evidence.of("trouble", during=SUSTAINED)]
    variant = str(recorded[-1].data["variant"] if recorded else profile.protocol.bandwidth.variant)
    return variant, cell_sample(evidence, variant, profile.protocol.phase1.judged_tokens, SUSTAINED)


def _unbroken_s(evidence: Evidence, raw: dict[str, object], gap_s: float) -> float:
    """Longest stretch in s from the first submission, or the end of a gap, to the token before the next gap."""
    arrays = evidence.raw(raw)
    instants = np.concatenate([arrays["submitted_ns"][:1], arrays["stamps_ns"]]).astype(np.int64)
    breaks = np.flatnonzero(np.diff(instants) > gap_s * 1e9)
    begins, ends = np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [instants.size - 1]])
    return float((instants[ends] - instants[begins]).max() / 1e9)
