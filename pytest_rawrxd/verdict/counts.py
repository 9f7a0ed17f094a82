"""Things that are counted or known exactly: crashes, spikes, documents, facts, declarations, single measurements."""

from __future__ import annotations

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.decide import decide, invalid
from pytest_rawrxd.verdict.distributions import chi_square
from pytest_rawrxd.verdict.outcome import Finding, Interval, Verdict
from pytest_rawrxd.verdict.wording import number, required


def rate_interval(count: int, hours: float, *, confidence: float = 0.95) -> Interval:
    """Return events per hour between one-sided Poisson bounds; with zero events the upper one is 3 / ``hours``.

    Source: F. Garwood, Biometrika 28 (1936). EvidenceProblem on a negative count or no time.
    """
    if count < 0 or hours <= 0:
        raise EvidenceProblem("A rate needs a count and a time", found=f"{count} events in {hours} h")
    lower = chi_square(1 - confidence, 2 * count) / 2 / hours if count else 0.0
    upper = chi_square(confidence, 2 * count + 2) / 2 / hours
    return Interval(count / hours, lower, upper, count, None, "Poisson (Garwood)")


def zero(count: int, *, hours: float, of: str = "crashes", confidence: float = 0.95) -> Finding:
    """Judge "no ``of`` at all" in ``hours`` of observation: one event breaks it, none keeps it and bounds the rate.

    ``deciding`` carries the rate per hour with its upper bound and the mean time between events that zero proves.
    """
    if hours <= 0:
        return invalid(f"no time was observed for {of}", next_step="run the soak")
    rate = rate_interval(count, hours, confidence=confidence)
    upper = rate.upper or 0.0
    proven = f"rate <= {number(upper)} per hour at {confidence:.0%}, mean time between them >= {number(1 / upper)} h"
    return Finding(
        Verdict.PASS if count == 0 else Verdict.FAIL,
        f"{count} {of} in {number(hours)} h; {proven}",
        float(count),
        float(count),
        float(count),
        0.0,
        count,
        method=rate.method,
        deciding={"quantity": f"rate of {of}", "unit": "1/h", "estimate": rate.estimate, "upper": upper},
    )


def spike(
    *,
    count: int,
    longest: float,
    limit: float,
    values: int,
    hours: float,
    unit: str = "ms",
    of: str = "gap",
    confidence: float = 0.95,
) -> Finding:
    """Judge "the longest gap is <= ``limit``": none of ``values`` gaps may exceed it in ``hours`` of measurement.

    ``count`` is the exact number of gaps above ``limit``, ``longest`` the longest one, in ``unit``; ``of`` names what
    is measured where it is no gap.
    """
    if values == 0:
        return invalid(f"empty sample: no {of} was recorded", next_step="measure before judging")
    if (count > 0) is not (longest > limit):
        raise EvidenceProblem(
            f"The longest {of} and the count above the limit contradict each other",
            found=f"{count} {of}s above {number(limit)} {unit}, the longest {number(longest)} {unit}",
        )
    found = zero(count, hours=hours, of=f"{of}s above {number(limit)} {unit}", confidence=confidence)
    return Finding(
        found.verdict,
        f"longest {of} {number(longest)} {unit}; {found.reason}",
        longest,
        longest,
        longest,
        limit,
        values,
        method=found.method,
        deciding=found.deciding,
        next=found.next,
    )


def value_range(value: float, *, direction: str, limit: float | tuple[float, float], unit: str) -> Finding:
    """Judge one exact measurement in ``unit``, such as the memory of a process, against a floor, ceiling or band."""
    verdict = decide(value, value, direction=direction, limit=limit)
    return Finding(
        verdict,
        f"{number(value)} {unit}, required {required(direction, limit)}",
        value,
        value,
        value,
        n=1,
        method="single value",
        next="the value touches its limit: measure it with more digits" if verdict is Verdict.INCONCLUSIVE else None,
    )


def fact(held: bool, *, expected: bool = True, sentence: str) -> Finding:
    """Judge something that is so or is not; ``sentence`` says what was found."""
    return Finding(Verdict.PASS if held is expected else Verdict.FAIL, sentence, float(held), n=1, method="fact")


def count_of(done: int, *, needed: int, of: str, missing: tuple[str, ...] = ()) -> Finding:
    """Judge "at least ``needed`` ``of``", such as documents or variants; ``missing`` names what is not there."""
    named = f": missing {', '.join(missing)}" if missing else ""
    return Finding(
        Verdict.PASS if done >= needed and not missing else Verdict.FAIL,
        f"{done} of {needed} {of}{named}",
        float(done),
        n=done,
        method="count",
    )


def declaration(text: str | None, *, by: str | None, of: str) -> Finding:
    """Judge what only the operator can say; without a signed sentence it is NOT MEASURED."""
    if not text or not by:
        return Finding(
            Verdict.NOT_MEASURED,
            f"{of} is the operator's declaration, and there is none",
            method="declaration",
            next=f"let the operator declare {of} with name and sentence",
        )
    return Finding(Verdict.PASS, f"declared by {by}: {text}", n=1, method="declaration")
