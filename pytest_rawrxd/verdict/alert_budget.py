"""How long the SLA forgives a fault, and which criteria's alerts have to tell of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_rawrxd.profile import Criterion, Profile
from pytest_rawrxd.profile.units import convert

DOWN, SLOW = "down", "slow"
#: What each fault of the drill makes of the server.
KINDS = {"degrade": SLOW, "freeze": DOWN, "kill": DOWN}
TOLD_BY = {
    DOWN: frozenset({"recovery_time", "availability"}),
    SLOW: frozenset({"inter_token_latency", "longest_gap", "decode_tps"}),
}


def budgets(profile: Profile) -> dict[str, float]:
    """Seconds for which the SLA forgives a server that is down, and one that is slow.

    Down: the time to recovery, or what availability leaves of the SLA's window, whichever is shorter. Slow, with every
    token above its bound: the smallest share of the window that a percentile leaves. A kind that no row of the SLA
    bounds, or a profile that says nothing of monitoring, has no budget.
    """
    told = profile.protocol.monitoring
    if told is None:
        return {}
    window_s = told.sla_window.to("s")
    found: dict[str, list[float]] = {DOWN: [], SLOW: []}
    for criterion in _rows(profile):
        if criterion.metric == "recovery_time":
            found[DOWN].append(_limit(criterion, "s"))
        elif criterion.metric == "availability":
            found[DOWN].append((1 - _limit(criterion, "ratio")) * window_s)
        elif criterion.metric == "inter_token_latency" and criterion.quantile is not None:
            found[SLOW].append((1 - criterion.quantile) * window_s)
    return {kind: min(each) for kind, each in found.items() if each}


def detection(profile: Profile) -> dict[str, float]:
    """The longest that it takes, in s, from a fault that is there all at once to its alert; {} without monitoring."""
    told = profile.protocol.monitoring
    if told is None:
        return {}
    scrapes_s = 2 * told.scrape_every.to("s")
    return {
        DOWN: told.health_deadline.to("s") + scrapes_s + told.down_hold.to("s"),
        SLOW: told.window.to("s") + scrapes_s + told.hold.to("s"),
    }


def telling(profile: Profile, kind: str) -> frozenset[str]:
    """The ids of the SLA's rows whose alert tells that a server is down, or slow."""
    return frozenset(criterion.id for criterion in _rows(profile) if criterion.metric in TOLD_BY[kind])


@dataclass(frozen=True)
class Speed:
    """A speed of one stream in tok/s: the lowest that the SLA allows, and where its early warning comes."""

    bound: float
    early: float


def speed(profile: Profile) -> Speed | None:
    """The speed that the row of the SLA with the highest early warning asks for; None where no row bounds one."""
    told = profile.protocol.monitoring
    found = []
    for criterion in _rows(profile) if told else ():
        early = told.early_of.get(criterion.id, told.early).to("ratio") if told else 1.0
        if criterion.metric == "decode_tps":
            bound = _limit(criterion, "tok/s")
        elif criterion.metric == "inter_token_latency" and criterion.quantile == 0.5:
            bound = 1 / _limit(criterion, "s")
        else:
            continue
        found.append(Speed(bound, bound / early))
    return max(found, key=lambda each: each.early, default=None)


def _rows(profile: Profile) -> Iterator[Criterion]:
    for criterion in profile.criteria.values():
        excused = criterion.informative or criterion.not_applicable is not None
        if criterion.id.startswith("SLA-") and not excused and isinstance(criterion.limit, float | int):
            yield criterion


def _limit(criterion: Criterion, unit: str) -> float:
    assert isinstance(criterion.limit, float | int)  # noqa: S101 - _rows leaves out bands
    return convert(float(criterion.limit), criterion.unit, unit)
