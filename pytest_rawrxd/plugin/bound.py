"""The two sides of an acceptance test's assert: a measured quantity and a promised bound.

Comparing them hands the criterion to the judge, who decides from the evidence on disk; the comparison is true when the
promise is kept, false when it is broken, and raises when there is no verdict to be had.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pytest_rawrxd.errors import Inconclusive, Invalid, NotAPass, NotMeasured, SuiteDefect
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.report.explain import explain
from pytest_rawrxd.report.judged import Judged
from pytest_rawrxd.verdict.outcome import Verdict

#: One criterion's entry of verdicts.json, judged from what the run directory holds now.
Judge = Callable[[str], dict[str, Any]]

UNDECIDED: dict[Verdict, type[NotAPass]] = {
    Verdict.INCONCLUSIVE: Inconclusive,
    Verdict.INVALID: Invalid,
    Verdict.NOT_MEASURED: NotMeasured,
}


@dataclass(frozen=True, eq=False)
class Measured:
    """Something measured: its metric's name, the conditions it was measured under, and of a distribution the quantile.

    It holds no number. ``rehearsed`` is the metric that a rehearsal may judge in its place, ``rehearsed_quantile`` the
    quantile.
    """

    metric: str
    where: dict[str, Any] = field(default_factory=dict)
    rehearsed: str | None = None
    quantile: float | None = None
    rehearsed_quantile: float | None = None

    def __str__(self) -> str:
        """The quantity as a failure message names it."""
        share = "" if self.quantile is None else f"{self.quantile} quantile of "
        return f"{share}{self.metric} {self.where}"

    def __le__(self, bound: Bound) -> bool:
        return bound.decide(self, "<=")

    def __ge__(self, bound: Bound) -> bool:
        return bound.decide(self, ">=")

    def __eq__(self, bound: object) -> bool:
        return isinstance(bound, Bound) and bound.decide(self, "==")

    __hash__ = None  # type: ignore[assignment]  # comparing decides a criterion; it must not happen in a set


class Bound:
    """One criterion of the profile, as the right-hand side of an assert."""

    def __init__(self, criterion: Criterion, judge: Judge, on_decision: Callable[[dict[str, Any]], None]) -> None:
        self.criterion = criterion
        self.decision: dict[str, Any] | None = None
        self._judge = judge
        self._on_decision = on_decision

    def __repr__(self) -> str:
        return f"{self.criterion.id} ({self.criterion.direction} {self.criterion.limit} {self.criterion.unit})"

    def __contains__(self, quantity: Measured) -> bool:
        return self.decide(quantity, "within")

    def decide(self, quantity: Measured, operator: str) -> bool:
        """Judge the criterion on ``quantity``; raise SuiteDefect when the test compares something else."""
        self._check(quantity, operator)
        self.decision = self._judge(self.criterion.id)
        self._on_decision(self.decision)
        verdict = Verdict(self.decision["verdict"])
        if self.criterion.informative or verdict in {Verdict.PASS, Verdict.WAIVED}:
            return True
        if verdict in UNDECIDED:
            raise UNDECIDED[verdict]("\n".join(explain(Judged.from_record(self.decision))))
        return False

    def _check(self, quantity: Measured, operator: str) -> None:
        criterion = self.criterion
        if operator != criterion.direction:
            raise SuiteDefect(
                f"{criterion.id} is compared with the wrong operator",
                found=operator,
                possible=f"{criterion.direction} (within is written: quantity in sla[...])",
            )
        promised = Measured(criterion.metric, dict(criterion.where), quantile=criterion.quantile)
        if (
            promised.metric not in {quantity.metric, quantity.rehearsed}
            or promised.quantile not in {quantity.quantile, quantity.rehearsed_quantile}
            or promised.where != quantity.where
        ):
            raise SuiteDefect(
                f"{criterion.id} is compared with another quantity than the profile names",
                found=str(quantity),
                possible=str(promised),
            )
