"""What a profile asks of a machine before anything is run: activities, their hours, and what each criterion needs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_rawrxd.measure.cells import needed_cells, needs_bandwidth_test
from pytest_rawrxd.measure.decode import REFERENCE, Cell
from pytest_rawrxd.profile import Criterion, Profile
from pytest_rawrxd.profile.lint.bounds import point, promising
from pytest_rawrxd.verdict.alert_budget import KINDS, detection
from pytest_rawrxd.verdict.planning_claims import ALERTS, Claim, claims
from pytest_rawrxd.verdict.planning_terms import Run

ORDER = SINGLE, BANDWIDTH, LOAD, LEVELS, SOAK, FAULTS, DRILL, NONE = (
    "single stream",
    "bandwidth test",
    "load",
    "load at every level",
    "soak",
    "fault injection",
    "monitoring drill",
    "no measuring of its own",
)
OF_FAULTS = ("lost_requests", "fleet_loss", "recovery_time", "cpu_fallback", "fault_handled")
#: Metrics that are measured in one activity, wherever they are asked about.
OWN = dict.fromkeys(OF_FAULTS, FAULTS) | {ALERTS: DRILL}
OF_SOAK = frozenset({"soak_duration", "soak_completed", "soak_record", "soak_latency", "availability"})
OF_LOAD = frozenset({"queue_served", "concurrent_users"})


@dataclass(frozen=True)
class Activity:
    """One stretch of machine time and the claims that rest on it."""

    phase: int
    name: str
    hours: float  #: measuring time; the loading of the engine comes on top of it at each start
    starts: int  #: fresh engine processes
    at_least: bool  #: the profile names no speed to compute with: the hours are the least there can be
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Plan:
    """Everything a profile needs, phase by phase."""

    activities: tuple[Activity, ...]

    @property
    def phases(self) -> tuple[int, ...]:
        """The phases that have criteria."""
        return tuple(sorted({activity.phase for activity in self.activities}))

    def hours(self, phase: int) -> float:
        """Measuring time of a phase, in h."""
        return sum(activity.hours for activity in self.activities if activity.phase == phase)

    def starts(self, phase: int) -> int:
        """Fresh engine processes of a phase."""
        return sum(activity.starts for activity in self.activities if activity.phase == phase)


def plan(profile: Profile) -> Plan:
    """Return the plan of ``profile``: every applicable criterion stands in one activity of its phase."""
    wanted = [criterion for criterion in profile.criteria.values() if criterion.not_applicable is None]
    groups: dict[tuple[int, str], list[Criterion]] = {}
    for criterion in wanted:
        groups.setdefault((criterion.phase, _activity_of(criterion, profile)), []).append(criterion)
    found = []
    for phase, name in sorted(groups, key=lambda key: (key[0], ORDER.index(key[1]))):
        run = _run(profile, name, groups[phase, name])
        found.append(
            Activity(phase, name, run.hours, run.starts, run.at_least, tuple(claims(profile, groups[phase, name], run)))
        )
    return Plan(tuple(found))


def _activity_of(criterion: Criterion, profile: Profile) -> str:
    where, metric, streams = criterion.where, criterion.metric, profile.protocol.phase2.streams
    during = where.get("during")
    if criterion.phase == 1 and needs_bandwidth_test([criterion]):
        return BANDWIDTH
    if during == "soak" or metric in OF_SOAK:
        return SOAK
    if metric in OWN:
        return OWN[metric]
    if metric == "scaling_efficiency" or where.get("streams", streams) != streams:
        return LEVELS
    if during == "load" or "streams" in where or metric in OF_LOAD:
        return LOAD
    return SINGLE if criterion.phase == 1 and needed_cells(profile, [criterion]) else NONE


def _run(profile: Profile, name: str, criteria: Sequence[Criterion]) -> Run:
    protocol = profile.protocol
    load, soak, faults = protocol.phase2, protocol.soak, protocol.faults
    runs = load.level_runs * len(load.levels)
    of = {
        SINGLE: lambda: _single(profile, criteria),
        BANDWIDTH: lambda: Run(protocol.bandwidth.duration.to("h"), 1),
        LOAD: lambda: _load(profile),
        LEVELS: lambda: Run(runs * load.level_duration.to("h"), runs, streams_rate=_rate(profile)),
        SOAK: lambda: Run(soak.duration.to("h"), math.ceil(soak.duration.to("h") / soak.restart_every.to("h"))),
        FAULTS: lambda: Run(faults.injections * faults.window.to("h"), 1),
        DRILL: lambda: _drill(profile),
        NONE: lambda: Run(0.0, 0),
    }
    return of[name]()


def _drill(profile: Profile) -> Run:
    """The control, an alert for each fault as late as alerts come, and after each the time until rates forget it."""
    told = profile.protocol.monitoring
    if told is None:
        return Run(0.0, 1, at_least=True)
    takes = detection(profile)
    forgotten_s = told.window.to("s") + told.hold.to("s")
    seconds = told.clean.to("s") + sum(takes[kind] + forgotten_s for kind in KINDS.values())
    return Run(seconds / 3600, 1)


def _single(profile: Profile, criteria: Iterable[Criterion]) -> Run:
    single = profile.protocol.phase1
    cells = needed_cells(profile, criteria)
    seconds, at_least = 0.0, False
    for cell, runs in cells.items():
        rate = _speed(profile, cell)
        at_least = at_least or rate is None
        seconds += runs * process_seconds(
            cell.tokens, rate, requests=1 + single.warm_up_requests, least_s=single.min_duration.to("s")
        )
    return Run(seconds / 3600, sum(cells.values()), at_least)


def process_seconds(tokens: int, rate: float | None, *, requests: int, least_s: float) -> float:
    """Return how long one process generates: whole requests, at least ``requests`` of them and ``least_s`` seconds.

    ``rate`` in tok/s; without one, ``least_s`` is all that is known.
    """
    if rate is None:
        return least_s
    each = tokens / rate
    return each * max(requests, math.ceil(least_s / each - 1e-9))


def _speed(profile: Profile, cell: Cell) -> float | None:
    """The speed in tok/s that the profile expects of a cell's variant; a floor is no expectation."""
    on_cpu = cell.kind == REFERENCE
    found = [
        criterion
        for criterion in promising(profile, "decode_tps", variant=cell.variant)
        if (criterion.where.get("backend") == "cpu") is on_cpu and (on_cpu or criterion.kind == "equivalence")
    ]
    return point(found[0], "tok/s") if found else None


def _load(profile: Profile) -> Run:
    load, rate = profile.protocol.phase2, _rate(profile)
    tokens = load.requests * load.tokens
    if rate is None:
        return Run(0.0, load.processes, at_least=True)
    return Run(tokens / rate / 3600, load.processes, streams_rate=rate)


def _rate(profile: Profile) -> float | None:
    """Tokens per second of the main number of streams: by the expected gap, else by the promised throughput."""
    streams = profile.protocol.phase2.streams
    for mean in promising(profile, "mean_inter_token_latency", streams=streams):
        return 1000 * streams / point(mean, "ms")
    return next((point(floor, "tok/s") for floor in promising(profile, "aggregate_tps", streams=streams)), None)
