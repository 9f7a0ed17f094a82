"""The device under the load of a pilot: memory, temperature and utilisation, one figure a fresh process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion, Profile, convert
from pytest_rawrxd.verdict.answers.vram_delta import moved_bytes
from pytest_rawrxd.verdict.level import load_sample
from pytest_rawrxd.verdict.load_run import LoadRun
from pytest_rawrxd.verdict.memory import used_bytes
from pytest_rawrxd.verdict.pilot.bound import Bound, Figure, floor_bound, largest_bound
from pytest_rawrxd.verdict.telemetry import block_means, samples_under_load
from pytest_rawrxd.verdict.tolerance import outward
from pytest_rawrxd.verdict.wording import number

MOVEMENT = "movement of the memory of a process under load"

#: What one process shows; None where its device tells nothing of it.
Reading = Callable[[Evidence, LoadRun], float | None]


def sawtooth(runs: Sequence[Evidence], base: Profile) -> Figure | None:
    """How far the memory of each process moved under load, in MB; None where nobody read it."""

    def moved(evidence: Evidence, run: LoadRun) -> float | None:
        size = moved_bytes(evidence, run)
        return None if size is None else size / 1e6

    try:
        return _figure(runs, base, MOVEMENT, "MB", moved)
    except EvidenceProblem:
        return None


def _used(runs: Sequence[Evidence], criterion: Criterion, base: Profile) -> Bound:
    def held(_evidence: Evidence, run: LoadRun) -> float | None:
        size = used_bytes(run.data)
        return None if size is None else convert(float(size), "B", criterion.unit)

    figure = _figure(runs, base, "memory of a process under load", criterion.unit, held).checked()
    most = float(figure.values.max())
    return Bound(
        "at_most",
        (outward(most * (1 + figure.margin), up=True),),
        criterion.unit,
        figure.source(),
        f"{number(most)} {criterion.unit}, the most that one held, + {number(100 * figure.margin)} %",
    )


def _delta(runs: Sequence[Evidence], criterion: Criterion, base: Profile) -> Bound:
    """Memory moves in pages: one that saw no movement may see a page of it, and none moves by less."""
    page = base.gates.memory_page.to(criterion.unit)

    def moved(evidence: Evidence, run: LoadRun) -> float | None:
        size = moved_bytes(evidence, run)
        return None if size is None else max(page, convert(float(size), "B", criterion.unit))

    bound = largest_bound(_figure(runs, base, MOVEMENT, criterion.unit, moved))
    return replace(bound, worked=f"{bound.worked}; of a page of {base.gates.memory_page} at least")


def _temperature(runs: Sequence[Evidence], criterion: Criterion, base: Profile) -> Bound:
    """A pilot of minutes ends while the card is still warming, and no rule for repeats fits values that rise."""
    seen = _figure(runs, base, "hottest block of a process under load", criterion.unit, _means("temperature_c", np.max))
    hottest = f"{number(float(seen.values.max()))} {criterion.unit}"
    raise EvidenceProblem(f"the card is still warming when a pilot ends, {hottest} were its hottest block")


def _utilisation(runs: Sequence[Evidence], criterion: Criterion, base: Profile) -> Bound:
    """Only a card that has less to do is another one: busy all the time is no defect."""
    figure = _figure(
        runs, base, "utilisation of a process under load", criterion.unit, _means("utilisation_percent", np.mean)
    )
    bound = floor_bound(figure, guarded=False)
    return replace(bound, key="within", ends=(bound.ends[0], convert(100.0, "%", criterion.unit)))


#: The bound of a criterion under load by its metric; EvidenceProblem where the pilot has none.
BOUNDS: Mapping[str, Callable[[Sequence[Evidence], Criterion, Profile], Bound]] = {
    "vram_used": _used,
    "vram_delta": _delta,
    "gpu_temperature": _temperature,
    "gpu_utilisation": _utilisation,
}


def _means(column: str, of: Callable[[np.ndarray], float]) -> Reading:
    def read(evidence: Evidence, run: LoadRun) -> float | None:
        samples = samples_under_load(evidence, run)
        block_s = evidence.campaign.profile.protocol.phase2.block.to("s")
        means = None if samples is None else block_means(samples, column, block_s=block_s)
        return None if means is None else float(of(means))

    return read


def _figure(runs: Sequence[Evidence], base: Profile, what: str, unit: str, of: Reading) -> Figure:
    values: list[float] = []
    names: dict[str, None] = {}
    for evidence in runs:
        sample = load_sample(evidence)
        if sample.sources and sample.problem is not None:
            raise EvidenceProblem(sample.problem.reason)
        for run in sample.runs:
            value = of(evidence, run)
            if value is None:
                raise EvidenceProblem(f"a process without a reading: {what}")
            values.append(value)
            names[evidence.campaign.id] = None
    if not values:
        raise EvidenceProblem("no run under load")
    return Figure(what, unit, np.array(values), tuple(names), base.gates)
