"""A variant as the nine documents print it: its rate, latency, memory, quality, guarantee, energy and cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.report import number
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.nine.energy import Energy, energy_of
from pytest_rawrxd.report.nine.fact import CARD, Fact, fact, value
from pytest_rawrxd.report.variant import QUALITY, UNSCORED, Variant
from pytest_rawrxd.verdict.tolerance import tolerance_floor

MISSING_MODEL = "model.missing"
ACHIEVABLE = "sla_achievable"  #: the metric whose confidence a guarantee is computed at


@dataclass(frozen=True)
class VariantLine:
    """One variant of the profile in its judged cell, measured or not."""

    name: str
    partial: bool
    tps: Fact
    tps_mean: float | None  #: for what the text page draws
    memory_gb: float | None
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


def variant_lines(view: RunView, known: Mapping[str, Variant]) -> tuple[VariantLine, ...]:
    """Return every variant of the profile in its order, measured or not; ``known`` are the measured ones."""
    whole = view.profile.whole
    named = whole.models.variants if whole else tuple(known)
    missing = {str(record.data["variant"]): str(record.data["why"]) for record in view.of(MISSING_MODEL)}
    return tuple(
        _line(view, name, known.get(name), missing.get(name, "no run of this variant is in the evidence"))
        for name in named
    )


def _line(view: RunView, name: str, variant: Variant | None, why: str) -> VariantLine:
    cell = variant.cell if variant else None
    own = [run for run in view.runs if cell and (run.variant, run.tokens) == (name, cell.tokens)]
    sources = [run.record for run in own]
    models = [record for record in view.of("model") if record.data["variant"] == name]
    scored = [r for r in (*view.of(QUALITY), *view.of(UNSCORED)) if r.data["variant"] == name]
    top = variant.quality.same_top_share if variant and variant.quality else None
    quantiles = cell.quantiles_ms if cell else (None, None, None)
    digests = view.verdicts["run"]["identity"]["models"]
    read = number.size(variant.bytes_per_token) if variant and variant.bytes_per_token else None
    rates = np.array([run.tps for run in own if run.tps is not None])
    energy = energy_of(view, name, cell.tokens) if cell else Energy(None, None, None, (), why)
    key = f"variant/{name}"

    def figure(
        what: str, found: float | None, unit: str, bounds: tuple[float | None, float | None] = (None, None)
    ) -> Fact:
        return value(f"{key}/{what}", found, sources, unit=unit, bounds=bounds, why=why)

    return VariantLine(
        name=name,
        partial=bool(cell and cell.partial_offload),
        tps=figure("tps", cell.tps if cell else None, "tok/s", (cell.lower, cell.upper) if cell else (None, None)),
        tps_mean=cell.tps if cell else None,
        memory_gb=cell.vram_gb if cell else None,
        runs=figure("runs", float(cell.runs) if cell else None, "count"),
        cv=figure("cv", cell.cv if cell else None, "share"),
        latency=figure("latency", cell.latency_ms if cell else None, "ms"),
        p50=figure("p50", quantiles[0], "ms"),
        p95=figure("p95", quantiles[1], "ms"),
        p99=figure("p99", quantiles[2], "ms"),
        memory=figure("memory", cell.vram_gb if cell else None, "GB"),
        quality=fact(
            f"{key}/quality",
            number.with_error(top.value * 100, top.standard_error * 100, "%") if top else None,
            [record.id for record in scored],
            why=(variant.why_no_quality if variant else None) or "no score is recorded",
        ),
        read=fact(f"{key}/read", read, [record.id for record in models], why="no manifest"),
        sha256=fact(f"{key}/sha256", digests.get(name), [CARD], why=why),
        floor=_floor(view, f"{key}/floor", rates, sources, why),
        energy=_energy(f"{key}/energy", energy),
        cost=_cost(view, f"{key}/cost", energy),
    )


def _floor(view: RunView, key: str, rates: np.ndarray, sources: Sequence[str], why: str) -> Fact:
    """The guarantee that runs like these keep: lower tolerance limit, margin of the gates, guard of a floor."""
    whole = view.profile.whole
    if whole is None or rates.size < whole.gates.min_runs.floor:
        few = f"{rates.size} fresh processes, a guarantee takes {whole.gates.min_runs.floor}" if whole else why
        return fact(key, None, sources, why=few if rates.size else why, applies=not rates.size)
    gates = whole.gates
    asked = [each.confidence for each in whole.criteria.values() if each.metric == ACHIEVABLE]
    try:
        floor = tolerance_floor(
            rates,
            margin=gates.compare_margin.to("ratio"),
            systematic=gates.systematic_error.to("ratio"),
            confidence=asked[0] if asked else gates.confidence,
        )
    except EvidenceProblem:
        return fact(key, "none: the fresh processes vary too much", sources)
    return value(key, floor, sources, unit="tok/s")


def _energy(key: str, used: Energy) -> Fact:
    bounds = (used.lower, used.upper)
    return value(key, used.kwh, used.sources, unit="kWh", bounds=bounds, why=used.why, applies=used.applies)


def _cost(view: RunView, key: str, used: Energy) -> Fact:
    price = view.profile.whole.energy if view.profile.whole else None
    sources = (*used.sources, CARD)
    if used.kwh is None:
        return fact(key, None, sources, why=used.why, applies=used.applies)
    if price is None:
        return fact(key, None, sources, why="the profile names no price of energy", applies=False)
    paid = [None if each is None else each * price.price for each in (used.kwh, used.lower, used.upper)]
    return value(key, paid[0], sources, unit=price.currency, bounds=(paid[1], paid[2]))
