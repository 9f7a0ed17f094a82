"""Lanes: what an xdist worker is told by its controller, and how."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_rawrxd.profile import Profile

WORKER_KEY = "rawrxd"


@dataclass(frozen=True)
class WorkerSeed:
    """What an xdist worker is told by its controller, as plain values on the wire."""

    profile: Profile
    run_dir: Path
    session: str
    worker: str

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
        )


class Lanes:
    """Tells each xdist worker its lane. Registered only where xdist is there to call it."""

    def __init__(self, seed_for: Callable[[str], str]) -> None:
        self._seed_for = seed_for

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput[WORKER_KEY] = self._seed_for(node.gateway.id)
