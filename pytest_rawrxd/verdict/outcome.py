"""The words a verdict is spoken in, and the small values every rule returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """Outcome of one criterion. The spellings are part of the published schema."""

    PASS = "PASS"  # noqa: S105 - an outcome, no password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"
    NOT_MEASURED = "NOT MEASURED"
    WAIVED = "WAIVED"
    NOT_APPLICABLE = "NOT APPLICABLE"


class State(StrEnum):
    """State of a phase."""

    APPROVED = "APPROVED"
    APPROVED_WITH_WAIVERS = "APPROVED WITH WAIVERS"
    INCOMPLETE = "INCOMPLETE"
    REJECTED = "REJECTED"


@dataclass(frozen=True)
class Interval:
    """A point estimate between its one-sided confidence bounds; None where a side has no bound."""

    estimate: float
    lower: float | None
    upper: float | None
    n: int
    n_eff: float | None = None
    method: str = ""


@dataclass(frozen=True)
class Finding:
    """What a rule found. ``estimate``, ``lower``, ``upper`` are in the criterion's unit.

    ``deciding`` holds the quantity that decided when it is another one than the estimate (a share of gaps above
    the bound decides a quantile): quantity, unit, estimate, lower, upper, limit, acceptance_limit.
    """

    verdict: Verdict
    reason: str
    estimate: float | None = None
    lower: float | None = None
    upper: float | None = None
    acceptance_limit: float | None = None
    n: int | None = None
    n_eff: float | None = None
    method: str = ""
    deciding: dict[str, Any] = field(default_factory=dict)
    next: str | None = None


#: A finding with the ids of the records it rests on.
Answer = tuple[Finding, tuple[str, ...]]
