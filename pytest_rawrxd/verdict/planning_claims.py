"""What each kind of criterion needs to be decided, and which claim a shorter run cannot make."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pytest_rawrxd.measure.cells import COMPARISONS
from pytest_rawrxd.profile import Criterion, Profile
from pytest_rawrxd.profile.lint.bounds import high, low
from pytest_rawrxd.verdict.availability import mean_time_between_failures
from pytest_rawrxd.verdict.counts import rate_interval
from pytest_rawrxd.verdict.decide import floor_acceptance
from pytest_rawrxd.verdict.planning_stability import STABILITY, drill
from pytest_rawrxd.verdict.planning_terms import Rule, Run, in_hours, in_percent
from pytest_rawrxd.verdict.sample_size import (
    largest_cv,
    mean_half_width,
    values_at_share,
    values_without_exceedance,
)
from pytest_rawrxd.verdict.wording import duration, number

ALERTS = "alerts_early"  #: a fact that takes a drill


@dataclass(frozen=True)
class Claim:
    """Criteria of one kind: what decides them, and what a shorter run cannot say; None where length is no matter."""

    criteria: tuple[str, ...]
    needs: str
    shorter: str | None


def claims(profile: Profile, criteria: Sequence[Criterion], run: Run) -> Iterator[Claim]:
    """One claim for each group of ``criteria`` that are decided alike, informative ones last."""
    groups: dict[tuple[str, bool, float], list[Criterion]] = {}
    for criterion in sorted(criteria, key=lambda criterion: criterion.informative):
        groups.setdefault(_alike(criterion), []).append(criterion)
    for group in groups.values():
        needs, shorter = _told(profile, group, run)
        yield Claim(tuple(criterion.id for criterion in group), needs, shorter)


def _alike(criterion: Criterion) -> tuple[str, bool, float]:
    if criterion.informative:
        return "informative", False, 0.0
    return criterion.kind, criterion.metric in COMPARISONS, criterion.quantile or 0.0


def _told(profile: Profile, group: Sequence[Criterion], run: Run) -> tuple[str, str | None]:
    first = group[0]
    if first.informative:
        return "informative: shown, decides nothing", None
    if first.metric in COMPARISONS:
        rounds = profile.protocol.phase1.processes.peak
        return (
            f"{rounds} interleaved rounds of {len(profile.models.variants)} variants",
            f"below {profile.gates.min_runs.peak} rounds there is no verdict",
        )
    if first.metric == ALERTS:
        return drill(profile), None
    rule = RULES.get(first.kind)
    return rule(profile, group, run) if rule else _exact(group)


def _floor(profile: Profile, group: Sequence[Criterion], _run: Run) -> tuple[str, str]:
    gates = profile.gates
    many = "streams" in group[0].where
    runs = profile.protocol.phase2.level_runs if many else profile.protocol.phase1.processes.floor
    least, confidence = gates.min_runs.floor, group[0].confidence
    cv = gates.planning_variation.to("ratio")
    above = floor_acceptance(1.0, systematic=gates.systematic_error.to("ratio")) - 1
    needed = above + mean_half_width(cv, runs, confidence=confidence)
    return (
        f"{runs} {'runs' if many else 'fresh processes'}; at a run-to-run variation of {in_percent(cv)} it is kept "
        f"from {in_percent(needed)} above the bound, and no run below it",
        f"below {least} runs there is no verdict; with {least} it is kept from "
        f"{in_percent(above + mean_half_width(cv, least, confidence=confidence))} above the bound",
    )


def _equivalence(profile: Profile, group: Sequence[Criterion], _run: Run) -> tuple[str, str]:
    runs, least = profile.protocol.phase1.processes.equivalence, profile.gates.min_runs.equivalence
    narrow = min(group, key=_half_band)
    most = min(largest_cv(_half_band(narrow), runs, confidence=narrow.confidence), profile.gates.cv_max.to("ratio"))
    return (
        f"{runs} fresh processes each; the narrowest band, {narrow.id} +- {in_percent(_half_band(narrow))}, can be "
        f"kept up to a run-to-run variation of {in_percent(most)}",
        f"below {least} processes there is no verdict",
    )


def _half_band(criterion: Criterion) -> float:
    lower, upper = low(criterion, criterion.unit), high(criterion, criterion.unit)
    return (upper - lower) / (upper + lower)


def _quantile(profile: Profile, group: Sequence[Criterion], run: Run) -> tuple[str, str]:
    first, gates = group[0], profile.gates
    allowed = round(1 - (first.quantile or 0.0), 12)
    acceptance = gates.quantile_guard.to("ratio") * allowed
    none = values_without_exceedance(acceptance, confidence=first.confidence)
    half = values_at_share(allowed / 2, acceptance, confidence=first.confidence)
    effect = gates.planning_design_effect.to("ratio")
    if first.metric == "soak_latency":
        levels, planned = [profile.protocol.soak.streams], [_planned_in_soak(profile)]
    else:
        levels = sorted({int(criterion.where["streams"]) for criterion in group})
        planned = [value for streams in levels if (value := _planned(profile, streams, run)) is not None]
    said = f"; about {' to '.join(number(round(end)) for end in _ends(planned))} are planned" if planned else ""
    return (
        f"P{number(100 * (first.quantile or 0))} at {', '.join(map(str, levels))} streams: {number(math.ceil(none))} "
        f"independent values when none exceeds the bound, {number(math.ceil(half))} when half of the allowed share "
        f"does; {number(effect)} tokens count as one{said}",
        _blocks(profile),
    )


def _planned_in_soak(profile: Profile) -> float:
    """Independent tokens that the bursts of the soak have."""
    soak, effect = profile.protocol.soak, profile.gates.planning_design_effect.to("ratio")
    share = soak.idle_every.to("s") / (soak.idle_every.to("s") + sum(end.to("s") for end in soak.idle) / 2)
    bursts = share * soak.duration.to("s") / soak.burst_every.to("s")
    return bursts * sum(soak.burst_requests) / 2 * soak.tokens / max(effect, soak.streams)


def _planned(profile: Profile, streams: int, run: Run) -> float | None:
    """Independent values that the protocol's own run holds: never more than its decode steps."""
    load, effect = profile.protocol.phase2, profile.gates.planning_design_effect.to("ratio")
    if streams == load.streams:
        return load.requests * load.tokens / max(effect, streams)
    if run.streams_rate is None:
        return None
    steps = load.level_runs * load.level_duration.to("s") * run.streams_rate / load.streams
    return steps * min(1.0, streams / effect)


def _ends(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(dict.fromkeys((min(values), max(values))))


def _blocks(profile: Profile) -> str:
    block, least = profile.protocol.phase2.block, profile.gates.min_blocks
    return f"below {least} blocks of {block}, {duration(least * block.to('h'))}, there is no verdict"


def _share(profile: Profile, group: Sequence[Criterion], _run: Run) -> tuple[str, str]:
    allowed = ", ".join(f"{number(high(criterion, '%'))} %" for criterion in group)
    return f"time above {profile.gates.stall_gap} over all blocks, at most {allowed}", _blocks(profile)


def _spike(_profile: Profile, group: Sequence[Criterion], run: Run) -> tuple[str, str]:
    return _zero_in(group, run, "none may exceed the bound")


def _zero(_profile: Profile, group: Sequence[Criterion], run: Run) -> tuple[str, str]:
    return _zero_in(group, run, "none may happen")


def _zero_in(group: Sequence[Criterion], run: Run, what: str) -> tuple[str, str]:
    confidence = group[0].confidence
    if not run.hours:
        return what, "the profile names no speed, so the hours of the run are not known"
    upper = rate_interval(0, run.hours, confidence=confidence).upper or 0.0
    between = mean_time_between_failures(0, run.hours, confidence=confidence).lower or 0.0
    half = mean_time_between_failures(0, run.hours / 2, confidence=confidence).lower or 0.0
    return (
        f"{what} in {in_hours(run.hours)}: proves at most {number(upper)} an hour, one in {in_hours(between)} or "
        f"longer, at {in_percent(confidence)}",
        f"half the time proves one in {in_hours(half)} or longer",
    )


def _efficiency(profile: Profile, group: Sequence[Criterion], _run: Run) -> tuple[str, str]:
    load = profile.protocol.phase2
    levels = ", ".join(str(criterion.where["streams"]) for criterion in group)
    return (
        f"{load.level_runs} runs of {load.level_duration} at {levels} streams, interleaved with as many of one stream",
        "below 5 runs a level there is no verdict" if load.level_runs >= 5 else "fewer runs widen the interval",
    )


def _utilisation(_profile: Profile, _group: Sequence[Criterion], _run: Run) -> tuple[str, str]:
    return "60 s means of loaded time", "below 10 loaded minutes there is no verdict"


def _exact(group: Iterable[Criterion]) -> tuple[str, None]:
    kinds = {criterion.kind for criterion in group}
    if kinds <= {"fact", "count", "declaration"}:
        said = {"fact": "a fact, no sample", "count": "a count", "declaration": "a declaration by the operator"}
        return " or ".join(said[kind] for kind in sorted(kinds)), None
    return "values that are read exactly, no sample", None


RULES: dict[str, Rule] = {
    "floor": _floor,
    "equivalence": _equivalence,
    "quantile": _quantile,
    "share": _share,
    "spike": _spike,
    "zero": _zero,
    "efficiency": _efficiency,
    "utilisation": _utilisation,
    **STABILITY,
}
