"""The dossier: everything one campaign says, as frozen values that any renderer reads. Nothing in it is live."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.canonical import digest
from pytest_rawrxd.evidence.cards import Card
from pytest_rawrxd.measure.decode import SUSTAINED
from pytest_rawrxd.profile.profile import Profile
from pytest_rawrxd.report.judged import Judged
from pytest_rawrxd.report.levels import LevelRow, level_rows
from pytest_rawrxd.report.runs import DecodeRun, LoadRaw, RecordLike, decode_runs
from pytest_rawrxd.verdict.fault_window import NO_PROMISE, Promise, promise_of
from pytest_rawrxd.verdict.outcome import State, Verdict
from pytest_rawrxd.verdict.soak import SoakRun

PHASES = {1: "performance optimization", 2: "production hardening", 3: "documentation"}


class CriterionLike(Protocol):
    """What a report reads of a profile's criterion, beside what verdicts.json already says."""

    @property
    def metric(self) -> str: ...
    @property
    def where(self) -> Mapping[str, str | int]: ...
    @property
    def quantile(self) -> float | None: ...


@dataclass(frozen=True)
class Promises:
    """What the reports print of a profile: who signs, the gates as they are written, the criteria."""

    roles: tuple[str, ...]
    gates: Mapping[str, Any]
    criteria: Mapping[str, CriterionLike]
    peak_bandwidth: float | None = None  #: B/s of the device by its datasheet
    block_s: float | None = None  #: length of the time blocks that intervals under load are computed over
    whole: Profile | None = None  #: what the monitoring is written from
    recovered: Promise = NO_PROMISE  #: what "back within the SLA" means for one request

    @classmethod
    def of(cls, profile: Profile) -> Promises:
        """Read a resolved profile, such as the one a run directory carries."""
        peak = profile.hardware.peak_bandwidth
        return cls(
            roles=profile.roles.sign_off,
            gates=profile.gates.model_dump(mode="json"),
            criteria=profile.criteria,
            peak_bandwidth=None if peak is None else peak.to("GB/s") * 1e9,
            block_s=profile.protocol.phase2.block.to("s"),
            whole=profile,
            recovered=promise_of(profile),
        )


@dataclass(frozen=True)
class EvidenceFile:
    """A file of the run directory: ``name`` relative to it, digest and size in bytes."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Broken:
    """A validity rule that the evidence breaks, as verdicts.json holds it."""

    rule: str
    severity: str  #: "error", "warning" or "note"
    protects: str
    message: str
    found: str
    fix: str
    phases: tuple[int, ...]
    evidence: tuple[str, ...]

    @property
    def is_error(self) -> bool:
        """Whether the phases that rest on the evidence cannot be signed."""
        return self.severity == "error"

    @property
    def sentence(self) -> str:
        """The rule with what was found and what to do."""
        return f"{self.rule} {self.severity}: {self.message}: {self.found}. Fix: {self.fix}"


@dataclass(frozen=True)
class Phase:
    """One phase: its state, its counters, its criteria with the deciding ones first."""

    number: int
    state: State
    said: str  #: the state as verdicts.json speaks it: waivers are counted in it
    rehearsal: bool
    sentence: str
    counts: Mapping[Verdict, int]
    unclaimed: int
    criteria: tuple[Judged, ...]

    @property
    def title(self) -> str:
        """The phase as a heading names it."""
        return f"Phase {self.number} acceptance: {PHASES.get(self.number, '')}".removesuffix(": ")


@dataclass(frozen=True, eq=False)
class RunView:
    """One campaign as its reports see it: verdicts, evidence records, raw arrays on demand, the profile's own words."""

    verdicts: Mapping[str, Any]
    phases: tuple[Phase, ...]
    records: tuple[RecordLike, ...]
    load_raw: LoadRaw
    profile: Promises
    files: tuple[EvidenceFile, ...] = ()
    soak: SoakRun | None = None
    card: Card | None = None  #: whose records these are, where several cards were tested
    alone: tuple[RunView, ...] = field(default=(), repr=False)  #: the same run as each of several cards saw it

    @classmethod
    def build(
        cls,
        verdicts: Mapping[str, Any],
        *,
        records: Sequence[RecordLike],
        load_raw: LoadRaw,
        profile: Promises,
        files: Sequence[EvidenceFile] = (),
        soak: SoakRun | None = None,
    ) -> RunView:
        """Read ``verdicts`` (the parsed verdicts.json). EvidenceProblem names what cannot be read.

        ``files`` are files of the run directory that no record names, such as the ledger; they are listed with the
        raw files, which the records name themselves.
        """
        judged = [Judged.from_record(record) for record in verdicts["criteria"]]
        strangers = {item.phase for item in judged} - {int(number) for number in verdicts["state"]}
        if strangers:
            raise EvidenceProblem("verdicts.json has criteria of a phase without a state", found=str(sorted(strangers)))
        phases = tuple(_phase(int(number), verdicts["state"][number], judged) for number in sorted(verdicts["state"]))
        ordered = tuple(sorted(files, key=lambda file: file.name))
        return cls(verdicts, phases, tuple(records), load_raw, profile, ordered, soak)

    def phase(self, number: int) -> Phase:
        """Return one phase; EvidenceProblem when the verdicts have none of that number."""
        for phase in self.phases:
            if phase.number == number:
                return phase
        raise EvidenceProblem(f"verdicts.json has no phase {number}", possible=str([p.number for p in self.phases]))

    def of(self, kind: str) -> list[RecordLike]:
        """Records of one kind, in the order of the ledger."""
        return [record for record in self.records if record.kind == kind]

    @property
    def machine(self) -> Mapping[str, Any]:
        """The machine as its first record describes it, empty where none was written."""
        return next((record.data for record in self.of("machine")), {})

    def metric(self, criterion: str) -> str:
        """The metric a criterion is about, "" for one the profile lacks."""
        known = self.profile.criteria.get(criterion)
        return "" if known is None else known.metric

    def where(self, criterion: str) -> Mapping[str, str | int]:
        """The conditions a criterion holds under, such as variant and tokens; empty for one the profile lacks."""
        known = self.profile.criteria.get(criterion)
        return {} if known is None else known.where

    @property
    def criteria(self) -> tuple[Judged, ...]:
        """All criteria of all phases."""
        return tuple(judged for phase in self.phases for judged in phase.criteria)

    @cached_property
    def validity(self) -> tuple[Broken, ...]:
        """Every validity rule that the evidence breaks."""
        return tuple(_broken(entry) for entry in self.verdicts["validity"])

    @property
    def rehearsal(self) -> bool:
        """Whether nothing in this dossier can be signed as accepted."""
        return any(phase.rehearsal for phase in self.phases)

    @cached_property
    def runs(self) -> tuple[DecodeRun, ...]:
        """Every decoding run, derived from raw stamps once."""
        return decode_runs(self.records, self.load_raw)

    @cached_property
    def levels(self) -> tuple[LevelRow, ...]:
        """Every level of the load test on every engine, derived from raw stamps once."""
        return level_rows(self.records, self.load_raw, block_s=self.profile.block_s)

    @cached_property
    def sustained(self) -> tuple[DecodeRun, ...]:
        """The sustained bandwidth tests."""
        return decode_runs(self.records, self.load_raw, SUSTAINED)

    @cached_property
    def variants(self) -> tuple[str, ...]:
        """The variants that were measured, in the order the profile writes them, strangers last by name."""
        promised = [str(item.where["variant"]) for item in self.profile.criteria.values() if "variant" in item.where]
        order = {name: position for position, name in reversed(list(enumerate(promised)))}
        return tuple(sorted({run.variant for run in self.runs}, key=lambda name: (order.get(name, len(order)), name)))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical verdicts.json (RFC 8785)."""
        return digest(self.verdicts)


def _broken(entry: Mapping[str, Any]) -> Broken:
    said = {key: str(entry[key]) for key in ("rule", "severity", "protects", "message", "found", "fix")}
    return Broken(**said, phases=tuple(entry["phases"]), evidence=tuple(entry["evidence"]))


def _phase(number: int, state: Mapping[str, Any], judged: Sequence[Judged]) -> Phase:
    own = [item for item in judged if item.phase == number]
    return Phase(
        number=number,
        state=_state(str(state["state"])),
        said=str(state["state"]),
        rehearsal=bool(state["rehearsal"]),
        sentence=str(state["sentence"]),
        counts={verdict: int(state["counts"].get(verdict, 0)) for verdict in Verdict},
        unclaimed=int(state["unclaimed"]),
        criteria=tuple(sorted(own, key=lambda item: (item.informative, item.verdict is Verdict.NOT_APPLICABLE))),
    )


def _state(said: str) -> State:
    if re.fullmatch(r"APPROVED WITH \d+ WAIVERS?", said):
        return State.APPROVED_WITH_WAIVERS
    try:
        return State(said)
    except ValueError as problem:
        raise EvidenceProblem("verdicts.json has an unknown state", found=said, possible=", ".join(State)) from problem
