"""What a load run is to do: plain values that travel to the client process as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.measure.load.crossed import nonce_of
from pytest_rawrxd.measure.load.schedule import ClosedLoop, OpenLoop
from pytest_rawrxd.rig.server.response import Ask
from pytest_rawrxd.rig.server.target import HttpTarget


@dataclass(frozen=True)
class Share:
    """Which part of the plan one of several client processes does."""

    process: int = 0
    processes: int = 1

    def clients(self, all_clients: int) -> int:
        """How many clients of a closed loop are this process's."""
        return all_clients // self.processes + (self.process < all_clients % self.processes)

    def requests(self, all_requests: int) -> range:
        """The numbers of the requests that are this process's."""
        return range(self.process, all_requests, self.processes)


@dataclass(frozen=True)
class LoadPlan:
    """Requests, pace and limits of one run."""

    target: HttpTarget
    pace: ClosedLoop | OpenLoop
    prompts: tuple[str, ...]  #: used in turn, each behind a nonce of its own
    requests: int  #: of an open loop: as many as its schedule has instants
    max_tokens: int
    seed: int = 0
    deadline_s: float = 300.0  #: of each request, from its intended instant
    silence_s: float = 120.0  #: the longest wait for the next bytes
    connect_s: float = 10.0
    admit_for_s: float | None = None  #: closed loop: no request begins later than this
    limit_s: float | None = None  #: end of the run, whatever is still open; None: what the deadlines add up to
    reuse_connections: bool = False  #: True holds idle connections, each of which costs llama-server a thread
    response_limit: int = 64 << 20  #: bytes
    keep_bytes: bool = False  #: True keeps every received byte with its instant in the result
    retries: int = 0  #: further attempts of a request that failed, each a row of the result with the same number
    retry_after_s: float = 0.0  #: from a failure to the next attempt
    processes: int = 1
    cores: tuple[int, ...] = ()  #: the client processes are pinned to these in turn

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        for name in ("requests", "max_tokens", "processes", "deadline_s", "silence_s", "connect_s", "response_limit"):
            if getattr(self, name) <= 0:
                raise UsageProblem("a load run needs a positive number", where=name, found=str(getattr(self, name)))
        if not self.prompts:
            raise UsageProblem("a load run needs prompts", possible="one text or more")
        if isinstance(self.pace, OpenLoop) and self.requests != self.pace.offsets_ns.size:
            raise UsageProblem(
                "an open loop has one request per instant",
                found=f"{self.requests} requests, {self.pace.offsets_ns.size} instants",
            )
        if self.processes > self.parallel:
            raise UsageProblem(
                "more client processes than can have work", found=f"{self.processes}", possible=f"1 to {self.parallel}"
            )

    @property
    def parallel(self) -> int:
        """The most processes that have something to do."""
        return self.pace.clients if isinstance(self.pace, ClosedLoop) else self.requests

    @property
    def end_s(self) -> float:
        """When the run is over at the latest, in seconds from its start."""
        if self.limit_s is not None:
            return self.limit_s
        if isinstance(self.pace, OpenLoop):
            return float(self.pace.offsets_ns[-1]) / 1e9 + self.deadline_s
        if self.admit_for_s is not None:
            return self.admit_for_s + self.deadline_s
        return -(-self.requests // self.pace.clients) * self.deadline_s

    def ask(self, number: int) -> Ask:
        """Request ``number``: a nonce begins its prompt, so that no cache knows a prefix of it."""
        prompt = f"{nonce_of(self.seed, number)} {self.prompts[number % len(self.prompts)]}"
        return Ask(prompt, self.max_tokens, self.target.model)

    def to_json(self) -> dict[str, Any]:
        """Plain values; ``plan_from_json`` is the inverse."""
        pace = self.pace
        plain = asdict(self)
        if isinstance(pace, OpenLoop):
            plain["pace"] = {
                "offsets_ns": pace.offsets_ns.tolist(),
                "kind": pace.kind,
                "parameters": pace.parameters,
            }
        return plain


def plan_from_json(plain: Mapping[str, Any]) -> LoadPlan:
    """The plan that ``LoadPlan.to_json`` wrote."""
    pace = dict(plain["pace"])
    return LoadPlan(
        **{
            **plain,
            "target": HttpTarget.from_json(plain["target"]),
            "prompts": tuple(plain["prompts"]),
            "cores": tuple(plain["cores"]),
            "pace": ClosedLoop(**pace)
            if "clients" in pace
            else OpenLoop(np.array(pace.pop("offsets_ns"), np.int64), **pace),
        }
    )
