"""Lanes: what an xdist worker is told by its controller, and how."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_rawrxd.evidence.cards import Card
from pytest_rawrxd.plugin.refusals import workers
from pytest_rawrxd.profile import Profile

WORKER_KEY = "rawrxd"


@dataclass(frozen=True)
class WorkerSeed:
    """What an xdist worker is told by its controller, as plain values on the wire."""

    profile: Profile
    run_dir: Path
    session: str
    worker: str
    lane: int  #: which of the profile's GPUs this worker measures, from 0
    lanes: int  #: how many lanes the session has
    cards: tuple[Card, ...]  #: every GPU under test, of lanes that the session lacks too; () of one device

    @classmethod
    def of(cls, config: pytest.Config) -> WorkerSeed | None:
        """The seed of this process, None in a controller or without xdist."""
        sent = getattr(config, "workerinput", {}).get(WORKER_KEY)
        if sent is None:
            return None
        told = json.loads(sent)
        return cls(
            profile=Profile.from_resolved(told["profile"]),
            run_dir=Path(told["run_dir"]),
            session=told["session"],
            worker=told["worker"],
            lane=told["lane"],
            lanes=told["lanes"],
            cards=tuple(Card(**card) for card in told["cards"]),
        )


class Lanes:
    """Gives each xdist worker the lowest free lane and the tests of its card. Registered only where xdist is."""

    def __init__(self, seed_for: Callable[[str, int], str]) -> None:
        self._seed_for = seed_for
        self._taken: dict[str, int] = {}

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config) -> Any:
        """A test of a card runs on the lane of that card, and on no other."""
        from pytest_rawrxd.plugin.lane_scheduling import LaneScheduling  # noqa: PLC0415  # only where xdist is used

        return LaneScheduling(workers(config), lambda node: self._taken[node.gateway.id])

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        taken = set(self._taken.values())
        lane = next(lane for lane in range(len(taken) + 1) if lane not in taken)
        self._taken[node.gateway.id] = lane
        node.workerinput[WORKER_KEY] = self._seed_for(node.gateway.id, lane)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object | None) -> None:
        """Before xdist starts a worker in the place of a dead one: that one goes on where it ended.

        The lane of a worker that ended by itself is done, and nobody's any more.
        """
        if error is not None:
            self._taken.pop(node.gateway.id, None)
