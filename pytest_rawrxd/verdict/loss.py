"""How many requests are lost when things break? Requests hit by one fault are lost together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.verdict.decide import at_most, invalid
from pytest_rawrxd.verdict.exceedance import effective_number, factor_until, share_bounds
from pytest_rawrxd.verdict.outcome import Finding, Interval, Verdict
from pytest_rawrxd.verdict.sample import non_negative, same_length
from pytest_rawrxd.verdict.wording import number


def loss(
    lost: npt.ArrayLike,
    requests: npt.ArrayLike,
    *,
    exposed: npt.ArrayLike,
    raw_lost: npt.ArrayLike | None = None,
    limit_percent: float = 5.0,
    min_injections: int = 10,
    min_requests: int = 500,
    confidence: float = 0.95,
) -> Finding:
    """Judge "at most ``limit_percent`` of requests are lost" over independent fault injections; unit %.

    Of each injection (n,): ``requests`` in its window, ``lost`` of them after at most one retry, ``exposed`` to the
    fault, ``raw_lost`` without retry (printed). Independent evidence is the smaller of n_KG over injections and
    requests / mean exposed: what one fault hits falls together. Lost = not completed correctly within its deadline.
    """
    gone, sent, hit = (
        non_negative(values, name)
        for values, name in ((lost, "the lost requests"), (requests, "the requests"), (exposed, "the exposed requests"))
    )
    same_length(lost=gone, requests=sent, exposed=hit)
    total = int(sent.sum())
    if sent.size < max(2, min_injections) or total < min_requests:
        return invalid(
            f"{total} requests over {sent.size} injections, at least {min_requests} over {min_injections} are needed",
            next_step=f"{max(0, min_injections - sent.size)} more injections, "
            f"{max(0, min_requests - total)} more requests",
            n=total,
        )
    if hit.sum() == 0:
        return invalid(
            "fault without effect: no request was exposed to any injection",
            next_step="inject while requests are in flight, and check that the fault bites",
            n=total,
        )
    share = float(gone.sum() / total)
    n_eff = min(effective_number(gone, sent, confidence=confidence), total / max(1.0, float(hit.mean())))
    lower, upper = share_bounds(share, n_eff, confidence=confidence)
    limit = limit_percent / 100
    verdict = at_most(lower, upper, limit=limit)
    raw = "" if raw_lost is None else f"; without retry {number(100 * float(np.sum(raw_lost)) / total)} %"
    return Finding(
        verdict,
        f"{number(100 * share)} % [{number(100 * lower)}, {number(100 * upper)}] of {total} requests lost over "
        f"{sent.size} injections, allowed {number(limit_percent)} %{raw}",
        100 * share,
        100 * lower,
        100 * upper,
        limit_percent,
        total,
        n_eff,
        "Korn-Graubard over injections",
        next=_plan(share, n_eff, limit, sent.size, confidence) if verdict is Verdict.INCONCLUSIVE else None,
    )


def _plan(share: float, n_eff: float, limit: float, injections: int, confidence: float) -> str:
    seen = Interval(share, None, None, injections, n_eff)
    factor = factor_until(seen, limit=limit, acceptance=limit, confidence=confidence)
    if factor is None:
        return "no number of injections decides at this loss: it lies at the limit"
    return f"about {int(np.ceil((factor - 1) * injections))} more injections like these"
