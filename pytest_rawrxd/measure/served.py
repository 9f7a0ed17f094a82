"""What is measured over HTTP: a level of the load test, or a cell of the performance matrix with one client."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.measure.canary.served import ServerChoir
from pytest_rawrxd.measure.concurrency import RUN, LoadTerms, Observers, sing, sings
from pytest_rawrxd.measure.decode import Cell, Conditions, describe_trouble
from pytest_rawrxd.measure.gpu import watched
from pytest_rawrxd.measure.levels import MAIN, OPEN, Level
from pytest_rawrxd.measure.served_run import Client, ServedRun, ServerBench
from pytest_rawrxd.rig.process import processes
from pytest_rawrxd.rig.server.served import Served

HTTP = "http"

OpenServer = Callable[[], AbstractContextManager[Served]]


def measure_served_level(
    open_server: OpenServer,
    level: Level,
    about: Mapping[str, Any],
    terms: LoadTerms,
    *,
    client: Client,
    open_share: float,
    watch: Observers,
    key: str | None = None,
) -> RigTrouble | None:
    """Start a server, keep ``level.streams`` clients busy and record it with ``about``.

    The main run is followed by an open loop at ``open_share`` of the throughput that it showed. Trouble is recorded as
    "trouble" and returned.
    """
    about = {**about, "target": HTTP, "part": level.part, "streams": level.streams, "tokens": terms.tokens}
    began_ns = watch.clock.monotonic_ns()
    try:
        with open_server() as server:
            bench = ServerBench(server, terms, client, watch)
            rate = bench.rate(client.run(bench.warm_up(level.streams)).arrays)
            watch.begin()
            with watch.watched(processes(server.pid, *server.more_pids), about):
                closed = bench.measure(bench.closed(level.streams), level.streams, rate)
            watch.sink.record(RUN, {**about, **closed.data}, closed.arrays)
            if level.part == MAIN and closed.rate > 0:
                about = {**about, "part": OPEN}
                opened = bench.measure(bench.opened(closed.rate * open_share), level.streams, closed.rate)
                watch.sink.record(RUN, {**about, **opened.data}, opened.arrays)
            if sings(level, about):
                sing(ServerChoir(server.target, terms.request_deadline_s, key), about, terms, watch.sink)
    except RigTrouble as trouble:
        elapsed = (watch.clock.monotonic_ns() - began_ns) / 1e9
        watch.sink.record("trouble", {**about, "during": RUN, "elapsed_s": elapsed, **describe_trouble(trouble)})
        return trouble
    return None


def measure_served_cell(
    open_server: OpenServer,
    cell: Cell,
    process: int,
    conditions: Conditions,
    *,
    model_sha256: str | None,
    client: Client,
    watch: Observers,
) -> RigTrouble | None:
    """Measure ``cell`` with one client on a fresh server and record it as ``decode.measure_cell`` does."""
    about = {"variant": cell.variant, "tokens": cell.tokens, "process": process, "target": HTTP}
    try:
        with open_server() as server:
            terms = _terms_of_one(cell, process, conditions)
            bench = ServerBench(server, terms, client, watch)
            rate = bench.rate(client.run(bench.warm_up(1)).arrays)
            requests = max(conditions.min_requests, math.ceil(conditions.min_seconds * rate / cell.tokens))
            run = replace(bench, terms=replace(terms, requests=requests))
            about_readings = {"variant": cell.variant, "tokens": cell.tokens, "process": process, "during": cell.kind}
            pids = processes(server.pid, *server.more_pids)
            with watched(watch.telemetry, pids, watch.clock, watch.sink, about_readings):
                found = run.measure(run.closed(1), 1, rate)
            _refuse_errors(found, cell)
    except RigTrouble as trouble:
        watch.sink.record("trouble", {**about, "during": cell.kind, **describe_trouble(trouble)})
        return trouble
    prompt_tokens = found.arrays["prompt_tokens"].tolist()
    data = {**about, "model_sha256": model_sha256, **found.data, "prompt_tokens": prompt_tokens}
    watch.sink.record(cell.kind, data, found.arrays)
    return None


def _refuse_errors(found: ServedRun, cell: Cell) -> None:
    wrong = [reason for reason in found.data["finish_reasons"] if reason.startswith("error")]
    if wrong:
        raise RigTrouble("the server answered a request with an error", where=cell.variant, found=wrong[0])


def _terms_of_one(cell: Cell, process: int, conditions: Conditions) -> LoadTerms:
    return LoadTerms(
        options=conditions.options,
        texts=conditions.prompts,
        prompt_tokens=conditions.prompt_tokens,
        tokens=cell.tokens,
        requests=conditions.min_requests,
        seconds=None,
        level_seconds=conditions.min_seconds,
        load_deadline_s=conditions.load_deadline_s,
        request_deadline_s=conditions.request_deadline_s,
        cores=conditions.cores,
        seed=(process, cell.tokens),
        placement=conditions.placement,
    )
