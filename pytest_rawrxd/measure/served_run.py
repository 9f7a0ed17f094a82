"""One run over HTTP: clients in a process of their own, calibrated before and after.

The calibration tells how much of a measured gap is the client's own doing at this load, in this hour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.measure.concurrency import LoadTerms, Observers
from pytest_rawrxd.measure.load.arrays import LoadArrays, server_code
from pytest_rawrxd.measure.load.calibration import Calibration
from pytest_rawrxd.measure.load.latency import failed, send_lag_ms
from pytest_rawrxd.measure.load.plan import LoadPlan
from pytest_rawrxd.measure.load.run import LoadResult
from pytest_rawrxd.measure.load.schedule import ClosedLoop, OpenLoop, arrivals
from pytest_rawrxd.measure.prompts import short_texts
from pytest_rawrxd.rig.engine.log import trouble as troubled_lines
from pytest_rawrxd.rig.engine.reasons import LENGTH
from pytest_rawrxd.rig.process import processes
from pytest_rawrxd.rig.server.dialects import DIALECTS
from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.rig.server.probe import get
from pytest_rawrxd.rig.server.rawrxd import HEALTH_PATH, tokens_generated
from pytest_rawrxd.rig.server.response import Finish
from pytest_rawrxd.rig.server.served import Served
from pytest_rawrxd.rig.server.target import HttpTarget

NONCE_TOKENS = 10  #: of the client's nonce, which stands before each prompt: 12 hexadecimal digits
WARM_UP_ROUNDS = 2  #: requests of each client before anything is measured
CALIBRATION_S = 2.0
PROBE_S = 5.0
LEAST_RATE, MOST_RATE = 5.0, 500.0  #: events a second and stream that a calibration imitates

RunLoad = Callable[[LoadPlan], LoadResult]
Calibrate = Callable[..., tuple[Calibration, ...]]  #: one a host


@dataclass(frozen=True)
class Client:
    """The load client and its calibration, as they come into a measurement."""

    run: RunLoad
    calibrate: Calibrate


@dataclass(frozen=True)
class ServedRun:
    """One run as a record keeps it."""

    data: dict[str, Any]
    arrays: dict[str, npt.NDArray[Any]]
    rate: float  #: tokens a second of all streams together, as `ServerBench.rate` has them


@dataclass(frozen=True)
class ServerBench:
    """A ready server with everything that a run on it needs."""

    server: Served
    terms: LoadTerms
    client: Client
    watch: Observers
    probe: Callable[..., tuple[int, bytes] | None] = get

    def _plan(self, pace: ClosedLoop | OpenLoop, requests: int) -> LoadPlan:
        terms = self.terms
        return LoadPlan(
            self.server.target,
            pace,
            prompts=short_texts(terms.texts, tokens=max(1, terms.prompt_tokens - NONCE_TOKENS)),
            requests=requests,
            max_tokens=terms.tokens,
            seed=int(np.random.default_rng(terms.seed).integers(2**31)),
            deadline_s=terms.request_deadline_s,
            silence_s=terms.request_deadline_s,
        )

    def warm_up(self, streams: int) -> LoadPlan:
        """Every client a few times: a GPU backend compiles at first use."""
        plan = self._plan(ClosedLoop(streams), WARM_UP_ROUNDS * streams)
        return replace(plan, seed=plan.seed + 1)

    def closed(self, streams: int) -> LoadPlan:
        """Each client sends its next request when its last one ended."""
        return replace(self._plan(ClosedLoop(streams), self.terms.requests), admit_for_s=self.terms.seconds)

    def opened(self, token_rate: float) -> LoadPlan:
        """Arrivals that ask for ``token_rate`` tokens a second, for as long as a level lasts."""
        terms, rate = self.terms, token_rate / self.terms.tokens
        requests = max(1, round(rate * terms.level_seconds))
        together = terms.options.n_streams
        pace = arrivals(terms.arrivals, requests, rate=rate, together=together, seed=terms.seed[0])
        plan = self._plan(pace, pace.offsets_ns.size)
        return replace(plan, seed=plan.seed + 2)

    def measure(self, plan: LoadPlan, streams: int, rate: float) -> ServedRun:
        """One run between two calibrations at ``rate`` tokens a second."""
        server = self.server
        before = self._calibrated(streams, rate)
        watched = [*self.watch.own_pids, *processes(server.pid, *server.more_pids)]
        held, used = self._resident(), self.watch.cpu.own_s(watched)
        began = self._generated()
        result = self.client.run(plan)
        ended = self._generated()
        spent, resident = self.watch.cpu.own_s(watched) - used, self._resident()
        server.check()
        found = result.arrays
        reasons, finish = reasons_of(found)
        data = {
            "requests": len(found),
            "planned": {"requests": plan.requests, "seconds": plan.admit_for_s},
            "finish_reasons": reasons,
            "engine": asdict(server.info),
            "options": asdict(self.terms.options),
            "load": dict(server.load),
            "placement": asdict(self.terms.placement) if self.terms.placement else None,
            "cost": None,  # the steps of a server cannot be seen
            "memory": {
                "resident_bytes": resident,
                "shared_growth_bytes": None,
                "shared_source": "not read around a server",
            },
            "devices": {"before": [], "after": []},
            "host": host_use(result.summary, spent),
            "log": list(troubled_lines(server.log)),
            "not_measurable": dict(DIALECTS[server.target.dialect].not_measurable),
            "http": {
                "dialect": server.target.dialect,
                **(fleet_of(server.target, result.summary) if server.target.is_fleet else {}),
                "pace": "open" if isinstance(plan.pace, OpenLoop) else "closed",
                "arrivals": _arrivals(plan.pace),
                "calibration": [asdict(each) for each in (*before, *self._calibrated(streams, rate))],
                "client": result.summary,
                "send_lag_p99_ms": float(np.percentile(send_lag_ms(found), 99)) if len(found) else None,
                "loop_lag_p99_ms": _worst_lag_ms(result.summary),
                "tokens_generated": None if began is None or ended is None else ended - began,
            },
        }
        sizes = [size for size in (held, resident) if size is not None]
        arrays = {
            **served_arrays(found),
            **({"number": found.number} if "hosts" in result.summary else {}),
            **({"server": answered_by(server.target, found)} if server.target.is_fleet else {}),
            "finish": finish,
            "memory_resident": np.array(sizes, np.int64),
        }
        return ServedRun(data, arrays, self.rate(found))

    def rate(self, found: LoadArrays) -> float:
        """Tokens a second from the first request to the last end, 0 where nothing came.

        Of a server that tells no tokens, as many as were asked for: a rate to plan with, which no verdict reads.
        """
        whole = ~failed(found)
        if not whole.any():
            return 0.0
        tokens = np.count_nonzero(whole) * self.terms.tokens if self._tells_none else found.tokens.sum()
        return float(tokens / ((found.ended_ns.max() - found.sent_ns.min()) / 1e9))

    @property
    def _tells_none(self) -> bool:
        return "tokens" in DIALECTS[self.server.target.dialect].not_measurable

    def _resident(self) -> int | None:
        """Bytes of every server's process together; None where one of them is not seen."""
        servers = (self.server.pid, *self.server.more_pids)
        sizes = [size for size in map(self.watch.memory.resident_bytes, servers) if size is not None]
        return sum(sizes) if len(sizes) == len(servers) else None

    def _generated(self) -> int | None:
        """The token counter of a server whose replies tell no tokens; None for any other."""
        if not self._tells_none:
            return None
        answer = self.probe(self.server.target.base_url + HEALTH_PATH, timeout_s=PROBE_S)
        return tokens_generated(answer[1]) if answer is not None and answer[0] == 200 else None

    def _calibrated(self, streams: int, rate: float) -> tuple[Calibration, ...]:
        each = min(max(rate / streams, LEAST_RATE), MOST_RATE)
        return self.client.calibrate(streams=streams, rate=each, seconds=CALIBRATION_S, pattern="burst")


def fleet_of(target: HttpTarget, summary: Mapping[str, Any]) -> dict[str, Any]:
    """What a record says of a fleet: how many servers there are, and code and name of each that is known."""
    listed = {str(server_code(name)): name for name in target.names or target.places} if target.others else {}
    answered = {} if target.names else summary["servers"]
    return {"fleet": {"servers": target.servers, "names": {**listed, **answered}}}


def answered_by(target: HttpTarget, found: LoadArrays) -> npt.NDArray[np.int64]:
    """The code of the server that answered each request (k,), by its name where it has one beside its address."""
    codes = dict(zip(map(server_code, target.places), map(server_code, target.names), strict=False))
    return np.array([codes.get(code, code) for code in found.server.tolist()], np.int64)


def _arrivals(pace: ClosedLoop | OpenLoop) -> dict[str, Any] | None:
    """What the instants of an open loop were computed from; a closed loop has none."""
    return {"kind": pace.kind, **pace.parameters} if isinstance(pace, OpenLoop) else None


def served_arrays(found: LoadArrays) -> dict[str, npt.NDArray[Any]]:
    """k requests as ``concurrency.load_arrays`` has them: one instant a token, so that tokens of a chunk share it.

    Beside them what only a server's run has: ``intended_ns``, ``first_byte_ns``, ``status``, ``failure`` and the counts
    that the server reports, per request (k,).
    """
    totals = np.concatenate([[0], np.cumsum(found.tokens, dtype=np.int64)])
    return {
        "submitted_ns": found.sent_ns,
        "offsets": totals[found.offsets],
        "stamps_ns": np.repeat(found.stamps_ns, found.tokens),
        "token_ids": found.token_ids,
        "id_offsets": found.id_offsets,
        "prompt_tokens": found.prompt_tokens,
        "ended_ns": found.ended_ns,
        **{
            name: getattr(found, name)
            for name in (
                "intended_ns",
                "first_byte_ns",
                "status",
                "failure",
                "reported_tokens",
                "cached_tokens",
                "engine_decode_ns",
            )
        },
    }


def reasons_of(found: LoadArrays) -> tuple[list[str], npt.NDArray[np.int32]]:
    """Why the requests ended, each reason once, and for each request (k,) which one."""
    names = {Finish.LENGTH: LENGTH, Finish.STOP: "stop"}
    each = [
        f"error: {Failure(failure).sentence}" if failure else names.get(Finish(finish), "other")
        for failure, finish in zip(found.failure.tolist(), found.finish.tolist(), strict=True)
    ]
    reasons = sorted(set(each))
    return reasons, np.array([reasons.index(reason) for reason in each], np.int32)


def host_use(summary: Mapping[str, Any], spent_s: float) -> dict[str, float]:
    """Shares of all cores in the clients' window, as ``Contention`` has them; of many hosts, those of the busiest.

    ``spent_s`` are the processor seconds of the suite and of a managed server around the run, which is a little more
    than in it: what others used is never overstated.
    """
    here = summary.get("hosts", {}).get("kernel")
    by_kernel: dict[str | None, list[dict[str, Any]]] = {}
    for process in summary["processes"]:
        by_kernel.setdefault(process.get("kernel"), []).append(process["host"])
    uses = [_use_of_one(hosts, spent_s if kernel == here else 0.0) for kernel, hosts in by_kernel.items()]
    return max(uses, key=lambda use: use["foreign_share"])


def _use_of_one(hosts: list[dict[str, Any]], spent_s: float) -> dict[str, float]:
    wall, cores = hosts[0]["wall_s"], hosts[0]["cores"]
    own = spent_s + sum(host["own_cpu_s"] for host in hosts)
    capacity = max(wall * cores, 1e-9)
    return {
        "foreign_share": min(max((hosts[0]["busy_cpu_s"] - own) / capacity, 0.0), 1.0),
        "own_share": min(max(own / capacity, 0.0), 1.0),
        "elapsed_s": wall,
    }


def _worst_lag_ms(summary: Mapping[str, Any]) -> float | None:
    lags = [process["loop_lag_ns"]["p99"] for process in summary["processes"]]
    return max((lag / 1e6 for lag in lags if lag is not None), default=None)
