"""Everything that the nine documents can print, as facts: gathered once from a dossier, and from nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property

import numpy as np

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.measure.decode import RUN
from pytest_rawrxd.measure.faults.window import DRILL, WINDOW
from pytest_rawrxd.measure.monitoring import RULES
from pytest_rawrxd.profile.operation import Use
from pytest_rawrxd.report import number
from pytest_rawrxd.report.alerts.plan import watch_of
from pytest_rawrxd.report.documents import guarantee
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.faults import procedures
from pytest_rawrxd.report.judged import Judged
from pytest_rawrxd.report.levels import Figure
from pytest_rawrxd.report.nine.energy import energy_of
from pytest_rawrxd.report.nine.fact import CARD, Fact, fact, value
from pytest_rawrxd.report.nine.tree import Candidate, Chosen, Workload, candidate, choose
from pytest_rawrxd.report.plain import plain
from pytest_rawrxd.report.variant import QUALITY, UNSCORED, Variant, variants
from pytest_rawrxd.verdict.fault_window import read_injection
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.tolerance import tolerance_floor

MISSING_MODEL = "model.missing"
KEPT = frozenset({Verdict.PASS, Verdict.WAIVED})


@dataclass(frozen=True)
class Line:
    """One criterion as a document prints it."""

    id: str
    phase: int
    metric: str
    informative: bool
    verdict: str
    title: Fact
    required: Fact
    measured: Fact
    reason: Fact


@dataclass(frozen=True)
class VariantLine:
    """One variant of the profile in its judged cell, measured or not."""

    name: str
    partial: bool
    tps: Fact
    tps_mean: float | None  #: for the bars of the text page
    runs: Fact
    cv: Fact
    latency: Fact
    p50: Fact
    p95: Fact
    p99: Fact
    memory: Fact
    quality: Fact
    read: Fact
    sha256: Fact
    floor: Fact  #: what runs like these will keep
    energy: Fact
    cost: Fact


@dataclass(frozen=True)
class LevelLine:
    """One number of streams on the engine under test."""

    streams: Fact
    tps: Fact
    tps_mean: float | None
    p50: Fact
    p95: Fact
    p99: Fact
    longest: Fact
    efficiency: Fact
    completed: Fact


@dataclass(frozen=True)
class FaultLine:
    """One kind of fault: what happened and what to do."""

    kind: str
    title: str
    action: str
    by_itself: Fact
    times: tuple[tuple[str, Fact], ...]


@dataclass(frozen=True)
class UseLine:
    """One use of the profile with its one answer."""

    name: str
    title: str
    prefer: str
    variant: str | None
    why: Fact


@dataclass(frozen=True)
class PhaseLine:
    """One phase and its state."""

    number: int
    title: str
    state: str
    sentence: Fact


@dataclass(frozen=True)
class Book:
    """The facts of one campaign."""

    view: RunView

    @cached_property
    def facts(self) -> Mapping[str, Fact]:
        """Every fact by its key."""
        parts = (
            self.about,
            self.lines,
            self.variants,
            self.levels,
            self.faults,
            self.uses,
            self.alerts,
            self.history,
            self.phases,
            self.asked,
        )
        return {each.key: each for part in parts for each in _facts(part)}

    @cached_property
    def about(self) -> Mapping[str, Fact]:
        """What was measured, where, when and by whom: by a short name."""
        run, target = self.view.verdicts["run"], self.view.verdicts["target"]
        identity, machine = run["identity"], self.view.machine
        described = [record.id for record in self.view.of("machine")][:1]
        starts, ends = self.view.of("session.start"), self.view.of("session.end")
        gpus = ", ".join(str(gpu.get("name")) for gpu in machine.get("gpus", ()))
        roomy = machine.get("memory_bytes")
        said = {
            "run": (run["id"], [CARD]),
            "item": (target["item"], [CARD]),
            "measured": (target["measured"], [CARD]),
            "driver": (identity["driver"], [CARD]),
            "profile": (self.view.verdicts["profile"]["title"], [CARD]),
            "digest": (self.view.digest[:16], [CARD]),
            "suite": (run["suite"], [record.id for record in starts]),
            "started": (run["started"], [record.id for record in starts]),
            "ended": (run["ended"], [record.id for record in ends]),
            "sessions": (f"{len(run['sessions'])} sessions", [record.id for record in starts]),
            "cpu": (machine.get("cpu"), described),
            "os": (machine.get("os"), described),
            "gpu": (gpus or None, described),
            "memory": (None if roomy is None else number.size(int(roomy)), described),
            "confidence": (f"{number.exact(self._confidence, 'share')} %", [CARD]),
        }
        whys = {"driver": "no device driver is part of this run", "gpu": "no GPU was found", "ended": "it has no end"}
        return {
            name: fact(f"about/{name}", None if text is None else str(text), sources, why=whys.get(name, "no record"))
            for name, (text, sources) in said.items()
        }

    @property
    def _confidence(self) -> float:
        return self.view.profile.whole.gates.confidence if self.view.profile.whole else 0.95

    @cached_property
    def history(self) -> tuple[tuple[Fact, Fact, Fact, Fact], ...]:
        """Each session: name, when it began, what measured it, how it ended."""
        ended = {record.session: record for record in self.view.of("session.end")}
        return tuple(
            (
                fact(f"session/{start.session}/name", start.session, [start.id]),
                fact(f"session/{start.session}/at", start.at, [start.id]),
                fact(f"session/{start.session}/suite", str(start.data["suite"]), [start.id]),
                fact(
                    f"session/{start.session}/end",
                    str(end.data["why"]) if end else None,
                    [end.id if end else start.id],
                    why="it has no end in the ledger",
                ),
            )
            for start in self.view.of("session.start")
            for end in [ended.get(start.session)]
        )

    @cached_property
    def lines(self) -> Mapping[str, Line]:
        """Every criterion by its id."""
        return {judged.id: self._line(judged) for judged in self.view.criteria}

    def _line(self, judged: Judged) -> Line:
        return Line(
            judged.id,
            judged.phase,
            self.view.metric(judged.id),
            judged.informative,
            str(judged.verdict),
            fact(f"criterion/{judged.id}/title", judged.title, [judged.bound_at]),
            fact(f"criterion/{judged.id}/required", judged.required, [judged.bound_at]),
            _measured(judged),
            fact(f"criterion/{judged.id}/reason", judged.reason or None, judged.evidence or (CARD,), why="no reason"),
        )

    @property
    def sla(self) -> tuple[Line, ...]:
        """The rows of the SLA."""
        return tuple(line for line in self.lines.values() if line.id.startswith("SLA-"))

    def about_metrics(self, *metrics: str) -> tuple[Line, ...]:
        """The criteria about these metrics, informative ones last."""
        return tuple(line for line in self.lines.values() if line.metric in metrics)

    def phase(self, *numbers: int) -> tuple[Line, ...]:
        """The deciding criteria of these phases."""
        return tuple(line for line in self.lines.values() if line.phase in numbers and not line.informative)

    def during(self, activity: str) -> tuple[Line, ...]:
        """The criteria that hold during an activity."""
        return tuple(line for line in self.lines.values() if self.view.where(line.id).get("during") == activity)

    @cached_property
    def _known(self) -> Mapping[str, Variant]:
        return {variant.name: variant for variant in variants(self.view)} if self.view.runs else {}

    @cached_property
    def variants(self) -> tuple[VariantLine, ...]:
        """Every variant of the profile, in its order."""
        whole = self.view.profile.whole
        named = whole.models.variants if whole else tuple(self._known)
        missing = {str(record.data["variant"]): record for record in self.view.of(MISSING_MODEL)}
        lines = []
        for name in named:
            why = str(missing[name].data["why"]) if name in missing else "no run of this variant is in the evidence"
            lines.append(self._variant(name, self._known.get(name), why))
        return tuple(lines)

    def _variant(self, name: str, variant: Variant | None, why: str) -> VariantLine:
        cell = variant.cell if variant else None
        own = [run for run in self.view.runs if cell and (run.variant, run.tokens) == (name, cell.tokens)]
        sources = [run.record for run in own]
        models = [record for record in self.view.of("model") if record.data["variant"] == name]
        scored = [r for r in (*self.view.of(QUALITY), *self.view.of(UNSCORED)) if r.data["variant"] == name]
        why_no_quality = (variant.why_no_quality if variant else None) or "no score is recorded"
        top = variant.quality.same_top_share if variant and variant.quality else None
        quantiles = cell.quantiles_ms if cell else (None, None, None)
        key = f"variant/{name}"

        def figure(what: str, number_: float | None, unit: str = "") -> Fact:
            return value(f"{key}/{what}", number_, sources, unit=unit, why=why)

        rates = np.array([run.tps for run in own if run.tps is not None])
        energy = energy_of(self.view, name, cell.tokens) if cell else None
        price = self.view.profile.whole.energy if self.view.profile.whole else None
        used = (energy.kwh, energy.lower, energy.upper) if energy else (None, None, None)
        no_energy = energy.why if energy else why
        paid = [None if price is None or each is None else each * price.price for each in used]
        return VariantLine(
            name,
            bool(cell and cell.partial_offload),
            value(
                f"{key}/tps",
                cell.tps if cell else None,
                sources,
                unit="tok/s",
                bounds=(cell.lower, cell.upper) if cell else (None, None),
                why=why,
            ),
            cell.tps if cell else None,
            figure("runs", float(cell.runs) if cell else None, "count"),
            figure("cv", cell.cv if cell else None, "share"),
            figure("latency", cell.latency_ms if cell else None, "ms"),
            figure("p50", quantiles[0], "ms"),
            figure("p95", quantiles[1], "ms"),
            figure("p99", quantiles[2], "ms"),
            figure("memory", cell.vram_gb if cell else None, "GB"),
            fact(
                f"{key}/quality",
                number.with_error(top.value * 100, top.standard_error * 100, "%") if top else None,
                [record.id for record in scored],
                why=why_no_quality,
            ),
            fact(
                f"{key}/read",
                number.size(variant.bytes_per_token) if variant and variant.bytes_per_token else None,
                [record.id for record in models],
                why="no manifest",
            ),
            fact(
                f"{key}/sha256",
                str(models[-1].data["sha256"]) if models else None,
                [record.id for record in models],
                why=why,
            ),
            self._floor(f"{key}/floor", rates, sources, why),
            value(
                f"{key}/energy",
                used[0],
                energy.sources if energy else (),
                unit="kWh",
                bounds=used[1:],
                why=no_energy,
            ),
            value(
                f"{key}/cost",
                paid[0],
                (*(energy.sources if energy else ()), CARD),
                unit=price.currency if price else "",
                bounds=(paid[1], paid[2]),
                why=no_energy if used[0] is None else "the profile has no [energy] price",
            ),
        )

    def _floor(self, key: str, rates: np.ndarray, sources: Sequence[str], why: str) -> Fact:
        """The guarantee that runs like these keep: lower tolerance limit, margin of the gates, guard of a floor."""
        whole = self.view.profile.whole
        if whole is None or rates.size < whole.gates.min_runs.floor:
            return fact(key, None, sources, why=f"{rates.size} fresh processes" if rates.size else why)
        gates = whole.gates
        try:
            floor = tolerance_floor(
                rates, margin=gates.compare_margin.to("ratio"), systematic=gates.systematic_error.to("ratio")
            )
        except EvidenceProblem as problem:
            return fact(key, None, sources, why=problem.what)
        return value(key, floor, sources, unit="tok/s")

    @cached_property
    def levels(self) -> tuple[LevelLine, ...]:
        """Every number of streams of the engine under test, rising."""
        lines = []
        for row in self.view.levels:
            if row.beside:
                continue
            sources = [run.record.id for run in row.runs]
            key = f"level/{row.streams}"

            def figure(
                what: str, found: Figure | None, unit: str, key: str = key, ids: Sequence[str] = sources
            ) -> Fact:
                bounds = (found.lower, found.upper) if found else (None, None)
                why = "too few runs, or none with every stream busy"
                return value(f"{key}/{what}", found.value if found else None, ids, unit=unit, bounds=bounds, why=why)

            lines.append(
                LevelLine(
                    fact(f"{key}/streams", str(row.streams), sources, why=f"{row.streams} streams"),
                    figure("tps", row.tps, "tok/s"),
                    row.tps.value if row.tps else None,
                    figure("p50", row.quantiles[0], "ms"),
                    figure("p95", row.quantiles[1], "ms"),
                    figure("p99", row.quantiles[2], "ms"),
                    value(f"{key}/longest", row.longest_ms, sources, unit="ms"),
                    figure("efficiency", row.efficiency, "%"),
                    fact(f"{key}/completed", f"{row.completed} of {row.requests}", sources),
                )
            )
        return tuple(sorted(lines, key=lambda line: int(line.streams.key.split("/")[1])))

    @cached_property
    def faults(self) -> tuple[FaultLine, ...]:
        """Every kind of fault that was injected or drilled."""
        view = self.view
        found = [read_injection(r, view.load_raw(r.data["raw"]), view.profile.recovered) for r in view.of(WINDOW)]
        lines = []
        for each in procedures(view.of(DRILL), found) if found or view.of(DRILL) else ():
            ids = [r.id for r in (*view.of(WINDOW), *view.of(DRILL)) if r.data["kind"] == each.kind]
            times = tuple(
                (said, value(f"fault/{each.kind}/{said.replace(' ', '-')}", seconds, ids, unit="s"))
                for said, seconds in each.times
                if seconds is not None
            )
            by_itself = fact(f"fault/{each.kind}/by-itself", each.by_itself, ids)
            lines.append(FaultLine(each.kind, each.title, each.action, by_itself, times))
        return tuple(lines)

    @cached_property
    def alerts(self) -> Mapping[str, tuple[Fact, ...]]:
        """For each watched criterion its alerts, or why it has none; proven by the record of the rules' tests."""
        whole = self.view.profile.whole
        if whole is None or whole.protocol.monitoring is None:
            return {}
        proofs = [record.id for record in self.view.of(RULES)]
        return {
            row.criterion.id: tuple(
                fact(f"alert/{alert.name}", f"{alert.name} ({alert.severity})", proofs, why="its rules are not proven")
                for alert in row.alerts
            )
            or (fact(f"alert/none/{row.criterion.id}", f"none: {row.why_none}", [row.criterion.bound_at]),)
            for row in watch_of(whole).rows
        }

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """The measured variants as a choice sees them."""
        floor = guarantee(self.view)
        return tuple(candidate(variant, guarantee=floor) for variant in self._known.values())

    @cached_property
    def uses(self) -> tuple[UseLine, ...]:
        """Each use of the profile with the variant for it."""
        whole = self.view.profile.whole
        lines = []
        for name, use in (whole.uses if whole else {}).items():
            found = choose(self.candidates, Workload.of(use))
            lines.append(UseLine(name, use.title, use.prefer, found.variant, self._why(name, found)))
        return tuple(lines)

    @cached_property
    def asked(self) -> tuple[Fact, ...]:
        """What each use asks for."""
        whole = self.view.profile.whole
        return tuple(each for name, use in (whole.uses if whole else {}).items() for each in _asks(name, use))

    def _why(self, name: str, found: Chosen) -> Fact:
        ids = [record.id for record in self.view.of(RUN)]
        if found.variant is None:
            why = "; ".join(f"{each}: {said}" for each, said in found.refused.items())
            return fact(
                f"use/{name}/why", None, ids, why=f"none qualifies: {why}" if why else "no variant was measured"
            )
        line = next(each for each in self.variants if each.name == found.variant)
        others = ", ".join(found.qualified[1:]) or "no other variant qualifies"
        kept = f"top tokens kept {line.quality}; " if line.quality.known else ""
        return fact(f"use/{name}/why", f"{line.tps}; {kept}next: {others}", ids)

    @cached_property
    def phases(self) -> tuple[PhaseLine, ...]:
        """The state of each phase with the sentence that says it."""
        return tuple(
            PhaseLine(
                phase.number,
                phase.title,
                "REHEARSAL " * phase.rehearsal + phase.state.value,
                fact(f"phase/{phase.number}/sentence", phase.sentence, [CARD]),
            )
            for phase in self.view.phases
        )

    @property
    def open_points(self) -> tuple[Line, ...]:
        """Deciding criteria that are not kept, and apply."""
        settled = {*KEPT, Verdict.NOT_APPLICABLE}
        return tuple(each for each in self.lines.values() if not each.informative and each.verdict not in settled)


def _measured(judged: Judged) -> Fact:
    """The value with its interval; where there is none, what was found instead, or why nothing was."""
    key = f"criterion/{judged.id}/measured"
    if judged.verdict is Verdict.NOT_APPLICABLE:
        return Fact(key, plain(f"not applicable: {judged.reason}"), (plain(judged.bound_at),), known=False)
    if judged.estimate is None and judged.evidence and judged.verdict is not Verdict.NOT_MEASURED:
        return fact(key, f"no value: {judged.reason}", judged.evidence)
    said, between = judged.measured
    return fact(key, f"{said} {between}".strip(), judged.evidence, why=judged.reason)


def _facts(found: object) -> Iterator[Fact]:
    if isinstance(found, Fact):
        yield found
    elif isinstance(found, Mapping):
        yield from (each for item in found.values() for each in _facts(item))
    elif isinstance(found, tuple | list):
        yield from (each for item in found for each in _facts(item))
    elif is_dataclass(found):
        yield from (each for item in fields(found) for each in _facts(getattr(found, item.name)))


def _asks(name: str, use: Use) -> Iterator[Fact]:
    """Yield each bound of a use."""
    if use.latency is not None:
        yield _ask(name, "latency", f"at most {number.number(use.latency.to('ms'), 'ms')} a token")
    if use.quality is not None:
        yield _ask(name, "quality", f"at least {number.number(use.quality.to('ratio'), 'share')} of top tokens kept")
    if use.memory is not None:
        yield _ask(name, "memory", f"at most {number.number(use.memory.to('GB'), 'GB')}")
    if use.keeps_guarantee:
        yield _ask(name, "guarantee", "keeps the guaranteed throughput")


def _ask(name: str, what: str, text: str) -> Fact:
    return Fact(f"use/{name}/asks-{what}", text, (CARD,))
