"""What the drill of the monitoring showed, fault by fault, from its records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pytest_rawrxd.measure.monitoring import CONTROL, FAULTS
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.verdict.alert_budget import KINDS, Speed, budgets, speed, telling


class Kept(Protocol):
    """A record, as the ledger and a dossier have it."""

    @property
    def id(self) -> str: ...
    @property
    def data(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Told:
    """One alert that reached somebody. ``after_s`` counts from the beginning of the fault."""

    name: str
    severity: str
    criterion: str
    after_s: float
    counts: bool  #: it tells of this fault


@dataclass(frozen=True)
class Scene:
    """One fault of the drill, the control among them. ``without_effect`` says why it proves nothing."""

    record: str  #: its id
    fault: str
    seconds: float
    budget_s: float | None
    alerts: tuple[Told, ...]
    without_effect: str | None
    server: str  #: version of the server that was drilled

    @property
    def first(self) -> Told | None:
        """The first alert that tells of the fault."""
        return min((told for told in self.alerts if told.counts), key=lambda told: told.after_s, default=None)

    @property
    def broken(self) -> str | None:
        """Why this scene breaks the promise; None where it keeps it."""
        if self.fault == CONTROL:
            names = ", ".join(told.name for told in self.alerts)
            return f"control: {names} fired though nothing was wrong" if names else None
        if self.first is None:
            others = ", ".join(told.name for told in self.alerts) or "none at all"
            return f"{self.fault}: no alert told of it in {self.seconds:.1f} s (others: {others})"
        if self.budget_s is not None and self.first.after_s >= self.budget_s:
            return f"{self.fault}: {self.first.name} after {self.first.after_s:.1f} s, budget {self.budget_s:g} s"
        return None


def scenes(records: Iterable[Kept], profile: Profile) -> tuple[Scene, ...]:
    """Every scene among ``records`` of the drill: a later one replaces none, so that repeating cannot help."""
    return tuple(_scene(record, profile) for record in records if record.data["fault"] in FAULTS)


def _scene(record: Kept, profile: Profile) -> Scene:
    data = record.data
    fault = str(data["fault"])
    kind = KINDS.get(fault)
    wanted = telling(profile, kind) if kind else frozenset()
    began = int(data["began_ns"])
    alerts = tuple(
        Told(
            str(call["name"]),
            str(call["severity"]),
            str(call["criterion"]),
            (int(call["received_ns"]) - began) / 1e9,
            call["criterion"] in wanted,
        )
        for call in data["alerts"]
    )
    return Scene(
        record=record.id,
        fault=fault,
        seconds=(int(data["ended_ns"]) - began) / 1e9,
        budget_s=budgets(profile).get(kind) if kind else None,
        alerts=alerts,
        without_effect=_without_effect(fault, data["effect"], speed(profile)),
        server=str(data.get("server", "")),
    )


def _without_effect(fault: str, effect: Mapping[str, Any], asked: Speed | None) -> str | None:
    if fault in {"freeze", "kill"} and effect.get("answered") is not False:
        return f"{fault}: the server went on answering"
    seen = effect.get("tokens_per_second")
    if fault == CONTROL and not seen:
        return "control: nothing was decoded, so that silence says nothing"
    # A server so slow that the window holds no token at all has no speed.
    if fault == "degrade" and seen is not None and asked is not None and seen >= asked.early:
        return f"degrade: {seen:.3g} tok/s, and an early warning comes below {asked.early:.3g} tok/s"
    return None
