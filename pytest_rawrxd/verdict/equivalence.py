"""A promised value: the mean of fresh processes lies inside a band around it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.verdict.decide import within
from pytest_rawrxd.verdict.means import mean_interval, runs_until
from pytest_rawrxd.verdict.outcome import Finding, Verdict
from pytest_rawrxd.verdict.repeats import unusable_runs
from pytest_rawrxd.verdict.wording import bounds, required


def equivalence(
    values: npt.ArrayLike,
    *,
    limits: tuple[float, float],
    unit: str = "tok/s",
    confidence: float = 0.95,
    min_runs: int = 10,
    max_cv: float = 0.05,
    durations_ns: npt.ArrayLike | None = None,
) -> Finding:
    """Judge ``values`` (n,), one mean a fresh process, against the band ``limits``, all in ``unit``.

    Two one-sided t tests: PASS iff both bounds lie inside the band, FAIL iff both lie on one side outside.
    Source: D. J. Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15 (1987). ``durations_ns`` (n,) are the raw
    decode times of the same runs. NaN, zero or negative values: EvidenceProblem.
    """
    found = unusable_runs(values, min_runs=min_runs, max_cv=max_cv, durations_ns=durations_ns)
    if found is not None:
        return found
    sample = np.asarray(values, dtype=np.float64)
    interval = mean_interval(sample, confidence=confidence)
    verdict = within(interval.lower, interval.upper, limits=limits)
    reason = (
        f"mean of {sample.size} runs {bounds(interval.estimate, interval.lower, interval.upper, unit)}, "
        f"required {required('within', limits)}"
    )
    needed = None
    if verdict is Verdict.INCONCLUSIVE:
        nearest = min(limits, key=lambda end: abs(end - interval.estimate))
        runs = runs_until(
            interval.estimate, float(sample.std(ddof=1)), sample.size, bound=nearest, confidence=confidence
        )
        needed = (
            f"about {runs - sample.size} more runs"
            if runs
            else "the mean is too close to the end of the band to be decided by runs"
        )
    return Finding(
        verdict,
        reason,
        interval.estimate,
        interval.lower,
        interval.upper,
        None,
        interval.n,
        interval.n_eff,
        "TOST (two one-sided t tests)",
        next=needed,
    )
