"""One level of the load test as a sample: its runs, what each stream received, and why they cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.ledger import Record
from pytest_rawrxd.measure.concurrency import RUN
from pytest_rawrxd.measure.histogram import Histogram, record
from pytest_rawrxd.measure.levels import LEVEL, MAIN, Part
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.verdict import checks
from pytest_rawrxd.verdict.cell import partial_offload
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.gaps import Gaps, Window, block_of, shared_reads
from pytest_rawrxd.verdict.load_run import LoadRun, read_run
from pytest_rawrxd.verdict.load_validity import load_roofline, load_violations
from pytest_rawrxd.verdict.outcome import Finding, Verdict
from pytest_rawrxd.verdict.sample import Floats
from pytest_rawrxd.verdict.telemetry import throttling_under_load
from pytest_rawrxd.verdict.validity import Severity, Violation

BLOCKS_OF_A_RUN = 1_000_000  #: block numbers of two runs never meet
EVERY_PART: tuple[Part, ...] = (MAIN, LEVEL)


@dataclass(frozen=True, eq=False)
class LevelSample:
    """``problem`` is the finding that stands instead of any other; ``sources`` are the records behind it all."""

    runs: tuple[LoadRun, ...]
    sources: tuple[str, ...]
    problem: Finding | None

    @property
    def gap_problem(self) -> Finding | None:
        """``problem``, or that tokens came together: then nobody knows the gaps between them."""
        if self.problem is not None:
            return self.problem
        if (why := self.untold("itl")) is not None:
            return Finding(Verdict.NOT_MEASURED, why, next="a server that streams its tokens")
        for run in self.runs:
            if (found := checks.coalesced(run.gaps.coalesced, run.stamps_ns.size)) is not None:
                return _unusable_run(run, found, len(self.runs))
        return None

    def untold(self, what: str) -> str | None:
        """Why ``what`` ("ttft", "itl", "tokens") cannot be seen of this server; None where it can."""
        return next((run.untold[what] for run in self.runs if what in run.untold), None)

    @property
    def tps(self) -> Floats:
        """Aggregate tokens per second, one value a run."""
        return np.array([run.tps for run in self.runs])

    @property
    def windows(self) -> list[Window]:
        """The window of each run that has one."""
        return [run.window for run in self.runs if run.window is not None]

    @property
    def minutes(self) -> float:
        """Length of all windows together."""
        return sum(window.minutes for window in self.windows)

    @property
    def steps(self) -> int:
        """Decode steps, about: streams of one batch share them, so that their tokens are no independent values."""
        return max(1, sum(len(run.gaps) // run.streams for run in self.runs))

    @property
    def shared_reads(self) -> str:
        """What has to be said with every figure of gaps: "" unless tokens of one read count with the wait for it."""
        return shared_reads(sum(run.gaps.coalesced for run in self.runs), sum(run.stamps_ns.size for run in self.runs))

    @property
    def note(self) -> str:
        """What has to be said with every figure: "" unless the variant was only partly on the device."""
        return next((said for run in self.runs if (said := partial_offload(run.data))), "")

    def histogram(self, *, bound_ns: int, block_s: float, of: Callable[[LoadRun], Gaps] | None = None) -> Histogram:
        """Every gap, in the time blocks of its run, with an exact counter at ``bound_ns``; or those ``of`` each run."""
        taken = [(position, run.window, of(run) if of else run.gaps) for position, run in enumerate(self.runs)]
        blocks = [
            block_of(gaps, window, length_s=block_s, first=position * BLOCKS_OF_A_RUN)
            for position, window, gaps in taken
            if window is not None
        ]
        found = [gaps.gap_ns for _, window, gaps in taken if window is not None]
        return record(np.concatenate(found), block=np.concatenate(blocks), bounds_ns=[bound_ns])


def level_sample(
    evidence: Evidence, streams: int, parts: Sequence[Part] = EVERY_PART, *, beside: str | None = None
) -> LevelSample:
    """The runs of one level with the first reason for which they cannot be judged.

    ``beside`` names an engine that did the same load beside the one under test: nothing of it may decide.
    """

    def wanted(data: Mapping[str, Any]) -> bool:
        return data["streams"] == streams and data["part"] in parts

    return _sample(evidence, wanted, f"{streams} streams", beside)


def load_sample(evidence: Evidence) -> LevelSample:
    """Every run of the load test, as `level_sample` has them."""
    return _sample(evidence, lambda _data: True, "load")


def load_troubles(evidence: Evidence, beside: str | None = None) -> list[Record]:
    """What went wrong with one engine during the load test; None is the one under test."""
    return evidence.of("trouble", during=RUN, beside=beside)


def load_records(evidence: Evidence, beside: str | None = None) -> list[Record]:
    """The runs of one engine; None is the one under test."""
    return evidence.of(RUN, beside=beside)


def run_of(evidence: Evidence, found: Record) -> LoadRun:
    """One record with its arrays, read once."""
    return evidence.once(("load run", found.id), lambda: read_run(evidence.raw, found))


def with_size(found: Finding, sample: LevelSample, blocks: int | None = None) -> Finding:
    """``found`` with the number of runs and time blocks it rests on, and what has to be said with every figure."""
    sizes = {"runs": len(sample.runs)} | ({"blocks": blocks} if blocks is not None else {})
    reason = f"{found.reason}; {sample.note}" if sample.note else found.reason
    return replace(found, reason=reason, deciding={**found.deciding, **sizes})


def in_unit(found: Finding, unit: str, to: str) -> Finding:
    """``found``, whose values are in ``unit``, with its values in ``to``."""

    def converted(value: float | None) -> float | None:
        return None if value is None else convert(value, unit, to)

    return replace(
        found,
        estimate=converted(found.estimate),
        lower=converted(found.lower),
        upper=converted(found.upper),
        acceptance_limit=converted(found.acceptance_limit),
    )


def _sample(
    evidence: Evidence, wanted: Callable[[Mapping[str, Any]], bool], of: str, beside: str | None = None
) -> LevelSample:
    records = [found for found in load_records(evidence, beside) if wanted(found.data)]
    sources = tuple(found.id for found in records)
    if troubles := [found for found in load_troubles(evidence, beside) if wanted(found.data)]:
        return LevelSample((), (*sources, *(found.id for found in troubles)), _troubled(troubles))
    if not records:
        return LevelSample((), (), _missing(evidence, of))
    runs = tuple(run_of(evidence, found) for found in records)
    return LevelSample(runs, sources, _unusable(evidence, records, runs))


def _troubled(troubles: Sequence[Record]) -> Finding:
    first, more = troubles[0].data, f" (and {len(troubles) - 1} more)" if len(troubles) > 1 else ""
    return invalid(
        f"{first['streams']} streams, process {first['run']}: {first['what']}{more}: {first['found'] or first['type']}",
        next_step="read the log lines of the recorded trouble, mend the cause, measure again in a new run directory",
    )


def _missing(evidence: Evidence, of: str) -> Finding:
    campaign = evidence.campaign
    absent = evidence.of("model.missing", variant=campaign.profile.protocol.phase2.variant)
    why = f": {absent[-1].data['why']}" if absent else ""
    return Finding(
        Verdict.NOT_MEASURED,
        f"no run of {of} in this campaign{why}",
        next=f"pytest acceptance/ -m phase2 --sla-profile {campaign.profile.label} --sla-run-dir reports/{campaign.id}",
    )


def _unusable(evidence: Evidence, records: Sequence[Record], runs: tuple[LoadRun, ...]) -> Finding | None:
    for found, run in zip(records, runs, strict=True):
        for broken in load_violations(evidence, found, run):
            if broken.rule.severity is Severity.ERROR:
                return _unusable_run(run, broken, len(runs))
        if (slowed := throttling_under_load(evidence, run)) is not None:
            return slowed
        judged = load_roofline(evidence, run)
        if judged is not None and (told := judged.finding()) is not None:
            return told
    return None


def _unusable_run(run: LoadRun, found: Violation, runs: int) -> Finding:
    name = f"{run.streams} streams, process {run.data['run']} of session {run.record.session}"
    return invalid(f"{name}: {found.sentence()}", next_step=found.rule.fix, n=runs)
