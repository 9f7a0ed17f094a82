"""What a selection of criteria needs of the load test: numbers of streams, each in how many fresh processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pytest_rawrxd.profile import Criterion, Profile

Part = Literal["main", "level", "open", "fleet"]
MAIN: Part = "main"  #: the requests of the roadmap, split over fresh processes
LEVEL: Part = "level"  #: a length of time, interleaved with one stream
OPEN: Part = "open"  #: over HTTP, after each main run: requests that come at their own instants
FLEET: Part = "fleet"  #: a length of time on every card of the host at once

#: Outputs that show every level.
ALL_LEVELS = frozenset({"concurrency_load_test", "scaling_graph"})


@dataclass(frozen=True)
class Level:
    """A number of streams, and which part of the load test it is measured for."""

    streams: int
    part: Part = LEVEL

    def __str__(self) -> str:
        """The level as a live line names it."""
        said = {MAIN: ", main run", FLEET: " on every card at once"}.get(self.part, "")
        return f"{self.streams} stream{'s' if self.streams > 1 else ''}{said}"


def needed_levels(profile: Profile, criteria: Iterable[Criterion]) -> dict[Level, int]:
    """Level -> fresh processes, the main run first, then streams rising, so that every worker plans the same."""
    load = profile.protocol.phase2
    found = {
        level
        for criterion in criteria
        if not criterion.not_applicable
        for level in _needed(profile, criterion)
        if level.streams in load.levels
    }
    ordered = sorted(found, key=lambda level: (level.part != MAIN, level.part == FLEET, level.streams))
    return {level: load.processes if level.part == MAIN else load.level_runs for level in ordered}


def _needed(profile: Profile, criterion: Criterion) -> Iterator[Level]:
    load, where = profile.protocol.phase2, criterion.where
    # The most users are looked for at every level, and a graph of all levels shows every level.
    if criterion.metric == "concurrent_users" or where.get("output") in ALL_LEVELS:
        yield Level(load.streams, MAIN)
        yield from (Level(streams) for streams in load.levels)
    elif criterion.metric == "host_tps":
        yield Level(int(where["streams"]), FLEET)
    elif where.get("during") == "load":
        yield Level(load.streams, MAIN)
    elif "streams" in where:
        yield from _at(int(where["streams"]), load.streams, criterion.metric)


def _at(streams: int, main: int, metric: str) -> Iterator[Level]:
    if metric == "scaling_efficiency":
        yield Level(1)
        yield Level(streams)
        return
    if streams == main:
        yield Level(main, MAIN)
    # A floor takes more processes than the main run has.
    if streams != main or metric == "aggregate_tps":
        yield Level(streams)
