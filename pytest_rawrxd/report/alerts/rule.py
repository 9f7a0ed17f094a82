"""Recording rules, alerts, and the cases that an alert is tested with."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

Severity = str  #: one of the two below
EARLY: Final = "warning"  #: comes before the bound is broken
BROKEN: Final = "critical"  #: the bound is broken, or the service is down


@dataclass(frozen=True)
class Recording:
    """A recording rule; its name says level, metric and operation."""

    name: str
    expr: str


@dataclass(frozen=True)
class Case:
    """What an alert must say at ``at_s`` of the ``series``, in promtool's notation of one value every interval."""

    name: str
    series: tuple[tuple[str, str], ...]
    at_s: tuple[float, ...]
    fires: bool
    interval_s: float | None = None  #: of the series' values; None: that of the scrapes, and of evaluating the rules


@dataclass(frozen=True)
class Alert:
    """One alerting rule with everything that proves it. ``criterion`` is the promise that it guards."""

    name: str
    criterion: str
    severity: Severity
    expr: str
    hold_s: float
    summary: str  #: with the bound
    advice: str  #: what an operator looks at first
    cases: tuple[Case, ...]
    records: tuple[Recording, ...] = ()  #: what ``expr`` reads
    series: str | None = None  #: of a blind alert, the series that is gone

    @property
    def key(self) -> str:
        """The name, and for one of several of the same name what tells them apart."""
        return self.name if self.series is None else f"{self.name}:{self.series}"


def duration(seconds: float) -> str:
    """``seconds`` as PromQL writes a duration: whole seconds, or milliseconds."""
    exact = Fraction(repr(seconds))
    for unit, factor in (("h", Fraction(3600)), ("m", Fraction(60)), ("s", Fraction(1)), ("ms", Fraction(1, 1000))):
        count = exact / factor
        if count.denominator == 1 and count > 0:
            return f"{count}{unit}"
    raise ValueError(f"no whole number of milliseconds: {seconds} s")


def figure(value: float) -> str:
    """A threshold in an expression: ten digits, so that 0.8 x 0.05 is 0.04."""
    return f"{value:.10g}"
