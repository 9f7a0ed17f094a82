"""One criterion of verdicts.json, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.profile.units import readable_unit
from pytest_rawrxd.report import number
from pytest_rawrxd.verdict.outcome import Verdict

MOST_MARGIN = 9.99  #: a larger share of the bound says no more than this one
KINDS_OF_RUNS = frozenset({"floor", "equivalence"})  #: their n counts fresh processes


@dataclass(frozen=True)
class OnCard:
    """What one of several cards showed, in words."""

    name: str
    device: str
    measured: str
    between: str
    verdict: Verdict

    def __str__(self) -> str:
        """The card's verdict in a line."""
        shown = " ".join(filter(None, (self.measured, self.between)))
        return f"{self.name} ({self.device}) {self.verdict}" + (f" {shown}" if shown != number.ABSENT else "")


@dataclass(frozen=True)
class Judged:
    """A criterion with its verdict, as verdicts.schema.json describes it."""

    id: str
    phase: int
    title: str
    unit: str
    direction: str
    limit: float | bool | tuple[float, float] | None
    verdict: Verdict
    source: str = ""
    kind: str = ""
    acceptance_limit: float | tuple[float, float] | None = None
    estimate: float | None = None
    lower: float | None = None
    upper: float | None = None
    deciding: Mapping[str, Any] = field(default_factory=dict)
    n: int | None = None
    n_eff: float | None = None
    alpha: float | None = None
    method: str = ""
    reason: str = ""
    next: str | None = None
    evidence: tuple[str, ...] = ()
    waiver: Mapping[str, str] | None = None
    informative: bool = False
    bound_at: str = ""
    claimed_by: tuple[str, ...] = ()
    cards: tuple[Mapping[str, Any], ...] = ()  #: the same of each card alone, where several GPUs were tested

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Judged:
        """Read one entry of ``criteria[]``; EvidenceProblem names what is missing or unknown."""
        known = {item.name for item in fields(cls)}
        try:
            values = {name: _frozen(value) for name, value in record.items() if name in known}
            return cls(**{**values, "verdict": Verdict(values["verdict"])})
        except (KeyError, TypeError, ValueError) as problem:
            raise EvidenceProblem(
                "A criterion in verdicts.json cannot be read",
                where=str(record.get("id", "without id")),
                found=str(problem),
                possible="the keys and spellings of verdicts.schema.json",
            ) from problem

    @property
    def required(self) -> str:
        """The bound in words."""
        return number.required(self.direction, self.limit, self.unit)

    @property
    def measured(self) -> tuple[str, str]:
        """The measured value with unit, and its interval."""
        return number.measured(self.estimate, self.lower, self.upper, self.unit, limit=self.limit)

    @property
    def each_card(self) -> tuple[OnCard, ...]:
        """The verdict on each card, where several were tested."""
        return tuple(
            OnCard(
                f"gpu{card['lane']}",
                str(card["device"]),
                *number.measured(card["estimate"], card["lower"], card["upper"], self.unit, limit=self.limit),
                Verdict(card["verdict"]),
            )
            for card in self.cards
        )

    @property
    def room(self) -> float | None:
        """The distance from the estimate to the bound in ``unit``, positive on the kept side; None without one."""
        return None if self.estimate is None else number.room(self.estimate, self.limit, self.direction)

    @property
    def distance(self) -> str:
        """The distance in words, "11.2 ms (22.4 %)", to the places of the measured value; "" without one."""
        if self.estimate is None or self.room is None:
            return ""
        decimals = None
        if readable_unit(self.estimate, self.unit) == self.unit:
            values = [side for side in (self.estimate, self.lower, self.upper) if side is not None]
            decimals = number.places(values, unit=self.unit, against=number.edges(self.limit))
        share = number.margin(self.estimate, self.limit)
        absolute = number.number(abs(self.room), self.unit, decimals=decimals)
        return absolute if share is None else f"{absolute} ({number.percent(share)})"

    @property
    def margin(self) -> str:
        """The distance to the bound as a signed share of it, "+22.4 %" on the kept side; a dash where there is none."""
        share = None if self.estimate is None else number.margin(self.estimate, self.limit)
        if share is None or self.room is None:
            return number.ABSENT
        sign = "+" if self.room > 0 else "−" if self.room < 0 else "±"
        if share > MOST_MARGIN:
            return f">{sign}999 %"
        return f"{sign}{number.number(share, 'share', decimals=0) if share >= 1 else number.percent(share)}"

    @property
    def size(self) -> str:
        """How much was measured: "3 runs, 30 blocks, n_eff 7,012"."""
        sizes = [_counted(self.deciding[name], name) for name in ("runs", "blocks") if name in self.deciding]
        if not sizes and self.n is not None:
            sizes = [_counted(self.n, "runs") if self.kind in KINDS_OF_RUNS else f"n {number.count(self.n)}"]
        if self.n_eff is not None and self.n_eff != self.n:
            sizes.append(f"n_eff {number.count(self.n_eff)}")
        return ", ".join(sizes)

    @property
    def sample(self) -> str:
        """The size of the sample and the confidence, "" where nothing was counted."""
        if not self.size or self.alpha is None:
            return self.size
        return f"{self.size}, confidence {number.exact(1 - self.alpha, 'share')} %"

    @property
    def decided_by(self) -> str | None:
        """The deciding quantity in words, None where the measured value itself decides."""
        estimate, unit = self.deciding.get("estimate"), str(self.deciding.get("unit", ""))
        if estimate is None:
            return None
        allowed = self.deciding.get("acceptance_limit", self.deciding.get("limit"))
        value, between = number.measured(
            estimate, self.deciding.get("lower"), self.deciding.get("upper"), unit, limit=self.deciding.get("limit")
        )
        word = "needs" if self.deciding.get("direction") == ">=" else "allows"
        allows = f", sign-off {word} {number.required('', allowed, unit).strip()}" if allowed is not None else ""
        return f"{self.deciding.get('quantity', 'deciding quantity')} {value} {between}".rstrip() + allows


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _counted(amount: float, things: str) -> str:
    return f"{number.count(amount)} {things if round(amount) != 1 else things.removesuffix('s')}"
