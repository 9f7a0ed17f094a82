"""What the drill of the monitoring showed, fault by fault, from its records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pytest_rawrxd.measure.monitoring import CONTROL, FAULTS
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.verdict.alert_budget import KINDS, SLOW, Speed, budgets, detection, speed, telling


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
    speed: float | None = None  #: tok/s that the probe saw last, where the scene has looked; None: no token

    @property
    def first(self) -> Told | None:
        """The first alert that tells of the fault."""
        return min((told for told in self.alerts if told.counts), key=lambda told: told.after_s, default=None)

    @property
    def broken(self) -> str | None:
        """Why this scene breaks the promise; None where it keeps it."""
        if self.fault == CONTROL:
            # One that tells of a server which was slow by itself is no false alarm; the control is without effect.
            names = ", ".join(told.name for told in self.alerts if not told.counts)
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
    fault, looks = str(data["fault"]), _looks(data["effect"])
    began, seconds = int(data["began_ns"]), (int(data["ended_ns"]) - int(data["began_ns"])) / 1e9
    kind, asked = KINDS.get(fault), speed(profile)
    wanted = telling(profile, kind) if kind else frozenset()
    if fault == CONTROL and asked is not None and _slow(looks, asked):
        wanted = telling(profile, SLOW)
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
    if fault == CONTROL:
        without = _no_control(looks, asked)
    elif kind == SLOW:
        told = any(each.counts for each in alerts)
        without = _not_slowed(fault, looks, asked, told=told, ended_s=seconds, takes_s=detection(profile).get(SLOW))
    else:
        without = None if data["effect"].get("answered") is False else f"{fault}: the server went on answering"
    return Scene(
        record=record.id,
        fault=fault,
        seconds=seconds,
        budget_s=budgets(profile).get(kind) if kind else None,
        alerts=alerts,
        without_effect=without,
        server=str(data.get("server", "")),
        speed=looks[-1].speed if looks else None,
    )


@dataclass(frozen=True)
class _Look:
    """What the probe saw in one window, in tok/s; None: not one token."""

    after_s: float
    speed: float | None

    def slow(self, asked: Speed) -> bool:
        return self.speed is None or self.speed < asked.early


def _looks(effect: Mapping[str, Any]) -> list[_Look]:
    return [_Look(float(each["after_s"]), each["tokens_per_second"]) for each in effect.get("looks", ())]


def _slow(looks: list[_Look], asked: Speed) -> list[_Look]:
    """The looks that saw tokens, at a speed of which an early warning is due."""
    return [look for look in looks if look.speed is not None and look.slow(asked)]


def _no_control(looks: list[_Look], asked: Speed | None) -> str | None:
    if not any(look.speed for look in looks):
        return "control: nothing was decoded, so that silence says nothing"
    if asked is not None and (slow := _slow(looks, asked)):
        least = min(float(look.speed or 0) for look in slow)
        return (
            f"control: {least:.3g} tok/s with nothing done to the server, and an early warning comes below "
            f"{asked.early:.3g} tok/s: it is too slow by itself, or the machine is too busy"
        )
    return None


def _not_slowed(
    fault: str, looks: list[_Look], asked: Speed | None, *, told: bool, ended_s: float, takes_s: float | None
) -> str | None:
    """Why a degradation proves nothing: nobody saw it, or it did not last for as long as an alert may take."""
    if asked is None or takes_s is None:
        return None  # no bound on speed: alerts_early says so
    if not any(look.slow(asked) for look in looks):
        seen = min((look.speed for look in looks if look.speed is not None), default=None)
        found = "nobody looked how fast the server was" if seen is None else f"{seen:.3g} tok/s"
        return f"{fault}: {found}, and an early warning comes below {asked.early:.3g} tok/s"
    if told:
        return None
    slow_since = next((look.after_s for look in _last_slow(looks, asked)), ended_s)
    if ended_s - slow_since < takes_s:
        return (
            f"{fault}: below {asked.early:.3g} tok/s for {ended_s - slow_since:.3g} s at the end, and an alert may "
            f"take {takes_s:.3g} s"
        )
    return None


def _last_slow(looks: list[_Look], asked: Speed) -> list[_Look]:
    """The looks at the end that all were slow, the first of them first; a server that stands still is not slow."""
    for place in range(len(looks), 0, -1):
        if looks[place - 1] not in _slow(looks, asked):
            return looks[place:]
    return looks
