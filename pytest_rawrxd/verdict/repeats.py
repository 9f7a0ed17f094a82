"""Are repeated runs usable as repeats? Too noisy, too few, or too alike to have been measured."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.outcome import Finding, Verdict
from pytest_rawrxd.verdict.sample import finite, positive, same_length


def unusable_runs(
    values: npt.ArrayLike,
    *,
    min_runs: int,
    max_cv: float,
    durations_ns: npt.ArrayLike | None = None,
    planned_runs: int | None = None,
) -> Finding | None:
    """Return why ``values`` (n,), one positive rate a fresh process, cannot be judged; None when they can.

    ``durations_ns`` (n,) are the raw durations the rates come from: equal ones were not timed. A coefficient of
    variation above ``max_cv`` is INCONCLUSIVE, the rest is INVALID.
    """
    sample = finite(values, "the runs")
    planned = planned_runs or min_runs
    if sample.size == 0:
        return invalid("empty sample: no run was recorded", next_step=f"run {planned} fresh processes")
    positive(sample, "the runs")
    if sample.size < min_runs:
        return invalid(
            f"{sample.size} runs, at least {min_runs} are needed",
            next_step=f"{planned - sample.size} more runs in fresh processes",
            n=sample.size,
        )
    timed = sample if durations_ns is None else positive(durations_ns, "the raw durations")
    same_length(runs=sample, durations_ns=timed)
    if equal(timed):
        return invalid(
            f"all {timed.size} runs have the same raw duration: they were not timed",
            next_step="check the clock and the engine, then repeat all runs",
            n=sample.size,
        )
    cv = float(sample.std(ddof=1) / sample.mean())
    if cv > max_cv:
        return Finding(
            Verdict.INCONCLUSIVE,
            f"machine too noisy: runs vary by {cv:.1%} (coefficient of variation), the gate is {max_cv:.1%}",
            estimate=float(sample.mean()),
            n=sample.size,
            method="coefficient of variation",
            next="stop other work on the machine, then repeat in a new campaign",
        )
    return None


def equal(durations_ns: npt.ArrayLike) -> bool:
    """Return whether two or more raw durations (n,) are all the same number."""
    array = np.asarray(durations_ns)
    return array.size > 1 and bool((array == array.flat[0]).all())


def same_durations(durations_ns: dict[str, npt.ArrayLike]) -> Finding | None:
    """Return INVALID when two variants agree in every raw duration (n,): one was copied from the other.

    Timings only; memory and counts may repeat.
    """
    arrays = {name: np.asarray(values) for name, values in durations_ns.items()}
    names = sorted(arrays)
    for position, first in enumerate(names):
        for second in names[position + 1 :]:
            if arrays[first].size and np.array_equal(arrays[first], arrays[second]):
                return invalid(
                    f"{first} and {second} agree in every one of {arrays[first].size} raw durations",
                    next_step=f"measure {first} and {second} again; two models never take equal nanoseconds",
                    n=arrays[first].size,
                )
    return None
