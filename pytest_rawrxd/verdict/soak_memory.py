"""The memory of a soak: which signals are judged, and how a running soak looks at them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pytest_rawrxd.measure.soak.journal import SAMPLE
from pytest_rawrxd.measure.soak.signals import SUITE
from pytest_rawrxd.profile import Criterion, Profile
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.drift import LOOKS_H, Held, drift, settled
from pytest_rawrxd.verdict.outcome import Finding, Verdict
from pytest_rawrxd.verdict.soak import SoakRun
from pytest_rawrxd.verdict.trend import common_slope, lags_for

HORIZON_H = 48.0  #: of the roadmap: the looks of a shorter soak lie at the same shares of it
WORST_FIRST = (Verdict.FAIL, Verdict.INVALID, Verdict.INCONCLUSIVE, Verdict.PASS)
LEAST_SAMPLES = 24
NAMES = {
    "process_memory_bytes": "device memory of the engine process",
    "memory_used_bytes": "device memory of all processes",
    "resident_bytes": "resident memory of the engine process",
}


def held_memory(run: SoakRun, signal: str) -> Held:
    """The settled samples of a memory signal under a held engine, in MB."""
    values = run.signal(signal)
    kept = run.held & ~np.isnan(values)
    found = settled(
        run.hours[kept],
        values[kept] / 1e6,
        run.life[kept],
        settle_minutes=run.schedule.settle_s / 60,
    )
    return replace(found, observed=run.observed_h)


def judged_memory(run: SoakRun, judge: Callable[[Held], Finding]) -> Finding:
    """The worst finding of all memory signals of this soak: a driver may leak what no process shows."""
    signals = run.memory
    if not signals:
        return Finding(
            Verdict.NOT_MEASURED,
            f"the memory of the engine was not read: {run.why_absent('process_memory_bytes')}",
            next="a GPU whose driver shows its memory",
        )
    found = []
    for signal in signals:
        held = held_memory(run, signal)
        if not held.hours.size:
            one = invalid("no settled sample under a held engine", next_step="a longer soak")
        else:
            one = judge(held)
        found.append(replace(one, reason=f"{NAMES.get(signal, signal)}: {one.reason}"))
    return min(found, key=lambda one: WORST_FIRST.index(one.verdict))


def drift_finding(held: Held, criterion: Criterion, profile: Profile, weights_mb: float | None) -> Finding:
    """Judge the drift of ``held`` against ``criterion``, by the profile's horizon and gates."""
    assert isinstance(criterion.limit, tuple)  # noqa: S101 - a drift has a band
    low, high = (convert(limit, criterion.unit, "MB") for limit in criterion.limit)
    horizon = profile.protocol.soak.duration.to("h")
    return drift(
        held,
        limits=(low, high),
        weights_mb=weights_mb,
        most_fall=profile.gates.eviction_max.to("ratio"),
        horizon_hours=horizon,
        required_hours=horizon,
        looks=tuple(look * horizon / HORIZON_H for look in LOOKS_H),
        page_mb=profile.gates.memory_page.to("MB"),
        confidence=criterion.confidence,
        min_samples=LEAST_SAMPLES,
    )


def early_failure(samples: Sequence[tuple[float, float, int]], profile: Profile) -> str | None:
    """Why a running soak has failed already, by the looks of its drift; None while nothing says so.

    ``samples`` are settled: hours, MB, process life.
    """
    promised = [c for c in profile.criteria.values() if c.metric == "vram_drift" and not c.informative]
    if len(samples) < LEAST_SAMPLES or not promised:
        return None
    hours, mb, life = (np.array(column) for column in zip(*samples, strict=True))
    held = Held(hours, mb, life.astype(np.int64), float(hours[-1]))
    if held.longest == 0:
        return None
    found = drift_finding(held, promised[0], profile, None)
    return found.reason if found.verdict is Verdict.FAIL else None


@dataclass(frozen=True)
class Instrument:
    """The suite's own memory in MB: the most, and its change over the soak with a one-sided 95 % half-width."""

    most: float
    change: float
    half: float


def instrument(run: SoakRun) -> Instrument | None:
    """What watching cost in memory: an instrument that leaks says nothing about a leak. None without readings.

    One slope for all sessions of the soak, each process with a level of its own.
    """
    mb, session = run.signal(SUITE) / 1e6, np.array([record.session for record in run.records[SAMPLE]])
    known = ~np.isnan(mb)
    if np.count_nonzero(known) < LEAST_SAMPLES:
        return None
    slope = common_slope(run.hours[known], mb[known], session[known], lags=lags_for(int(known.sum())))
    hours = run.schedule.duration_s / 3600
    return Instrument(float(mb[known].max()), slope.slope * hours, slope.half_width(0.95) * hours)


def weights_mb(run: SoakRun) -> float | None:
    """MB of the weights on a device; None where they lie in host memory, whose pages come and go."""
    sizes = [entry["bytes"] for entry in (run.lives[-1]["load"]["buffers"] or ()) if entry["kind"] == "model"]
    on_cpu = run.memory[:1] == ["resident_bytes"]
    return sum(sizes) / 1e6 if sizes and not on_cpu else None
