"""What the soak, the faults and the alert drill need to be decided, and what shorter ones cannot say."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_rawrxd.profile import Criterion, Profile
from pytest_rawrxd.profile.lint.bounds import high, low, promising
from pytest_rawrxd.verdict.alert_budget import budgets, detection
from pytest_rawrxd.verdict.availability import hours_needed
from pytest_rawrxd.verdict.drift import LOOKS_H
from pytest_rawrxd.verdict.exceedance import share_bounds
from pytest_rawrxd.verdict.planning_terms import Rule, Run, in_hours, in_percent
from pytest_rawrxd.verdict.sample_size import drift_hours, leak_seen, values_without_exceedance
from pytest_rawrxd.verdict.wording import duration, number


def _drift(profile: Profile, group: Sequence[Criterion], _run: Run) -> tuple[str, str]:
    soak, page = profile.protocol.soak, profile.gates.memory_page.to("MB")
    limit, horizon = high(group[0], "MB"), soak.duration.to("h")
    life = soak.restart_every.to("h") - soak.settle.to("h")
    looks = ", ".join(number(look) for look in LOOKS_H if look < horizon)
    early = f"a leak can fail it at {looks} h; " if looks else ""
    return (
        f"{duration(horizon)} in process lives of {soak.restart_every}: pages of {profile.gates.memory_page} blur the "
        f"slope by {number(page * horizon / life)} MB of the allowed {number(limit)} MB",
        f"only the whole {duration(horizon)} can keep it; {early}below process lives of "
        f"{in_hours(drift_hours(limit, horizon_hours=horizon, page_mb=page))} nothing can be kept; a shorter run says "
        f"'leak < X MB/h', and one life of {in_hours(life)} no less than {number(leak_seen(life, page_mb=page))} MB/h",
    )


def _hourly_floor(_profile: Profile, _group: Sequence[Criterion], _run: Run) -> tuple[str, str]:
    return "the lowest tenth of each hour against the first hour of its process life", (
        "a process life below 2 h has no second hour to compare"
    )


def _total_delta(_profile: Profile, _group: Sequence[Criterion], run: Run) -> tuple[str, str | None]:
    return f"largest minus smallest settled sample of {in_hours(run.hours)}", "a shorter run has seen less"


def _slope_share(profile: Profile, _group: Sequence[Criterion], _run: Run) -> tuple[str, str]:
    return f"hourly means over {profile.protocol.soak.duration}", "below 8 means there is no verdict"


def _availability(profile: Profile, group: Sequence[Criterion], run: Run) -> tuple[str, str]:
    first = group[0]
    recovery = next(promising(profile, "recovery_time"), None)
    if recovery is None:
        return "crash rate x recovery time", "the profile bounds no recovery time"
    repair, percent = high(recovery, "h"), low(first, "%")
    needed = [hours_needed(k, repair, limit_percent=percent, confidence=first.confidence) for k in range(4)]
    survives = sum(hours <= run.hours for hours in needed) - 1
    steps = ", ".join(f"{in_hours(hours)} with {crashes}" for crashes, hours in enumerate(needed))
    verdict = f"{in_hours(run.hours)} keep it with up to {survives}" if survives >= 0 else "too short even without one"
    return f"{number(percent)} % with recoveries of {duration(repair)}: {steps} crashes; {verdict}", (
        f"below {in_hours(needed[0])} nothing can be kept; a month is an extrapolation"
    )


def _loss(profile: Profile, group: Sequence[Criterion], _run: Run) -> tuple[str, str]:
    faults, first = profile.protocol.faults, group[0]
    independent = faults.requests / faults.streams
    upper = share_bounds(0.0, independent, confidence=first.confidence)[1]
    enough = math.ceil(values_without_exceedance(high(first, "ratio"), confidence=first.confidence) * faults.streams)
    return (
        f"{faults.requests} requests over {faults.injections} injections, {number(independent)} independent: without "
        f"any loss the bound is {in_percent(upper)}, allowed {in_percent(high(first, 'ratio'))}",
        f"below {enough} requests it cannot be kept even without any loss; below {profile.gates.min_injections} "
        "injections there is no verdict",
    )


def _recovery(profile: Profile, _group: Sequence[Criterion], _run: Run) -> tuple[str, str]:
    faults, gates = profile.protocol.faults, profile.gates
    return (
        f"{faults.injections} injections of {len(set(faults.kinds))} kinds",
        f"below {gates.min_injections} injections of {gates.min_fault_kinds} kinds there is no verdict",
    )


def drill(profile: Profile) -> str:
    told = profile.protocol.monitoring
    if told is None:
        return "a table [protocol.monitoring], without which nothing is watched"
    takes, forgiven = detection(profile), budgets(profile)
    faults = "; ".join(
        f"{kind}: alerts take up to {in_hours(takes[kind] / 3600)}, the SLA forgives "
        + (in_hours(forgiven[kind] / 3600) if kind in forgiven else "nothing that it bounds")
        for kind in takes
    )
    return f"{told.clean} without an alert, then a server that is slowed, frozen and killed; {faults}"


#: Kind of criterion -> what it needs and what shorter runs cannot say.
STABILITY: dict[str, Rule] = {
    "drift": _drift,
    "hourly_floor": _hourly_floor,
    "total_delta": _total_delta,
    "slope_share": _slope_share,
    "availability": _availability,
    "loss": _loss,
    "recovery": _recovery,
}
