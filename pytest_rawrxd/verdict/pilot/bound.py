"""A bound that a pilot supports: one figure a fresh process, the tolerance rule, and the ends that follow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.profile.gates import Gates
from pytest_rawrxd.verdict.sample import Floats
from pytest_rawrxd.verdict.tolerance import (
    extreme_ceiling,
    one_sided_factor,
    outward,
    tolerance_band,
    tolerance_ceiling,
    tolerance_floor,
    two_sided_factor,
)
from pytest_rawrxd.verdict.wording import in_words, number

LEAST = 3  #: processes; the factor of two is 26 and more, and the limit lies anywhere
LISTED = 7  #: so many values stand in the profile one by one, more as their ends

Key = Literal["at_most", "at_least", "within"]


@dataclass(frozen=True)
class Bound:
    """What replaces the base's bound of one criterion, rounded away from the figures, and where it comes from."""

    key: Key
    ends: tuple[float, ...]  #: one, or lower and upper for ``within``
    unit: str
    source: str  #: the figure of which run, in one sentence
    worked: str  #: the values and the factor, for whoever checks the arithmetic
    expected: float | None = None


@dataclass(frozen=True)
class Figure:
    """One figure of each fresh process of a pilot, in ``unit``, and the runs they were measured in."""

    what: str
    unit: str
    values: Floats
    runs: tuple[str, ...]
    gates: Gates

    @property
    def margin(self) -> float:
        return self.gates.compare_margin.to("ratio")

    @property
    def mean(self) -> float:
        return float(self.values.mean())

    @property
    def deviation(self) -> float:
        return float(self.values.std(ddof=1))

    @property
    def cv(self) -> float:
        return self.deviation / self.mean

    def checked(self) -> Figure:
        """Itself; EvidenceProblem with too few processes for a tolerance limit."""
        if self.values.size < LEAST:
            raise EvidenceProblem(f"{self.values.size} processes, at least {LEAST}")
        return self

    def steady(self) -> Figure:
        """Itself; EvidenceProblem where the processes differ by more than the gate for a noisy machine."""
        gate = self.gates.cv_max.to("ratio")
        if self.checked().cv > gate:
            raise EvidenceProblem(f"the processes vary by {self.cv:.1%}, the gate is {gate:.1%}")
        return self

    def source(self) -> str:
        """The figure as the criterion's source names it."""
        return f"Pilot {in_words(self.runs)}: {self.what}, {self.values.size} processes"

    def shown(self) -> str:
        """The values, and their mean and deviation."""
        digits = [number(value) for value in self.values]
        listed = (
            ", ".join(digits) if len(digits) <= LISTED else f"{number(min(self.values))} to {number(max(self.values))}"
        )
        return f"{listed} {self.unit}; mean {number(self.mean)}, s {number(self.deviation)}"


def floor_bound(figure: Figure, *, guarded: bool = True) -> Bound:
    """Runs like these stay above it; ``guarded`` where sign-off adds the uncertainty of the clock to a floor."""
    figure.steady()
    systematic = figure.gates.systematic_error.to("ratio") if guarded else 0.0
    lowest = tolerance_floor(figure.values, margin=figure.margin, systematic=systematic)
    return _one("at_least", outward(lowest, up=False), figure, f"k1 {number(one_sided_factor(figure.values.size))}")


def ceiling_bound(figure: Figure) -> Bound:
    """Runs like these stay below it."""
    highest = tolerance_ceiling(figure.checked().values, margin=figure.margin)
    return _one("at_most", outward(highest, up=True), figure, f"k1 {number(one_sided_factor(figure.values.size))}")


def largest_bound(figure: Figure) -> Bound:
    """No run like these goes beyond it: the ceiling, and at least the margin above the largest."""
    values = figure.checked().values
    most = max(tolerance_ceiling(values, margin=figure.margin), float(values.max()) * (1 + figure.margin))
    return _one("at_most", outward(most, up=True), figure, f"k1 {number(one_sided_factor(values.size))}")


def extreme_bound(figure: Figure, *, runs: int) -> Bound:
    """Not one extreme of ``runs`` processes like these goes beyond it."""
    most = extreme_ceiling(figure.checked().values, margin=figure.margin, runs=runs)
    return _one("at_most", outward(most, up=True), figure, f"of the logarithms, for {runs} processes")


def band_bound(figure: Figure) -> Bound:
    """Runs like these stay inside it, and their mean is what is expected."""
    low, high = tolerance_band(figure.steady().values, margin=figure.margin)
    return Bound(
        "within",
        (outward(low, up=False), outward(high, up=True)),
        figure.unit,
        figure.source(),
        f"{figure.shown()}, k2 {number(two_sided_factor(figure.values.size))}",
        four_digits(figure.mean),
    )


def expecting_mean(bound: Bound, figure: Figure) -> Bound:
    """``bound`` with the mean of the figure as what is expected: shown, never judged."""
    return replace(bound, expected=four_digits(figure.mean))


def four_digits(value: float) -> float:
    """A measured value as a profile expects it."""
    return float(np.format_float_positional(value, precision=4, fractional=False))


def _one(key: Key, end: float, figure: Figure, factor: str) -> Bound:
    return Bound(key, (end,), figure.unit, figure.source(), f"{figure.shown()}, {factor}")
