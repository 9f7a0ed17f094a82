"""The soak as it is planned: bursts, idle phases and restarts on the axis of observed time, the same for every run."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from pytest_rawrxd.profile import Profile
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.rig.engine.protocol import LoadOptions
from pytest_rawrxd.rig.placement import Placement

Kind = Literal["burst", "idle", "restart"]
BURST: Kind = "burst"
IDLE: Kind = "idle"
RESTART: Kind = "restart"
GAP_METRICS = frozenset({"inter_token_latency", "time_weighted_latency", "longest_gap", "soak_latency"})
_FIRST = {RESTART: 0, BURST: 1, IDLE: 2}  #: of two steps at one instant


@dataclass(frozen=True)
class Schedule:
    """What the profile says about a soak; times in s."""

    variant: str
    duration_s: float
    streams: int
    tokens: int
    burst_every_s: float
    burst_requests: tuple[int, int]
    idle_every_s: float
    idle_s: tuple[float, float]
    restart_every_s: float
    settle_s: float
    sample_every_s: float
    thermal_every_s: float
    checkpoint_every_s: float
    review_every_s: float
    block_s: float
    bounds_ns: tuple[int, ...]  #: every latency bound of the profile gets an exact counter
    stop_on_fail: bool
    seed: int


@dataclass(frozen=True)
class SoakTerms(Schedule):
    """The schedule, and how an engine is started and asked."""

    prompt_tokens: int
    load_deadline_s: float
    request_deadline_s: float
    texts: Sequence[str]
    options: LoadOptions
    placement: Placement | None = None

    def burst_deadline_s(self, requests: int) -> float:
        """When a burst is over at the latest: streams take turns, and a request may take its whole deadline."""
        return -(-requests // self.streams) * self.request_deadline_s

    def to_dict(self) -> dict[str, Any]:
        """What a record keeps: everything but the texts, which the seed and the suite name."""
        kept = {key: value for key, value in vars(self).items() if key not in {"texts", "options", "placement"}}
        return {
            **kept,
            "options": asdict(self.options),
            "placement": asdict(self.placement) if self.placement else None,
        }


@dataclass(frozen=True)
class Step:
    """One thing to do at ``due_s``, or when the one before it has ended, the later.

    ``size`` is the requests of a burst, the seconds of an idle phase, the number of a restart.
    """

    number: int
    kind: Kind
    due_s: float
    size: float


def schedule_of(profile: Profile) -> Schedule:
    """The soak that ``profile`` asks for."""
    protocol, soak = profile.protocol, profile.protocol.soak
    return Schedule(
        variant=protocol.phase2.variant,
        duration_s=soak.duration.to("s"),
        streams=soak.streams,
        tokens=soak.tokens,
        burst_every_s=soak.burst_every.to("s"),
        burst_requests=soak.burst_requests,
        idle_every_s=soak.idle_every.to("s"),
        idle_s=(soak.idle[0].to("s"), soak.idle[1].to("s")),
        restart_every_s=soak.restart_every.to("s"),
        settle_s=soak.settle.to("s"),
        sample_every_s=soak.sample_every.to("s"),
        thermal_every_s=soak.thermal_every.to("s"),
        checkpoint_every_s=soak.checkpoint_every.to("s"),
        review_every_s=soak.review_every.to("s"),
        block_s=protocol.phase2.block.to("s"),
        bounds_ns=latency_bounds_ns(profile),
        stop_on_fail=soak.stop_on_fail,
        seed=protocol.seed,
    )


def latency_bounds_ns(profile: Profile) -> tuple[int, ...]:
    """Every bound that a gap between tokens can be judged against, in ns, rising."""
    promised = {
        round(convert(criterion.limit, criterion.unit, "us") * 1000)
        for criterion in profile.criteria.values()
        if criterion.metric in GAP_METRICS and isinstance(criterion.limit, float)
    }
    return tuple(sorted(promised | {round(profile.gates.stall_gap.to("us") * 1000)}))


def steps(terms: Schedule) -> Iterator[Step]:
    """Every step of the soak in order; the last is a burst at the very end, so that the bursts span the duration."""
    restarts = (
        (count * terms.restart_every_s, RESTART, float(count))
        for count in itertools.takewhile(
            lambda count: count * terms.restart_every_s < terms.duration_s, itertools.count(1)
        )
    )
    merged = heapq.merge(_work(terms), restarts, key=lambda entry: (entry[0], _FIRST[entry[1]]))
    for number, (due, kind, size) in enumerate(merged):
        yield Step(number, kind, due, size)


def _work(terms: Schedule) -> Iterator[tuple[float, Kind, float]]:
    random = np.random.default_rng([terms.seed, 48])
    fewest, most = terms.burst_requests

    def requests() -> float:
        return float(random.integers(fewest, most + 1))

    stretch = 0.0
    while stretch < terms.duration_s:
        ends = min(stretch + terms.idle_every_s, terms.duration_s)
        for count in itertools.count():
            due = stretch + count * terms.burst_every_s
            if due >= ends:
                break
            yield due, BURST, requests()
        seconds = min(float(random.uniform(*terms.idle_s)), terms.duration_s - ends)
        if seconds > 0:
            yield ends, IDLE, seconds
        stretch = ends + seconds
    yield terms.duration_s, BURST, requests()
