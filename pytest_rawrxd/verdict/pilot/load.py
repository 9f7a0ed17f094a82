"""The load test of a pilot: rates, efficiencies and waits at each number of streams, one figure a fresh process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.levels import LEVEL, OPEN, Part
from pytest_rawrxd.profile import Criterion, Profile, convert
from pytest_rawrxd.verdict.answers.time_to_first_token import first_token_ns
from pytest_rawrxd.verdict.level import EVERY_PART, level_sample
from pytest_rawrxd.verdict.load_run import LoadRun
from pytest_rawrxd.verdict.pilot.bound import (
    Bound,
    Figure,
    band_bound,
    ceiling_bound,
    expecting_mean,
    extreme_bound,
    floor_bound,
)
from pytest_rawrxd.verdict.sample import Integers
from pytest_rawrxd.verdict.wording import number

#: Of what a quantile allows to exceed it, half: every campaign that was simulated at this share passes sign-off.
HALF = 0.5

Process = tuple[Evidence, LoadRun]


@dataclass(frozen=True)
class Level:
    """The runs of a pilot at one number of streams."""

    runs: Sequence[Evidence]
    streams: int
    base: Profile

    @classmethod
    def of(cls, runs: Sequence[Evidence], criterion: Criterion, base: Profile) -> Level:
        return cls(runs, int(criterion.where["streams"]), base)

    def processes(self, parts: Sequence[Part] = EVERY_PART, *, gaps: bool = False) -> list[Process]:
        """Every process; EvidenceProblem with the first reason for which one of them, or its gaps, is unusable."""
        found: list[Process] = []
        for evidence in self.runs:
            sample = level_sample(evidence, self.streams, parts)
            problem = sample.gap_problem if gaps else sample.problem
            if sample.sources and problem is not None:
                raise EvidenceProblem(problem.reason)
            found += [(evidence, run) for run in sample.runs]
        if not found:
            raise EvidenceProblem(f"no run of {self.streams} streams")
        return found

    def figure(self, what: str, unit: str, found: Sequence[Process], of: Callable[[LoadRun], float]) -> Figure:
        """One value a process."""
        names = tuple(dict.fromkeys(evidence.campaign.id for evidence, _ in found))
        return Figure(what, unit, np.array([of(run) for _, run in found]), names, self.base.gates)

    def waits(self, criterion: Criterion, what: str, of: Callable[[Integers], float]) -> Figure:
        """A figure of the gaps of each process, in the unit of the criterion."""
        scale = convert(1e-9, "s", criterion.unit)
        found = self.processes(gaps=True)
        named = f"{what} at {self.streams} streams"
        return self.figure(named, criterion.unit, found, lambda run: of(run.gaps.gap_ns) * scale)


def rates(runs: Sequence[Evidence], streams: int, base: Profile) -> Figure:
    """Tokens of all streams per second, one value a process."""
    level = Level(runs, streams, base)
    return level.figure(f"{streams} streams together", "tok/s", level.processes(), lambda run: run.tps)


def _aggregate(runs: Sequence[Evidence], criterion: Criterion, base: Profile) -> Bound:
    figure = rates(runs, int(criterion.where["streams"]), base)
    return expecting_mean(floor_bound(figure), figure) if criterion.kind == "floor" else band_bound(figure)


def _efficiency(runs: Sequence[Evidence], criterion: Criterion, base: Profile) -> Bound:
    """Of each interleaved round: N streams over N times the one stream beside them."""
    streams = int(criterion.where["streams"])
    many, one = (_by_round(Level(runs, each, base)) for each in (streams, 1))
    rounds = [key for key in many if key in one]
    if not rounds:
        raise EvidenceProblem(f"no round has {streams} streams and one")
    values = [convert(many[key] / (streams * one[key]), "ratio", criterion.unit) for key in rounds]
    figure = Figure(
        f"efficiency of {streams} streams",
        criterion.unit,
        np.array(values),
        tuple(dict.fromkeys(run for run, *_ in rounds)),
        base.gates,
    )
    return expecting_mean(floor_bound(figure, guarded=False), figure)


def _by_round(level: Level) -> dict[tuple[str, str, int], float]:
    return {
        (evidence.campaign.id, run.record.session, int(run.data["run"])): run.tps
        for evidence, run in level.processes((LEVEL,))
    }


def _quantile(runs: Sequence[Evidence], criterion: Criterion, base: Profile, *, by_time: bool) -> Bound:
    """The quantile that half of the allowed share exceeds: sign-off accepts a share that is surely below the whole.

    What is expected is the quantile itself.
    """
    level = Level.of(runs, criterion, base)

    def at(share: float) -> Figure:
        what = f"P{number(100 * share)} of {'the time in gaps' if by_time else 'the gaps'}"
        return level.waits(criterion, what, partial(_at, share=share, by_time=by_time))

    return expecting_mean(ceiling_bound(at(_share(criterion))), at(_share(criterion, above=1.0)))


def _expected_quantile(runs: Sequence[Evidence], criterion: Criterion, base: Profile) -> Bound:
    percentile = int(criterion.where["percentile"])
    level = Level.of(runs, criterion, base)
    return band_bound(level.waits(criterion, f"P{percentile} of the gaps", partial(_at, share=percentile / 100)))


def _mean(runs: Sequence[Evidence], criterion: Criterion, base: Profile) -> Bound:
    return band_bound(Level.of(runs, criterion, base).waits(criterion, "mean gap", lambda gaps: float(gaps.mean())))


def _longest(runs: Sequence[Evidence], criterion: Criterion, base: Profile) -> Bound:
    """One gap above it fails, in any process of an acceptance run at this number of streams."""
    load, level = base.protocol.phase2, Level.of(runs, criterion, base)
    planned = load.level_runs + (load.processes if level.streams == load.streams else 0)
    return extreme_bound(level.waits(criterion, "longest gap", lambda gaps: float(gaps.max())), runs=planned)


def _first_token(runs: Sequence[Evidence], criterion: Criterion, base: Profile) -> Bound:
    """Only under an open loop does a request come while others run."""
    share, level = _share(criterion), Level.of(runs, criterion, base)
    if not any(level_sample(run, level.streams, (OPEN,)).sources for run in runs):
        raise EvidenceProblem("in process a request begins when a slot is free: only a server shows its first token")
    scale = convert(1e-9, "s", criterion.unit)
    what = f"P{number(100 * share)} of the waits for a first token at {level.streams} streams"
    found = level.processes((OPEN,))
    return ceiling_bound(
        level.figure(what, criterion.unit, found, lambda run: _at(first_token_ns(run), share=share) * scale)
    )


def _stalled(runs: Sequence[Evidence], criterion: Criterion, base: Profile) -> Bound:
    stall_ns = base.gates.stall_gap.to("s") * 1e9
    found = Level.of(runs, criterion, base).processes(gaps=True)
    stood = sum(bool((run.gaps.gap_ns > stall_ns).any()) for _, run in found)
    said = f"{stood} of {len(found)} processes stood still" if stood else "no process stood still"
    raise EvidenceProblem(f"{said}: a share of stalls has no tolerance limit")


Rule = Callable[[Sequence[Evidence], Criterion, Profile], Bound]
#: The bound of a criterion by its metric; EvidenceProblem where the pilot has none.
BOUNDS: Mapping[str, Rule] = {
    "aggregate_tps": _aggregate,
    "scaling_efficiency": _efficiency,
    "inter_token_latency": partial(_quantile, by_time=False),
    "time_weighted_latency": partial(_quantile, by_time=True),
    "inter_token_quantile": _expected_quantile,
    "mean_inter_token_latency": _mean,
    "longest_gap": _longest,
    "time_to_first_token": _first_token,
    "stalled_share": _stalled,
}


def _share(criterion: Criterion, *, above: float = HALF) -> float:
    """The share of values below the wait that ``above`` of the allowed share exceeds."""
    assert criterion.quantile is not None  # noqa: S101 - checked at load
    return 1 - above * (1 - criterion.quantile)


def _at(gaps_ns: Integers, *, share: float, by_time: bool = False) -> float:
    """The smallest gap that ``share`` of the gaps, or of the time in them, does not exceed."""
    rising = np.sort(gaps_ns)
    reached = np.cumsum(rising) if by_time else np.arange(1, rising.size + 1)
    return float(rising[np.searchsorted(reached, share * reached[-1] * (1 - 1e-12))])
