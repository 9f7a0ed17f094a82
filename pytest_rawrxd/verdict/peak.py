"""Which variants are the fastest? The ones that are not worse than the best by more than a margin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.verdict.decide import at_most, invalid
from pytest_rawrxd.verdict.outcome import Finding, Interval, Verdict
from pytest_rawrxd.verdict.pairs import paired_ratio
from pytest_rawrxd.verdict.sample import positive, same_length
from pytest_rawrxd.verdict.wording import number


@dataclass(frozen=True)
class Peak:
    """The best variant, those that tie with it, those that are worse, and those nothing is known of yet."""

    best: str
    tied: tuple[str, ...]
    worse: tuple[str, ...]
    open: tuple[str, ...]
    behind: dict[str, Interval]  #: best / variant, at the confidence that all comparisons share

    @property
    def fastest(self) -> tuple[str, ...]:
        """The set of fastest variants, when nothing is open."""
        return (self.best, *self.tied)


def peak_set(rates: Mapping[str, npt.ArrayLike], *, margin: float = 0.02, confidence: float = 0.95) -> Peak:
    """Return the set of variants not worse than the best by more than ``margin``.

    ``rates`` holds interleaved runs (n,) of each variant, run i of all in one round. Comparisons with the best, each on
    log ratios of the same round, Bonferroni over their number. Source: J. C. Hsu, Annals of Statistics 12 (1984).
    """
    arrays = {name: positive(values, f"the runs of {name}") for name, values in rates.items()}
    same_length(**arrays)
    best = max(arrays, key=lambda name: float(np.log(arrays[name]).mean()))
    others = [name for name in arrays if name != best]
    shared = 1 - (1 - confidence) / max(1, len(others))
    behind = {name: paired_ratio(arrays[best], arrays[name], confidence=shared) for name in others}
    decided = {name: at_most(ratio.lower, ratio.upper, limit=1 / (1 - margin)) for name, ratio in behind.items()}
    tied, worse, unclear = (
        tuple(name for name in others if decided[name] is verdict)
        for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE)
    )
    return Peak(best, tied, worse, unclear, behind)


def peak(
    rates: Mapping[str, npt.ArrayLike],
    *,
    margin: float = 0.02,
    min_runs: int = 10,
    confidence: float = 0.95,
    unit: str = "tok/s",
) -> Finding:
    """Judge "the peak variant is identified": PASS when the set of fastest variants is determined, ties included."""
    found = _unusable(rates, min_runs)
    if found is not None:
        return found
    seen = peak_set(rates, margin=margin, confidence=confidence)
    rate = float(np.mean(np.asarray(rates[seen.best])))
    said = f"{seen.best} at {number(rate)} {unit}"
    if seen.open:
        reason = f"{said} leads; not yet decided against {', '.join(seen.open)} (margin {number(100 * margin)} %)"
    elif seen.tied:
        reason = f"a tie within {number(100 * margin)} %: {', '.join(seen.fastest)}; {said}"
    else:
        reason = f"{said} is faster than all others by more than {number(100 * margin)} %"
    return Finding(
        Verdict.INCONCLUSIVE if seen.open else Verdict.PASS,
        reason,
        rate,
        n=len(np.asarray(rates[seen.best])),
        method=f"comparison with the best, Bonferroni over {len(seen.behind)}",
        deciding={"quantity": "set of fastest variants", "set": list(seen.fastest), "open": list(seen.open)},
        next=f"more interleaved rounds of {seen.best}, {', '.join(seen.open)}" if seen.open else None,
    )


def champion(
    rates: Mapping[str, npt.ArrayLike],
    name: str,
    *,
    margin: float = 0.02,
    min_runs: int = 10,
    confidence: float = 0.95,
) -> Finding:
    """Judge "``name`` is the fastest": PASS alone at the top, FAIL when another is faster by more than ``margin``."""
    found = _unusable(rates, min_runs)
    if found is not None:
        return found
    if name not in rates:
        return Finding(
            Verdict.NOT_MEASURED, f"{name} was not measured", method="comparison with the best", next=f"measure {name}"
        )
    seen = peak_set(rates, margin=margin, confidence=confidence)
    method = f"comparison with the best, Bonferroni over {len(seen.behind)}"
    runs = len(np.asarray(rates[name]))
    if name in seen.worse:
        behind = seen.behind[name]
        reason = f"{seen.best} is faster than {name} by {number(100 * (behind.estimate - 1))} %"
        return Finding(Verdict.FAIL, reason, n=runs, method=method)
    if seen.best == name and not seen.tied and not seen.open:
        return Finding(Verdict.PASS, f"{name} is faster than all others", n=runs, method=method)
    rivals = [rival for rival in (seen.best, *seen.tied, *seen.open) if rival != name]
    return Finding(
        Verdict.INCONCLUSIVE,
        f"{name} is not told apart from {', '.join(rivals)} (margin {number(100 * margin)} %)",
        n=runs,
        method=method,
        next="more interleaved rounds"
        if seen.open
        else "the tie is proven: choose by another quality, more rounds do not break it",
    )


def _unusable(rates: Mapping[str, npt.ArrayLike], min_runs: int) -> Finding | None:
    if len(rates) < 2:
        return invalid(f"{len(rates)} variants were measured, a peak needs two", next_step="measure the other variants")
    fewest = min(len(np.asarray(values)) for values in rates.values())
    if fewest < max(2, min_runs):
        return invalid(
            f"{fewest} rounds, at least {min_runs} are needed",
            next_step=f"{min_runs - fewest} more interleaved rounds",
            n=fewest,
        )
    return None
