"""The decision matrix: which variant for what, by rules that stand beside the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pytest_rawrxd.report import number
from pytest_rawrxd.report.variant import Variant


@dataclass(frozen=True)
class Choice:
    """One use and the variant for it. ``variant`` is None where the data cannot answer; ``because`` says why."""

    use: str
    rule: str
    variant: str | None
    because: str
    next_best: str | None = None


def decision_matrix(variants: Sequence[Variant], *, guarantee: float | None) -> tuple[Choice, ...]:
    """Return the four uses of the roadmap, decided from measured values only.

    ``guarantee`` is the promised rate in tok/s that production must keep; None where the profile promises none. A
    variant that did not fit wholly on the device is a candidate for research only.
    """
    whole = [variant for variant in variants if not variant.cell.partial_offload]
    steady = [
        variant
        for variant in whole
        if guarantee is not None and variant.cell.lower is not None and variant.cell.lower >= guarantee
    ]
    promise = "no rate is promised" if guarantee is None else f"lower bound of TPS >= {number.exact(guarantee)} tok/s"
    return (
        _choose(
            "Default production",
            f"of the variants that fit wholly and keep the guarantee ({promise}): the highest same-top-token share",
            steady,
            lambda variant: variant.same_top,
            _quality,
        ),
        _choose(
            "Speed-critical",
            "of the variants that fit wholly: the highest lower bound of TPS",
            whole,
            lambda variant: variant.cell.lower,
            _speed,
        ),
        _choose(
            "Precision-critical",
            "of the variants that fit wholly: the highest same-top-token share",
            whole,
            lambda variant: variant.same_top,
            _quality,
        ),
        _choose(
            "Research",
            "of all measured variants, also partly offloaded ones: the highest same-top-token share",
            variants,
            lambda variant: variant.same_top,
            _quality,
        ),
    )


def _choose(
    use: str,
    rule: str,
    candidates: Sequence[Variant],
    score: Callable[[Variant], float | None],
    said: Callable[[Variant], str],
) -> Choice:
    if not candidates:
        return Choice(use, rule, None, "no measured variant meets the rule")
    lacking = [variant.name for variant in candidates if score(variant) is None]
    if lacking:
        return Choice(use, rule, None, f"not measured for {', '.join(lacking)}")
    # Equal scores go to the faster variant, so that the answer does not depend on the order of the ledger.
    ranked = sorted(candidates, key=lambda variant: (score(variant), variant.cell.tps or 0.0), reverse=True)
    return Choice(use, rule, ranked[0].name, said(ranked[0]), ranked[1].name if len(ranked) > 1 else None)


def _quality(variant: Variant) -> str:
    return f"{number.number(variant.same_top, 'share')} of top tokens kept, {_speed(variant)}"


def _speed(variant: Variant) -> str:
    value, between = number.measured(variant.cell.tps, variant.cell.lower, variant.cell.upper, "tok/s")
    return f"{value} {between}".rstrip()
