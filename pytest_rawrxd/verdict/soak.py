"""The soak of a campaign, read back from its journal, with the first reason for which it cannot be judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.cards import by_card
from pytest_rawrxd.evidence.ledger import Record
from pytest_rawrxd.measure.histogram import Histogram
from pytest_rawrxd.measure.soak.journal import (
    BEGIN,
    BLOCK,
    BURST_DONE,
    CHECKPOINT,
    END,
    FINISHED,
    GAP,
    IDLE_DONE,
    LIFE,
    LOG,
    LOOK,
    REVIEW,
    SAMPLE,
    SOAK,
    TROUBLE,
    Tally,
)
from pytest_rawrxd.measure.soak.latencies import unpacked
from pytest_rawrxd.measure.soak.observer import STALL_S
from pytest_rawrxd.measure.soak.plan import Schedule, schedule_of
from pytest_rawrxd.measure.soak.resume import Earlier, is_over, soak_so_far
from pytest_rawrxd.measure.soak.signals import QUIESCED, STARTING
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.rig.engine.log import devices_with_weights
from pytest_rawrxd.verdict import checks
from pytest_rawrxd.verdict.company import company_in_soak
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.outcome import Finding, Verdict
from pytest_rawrxd.verdict.sample import Floats, Integers
from pytest_rawrxd.verdict.validity import Severity, Violation, violation
from pytest_rawrxd.verdict.wording import duration, number

KINDS = (BEGIN, LIFE, BURST_DONE, IDLE_DONE, BLOCK, SAMPLE, GAP, LOG, LOOK, CHECKPOINT, REVIEW, END)
ENDED = ("EngineCrashed", "EngineHung")  #: a process that had to be stopped is no better than one that died
OWNED = "a soak of an engine that the suite starts itself: --sla-engine llama-server"
AHEAD_S = 2.0  #: observed time may run ahead of the clock by so much: records are stamped when they are written
BEHIND_S = 30.0  #: and lag behind it by so much: a block is written after it has ended


@dataclass(frozen=True, eq=False)
class SoakRun:
    """One soak. Samples are (n,) in the order in which they were taken; a signal without a value there is NaN."""

    tally: Tally
    profile: Profile
    records: dict[str, list[Record]]
    troubles: list[Record]
    sources: tuple[str, ...]

    @cached_property
    def schedule(self) -> Schedule:
        return schedule_of(self.profile)

    @property
    def begin(self) -> dict[str, Any]:
        """What the newest session wrote when it took the soak up."""
        return self.records[BEGIN][-1].data

    @property
    def finished(self) -> bool:
        return self.tally.ended == FINISHED

    @property
    def virtual(self) -> bool:
        """Whether its time is that of a scripted engine."""
        return bool(self.begin["virtual"])

    @cached_property
    def observed_s(self) -> float:
        """From the first burst to the end of the last, without what interruptions took."""
        bursts = self.records[BURST_DONE]
        return float(bursts[-1].data["at_s"] - bursts[0].data["began_s"]) if bursts else 0.0

    @property
    def observed_h(self) -> float:
        return self.observed_s / 3600

    @property
    def lives(self) -> list[dict[str, Any]]:
        return [record.data for record in self.records[LIFE]]

    @property
    def bursts(self) -> list[dict[str, Any]]:
        return [record.data for record in self.records[BURST_DONE]]

    @property
    def gaps(self) -> list[dict[str, Any]]:
        return [record.data for record in self.records[GAP]]

    @property
    def samples(self) -> list[dict[str, Any]]:
        return [record.data for record in self.records[SAMPLE]]

    @property
    def hours(self) -> Floats:
        """When each sample was taken, in observed time."""
        return np.array([sample["at_s"] for sample in self.samples]) / 3600

    @property
    def life(self) -> Integers:
        return np.array([sample["life"] for sample in self.samples], np.int64)

    @property
    def held(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which samples have a held engine that does not idle: some drivers evict an idle model."""
        return np.array([sample["activity"] not in {QUIESCED, STARTING} for sample in self.samples], np.bool_)

    def signal(self, name: str) -> Floats:
        return np.array([sample["signals"].get(name, np.nan) for sample in self.samples], np.float64)

    def loaded_means(self, name: str) -> Floats:
        """The mean of a signal under load in each time block that has one."""
        blocks = [record.data["loaded"].get(name) for record in self.records[BLOCK]]
        return np.array([block[0] for block in blocks if block is not None], np.float64)

    @cached_property
    def distrusted(self) -> dict[str, str]:
        """Memory counters that did not move while a model was loaded, each with what was seen."""
        return {name: why for life in self.lives for name, why in life.get("distrusted", {}).items()}

    @property
    def memory(self) -> list[str]:
        """The memory signals that are judged, the engine's own first."""
        return [name for name in self.begin["signals"]["memory"] if name not in self.distrusted]

    def why_absent(self, name: str) -> str:
        """Why a signal was not read."""
        found = self.distrusted.get(name) or self.begin["signals"]["absent"].get(name)
        return str(found or "no reading lies in the soak")

    def unseen(self, what: str) -> Finding | None:
        """NOT MEASURED where nobody here does this to the engine or sees it; "restart", or as the journal names it."""
        why = self.begin.get("unseen", {}).get(what)
        return Finding(Verdict.NOT_MEASURED, str(why), next=OWNED) if why else None

    @cached_property
    def histogram(self) -> Histogram | None:
        """The latencies of all blocks; None without one. A block written twice, around an interruption, adds up."""
        stored = [record.data["latency"] for record in self.records[BLOCK] if "latency" in record.data]
        return unpacked(stored) if stored else None

    @property
    def error_lines(self) -> list[str]:
        """Every line of the engine's log that is more than information."""
        return [line for record in self.records[LOG] for line in record.data["lines"]]


def soak_run(evidence: Evidence) -> SoakRun | None:
    """The soak of a campaign, read once; None where none was begun, or of several runs more than one was."""
    runs = soak_runs(evidence)
    return runs[0] if len(runs) == 1 else None


def soak_runs(evidence: Evidence) -> tuple[SoakRun, ...]:
    """The soak of each card of each run that the evidence is made of, read once."""
    each = (card for part in evidence.parts for card in by_card(part))
    return evidence.once("soaks", lambda: tuple(run for card in each if (run := _read(card)) is not None))


def unfinished_soak(evidence: Evidence) -> Earlier | None:
    """The soak that can go on, of several cards the first such; where none can, the last; None where none was begun."""
    found = [soak for card in by_card(evidence) if (soak := soak_so_far(card.records)) is not None]
    return next((soak for soak in found if not is_over(soak)), found[-1] if found else None)


def _read(evidence: Evidence) -> SoakRun | None:
    earlier = soak_so_far(evidence.records)
    if earlier is None:
        return None
    records: dict[str, list[Record]] = {kind: [] for kind in KINDS}
    troubles = []
    for record in evidence.records:
        if record.kind in records:
            records[record.kind].append(record)
        elif record.kind == TROUBLE and record.data.get("during") == SOAK:
            troubles.append(record)
    named = (BEGIN, LIFE, GAP, CHECKPOINT, END)
    sources = tuple(record.id for kind in named for record in records[kind]) + tuple(each.id for each in troubles)
    return SoakRun(earlier.tally, evidence.campaign.profile, records, troubles, sources)


def usable_soak(evidence: Evidence) -> tuple[SoakRun | None, Finding | None]:
    """The soak, and the finding that stands instead of any other: there is none, or its journal cannot be used."""
    run = soak_run(evidence)
    if run is None:
        return None, _missing(evidence)
    return run, evidence.once("soak problem", lambda: _problem(run))


def usable_soaks(evidence: Evidence) -> tuple[tuple[SoakRun, ...], Finding | None]:
    """Every soak, whose time adds up; and the first finding that stands instead of any other, as ``usable_soak``."""
    runs = soak_runs(evidence)
    if not runs:
        return (), _missing(evidence)
    return runs, evidence.once("soak problems", lambda: next(filter(None, map(_problem, runs)), None))


def unfinished(run: SoakRun, evidence: Evidence) -> str | None:
    """The line that goes on with a soak that is not over; None for one that is."""
    if run.tally.ended == FINISHED:
        return None
    folder = f"reports/{evidence.campaign.id}"
    return f"rawrxd soak start {folder}, or pytest acceptance/ -m soak --sla-resume {folder}"


def violations(run: SoakRun) -> Iterator[Violation]:
    """Every validity rule that the journal of a soak breaks."""
    every = run.schedule.sample_every_s
    if run.tally.unknown_gaps:
        said = next(gap["said"] for gap in run.gaps if gap["seconds"] is None)
        yield violation("V-GAP", f"an interruption of unknown length: {said}")
    allowed = run.profile.protocol.soak.downtime_max.to("ratio")
    span = run.tally.at_s + run.tally.down_s
    if span and run.tally.down_s / span > allowed:
        share, most = number(100 * run.tally.down_s / span), number(100 * allowed)
        yield violation("V-DOWNTIME", f"{share} % in {run.tally.interruptions} interruptions, allowed {most} %")
    if run.tally.lost_records:
        yield violation("V-GAP", f"{run.tally.lost_records} records were lost while the disk was full")
    devices = {device for life in run.lives for device in devices_with_weights(life["load"]["buffers"] or ())}
    missed = checks.journal_gaps(run.hours, interval_hours=(every + STALL_S / 2) / 3600) if run.samples else None
    yield from (broken for broken in (checks.one_device(sorted(devices)), missed) if broken is not None)
    yield from company_in_soak(run.signal, run.held)
    if not run.virtual:
        yield from _axis(run)


def _axis(run: SoakRun) -> Iterator[Violation]:
    """Observed time against the clock of each session: nobody observes for longer than time passes."""
    for first in run.records[LIFE]:
        mine = [
            record
            for kind in (LIFE, BURST_DONE, CHECKPOINT, END)
            for record in run.records[kind]
            if record.session == first.session and record.seq >= first.seq
        ]
        last = max(mine, key=lambda record: record.seq)
        passed = (last.mono_ns - first.mono_ns) / 1e9
        observed = float(last.data["at_s"]) - float(first.data["at_s"])
        down = sum(
            gap.data["seconds"] or 0.0
            for gap in run.records[GAP]
            if gap.session == first.session and gap.seq >= first.seq and gap.data["cause"] != "suspend"
        )
        if not passed - down - BEHIND_S <= observed <= passed - down + AHEAD_S and not last.data.get("delayed"):
            yield violation(
                "V-GAP",
                f"session {first.session} observed {number(observed)} s in {number(passed)} s of its clock, "
                f"{number(down)} s of it interrupted",
            )
            return


def _problem(run: SoakRun) -> Finding | None:
    for told in violations(run):
        if told.rule.severity is Severity.ERROR:
            return invalid(told.sentence(), next_step=told.rule.fix, n=len(run.samples))
    return None


def _missing(evidence: Evidence) -> Finding:
    campaign = evidence.campaign
    return Finding(
        Verdict.NOT_MEASURED,
        f"no soak was run in this campaign; it takes {duration(campaign.profile.protocol.soak.duration.to('h'))}",
        next=f"rawrxd soak start {campaign.profile.label} --run-dir reports/{campaign.id}",
    )


def with_soak(found: Finding, run: SoakRun) -> Finding:
    """``found`` with what has to be said beside every figure of a soak."""
    notes: Sequence[str] = [
        *([f"{run.tally.interruptions} interruptions, {number(run.tally.down_s)} s of down time"] * bool(run.gaps)),
        *(["in the virtual time of a scripted engine"] * run.virtual),
    ]
    return replace(found, reason="; ".join([found.reason, *notes])) if notes else found


def capped(found: Finding, run: SoakRun, evidence: Evidence) -> Finding:
    """``found``, INCONCLUSIVE where a soak that is not over keeps a promise about the whole of it."""
    resume = unfinished(run, evidence)
    if resume is None or found.verdict is not Verdict.PASS:
        return found
    reason = f"{found.reason}; so far: {run.tally.ended or 'the soak is not over'}"
    return replace(found, verdict=Verdict.INCONCLUSIVE, reason=reason, next=resume)
