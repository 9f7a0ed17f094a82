"""When a load from many hosts cannot be used: a share that is missing, late or another than its worker counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.ledger import Record
from pytest_rawrxd.measure.histogram import Histogram
from pytest_rawrxd.measure.hosts.counted import count_gaps
from pytest_rawrxd.measure.hosts.states import IDLE, LATE, WHOLE, WORKER
from pytest_rawrxd.verdict import checks
from pytest_rawrxd.verdict.sample import Integers
from pytest_rawrxd.verdict.validity import Violation, violation

START_MS = 10.0  #: what the common start of all workers may be off


def host_violations(evidence: Evidence, record: Record) -> Iterator[Violation]:
    """Every rule that the workers of one run break; none of a run that one host loaded."""
    hosts = record.data["http"].get("client", {}).get("hosts")
    if hosts is None:
        return
    workers = [each for each in hosts["workers"] if each["state"] not in {IDLE, LATE}]
    whole = [each for each in workers if each["state"] == WHOLE]
    if (short := checks.workers(hosts["planned"], len(whole))) is not None:
        lost = [f"{each['name']} {each['state']}: {each['found']}" for each in workers if each["state"] != WHOLE]
        yield violation("V-WORKERS", "; ".join([short.found, *lost]))
    for each in whole:
        yield from _clocks(each)
    yield from _counts(evidence, record, hosts)


def _clocks(worker: Mapping[str, Any]) -> Iterator[Violation]:
    wall, perf = ([anchor[name] / 1e9 for anchor in worker["anchors"]] for name in ("wall_ns", "perf_ns"))
    if (stepped := checks.clock_steps(wall, perf)) is not None:
        yield violation("V-CLOCK", f"{worker['name']}: {stepped.found}")
    off = worker["start_uncertainty_ms"] + worker["late_ms"]
    if not off <= START_MS:
        yield violation("V-WORKERS", f"{worker['name']} may have started {off:.1f} ms off, at most {START_MS:g} ms")


def _counts(evidence: Evidence, record: Record, hosts: Mapping[str, Any]) -> Iterator[Violation]:
    """Each worker counted its gaps where it measured them; the merged arrays have to give the same counts."""
    told = {
        found.data["name"]: found
        for found in evidence.of(WORKER, load=hosts["load"])
        if found.session == record.session and found.worker == record.worker
    }
    raw = evidence.raw(record.data["raw"])
    number, offsets, stamps = (np.asarray(raw[name], np.int64) for name in ("number", "offsets", "stamps_ns"))
    for position, worker in enumerate(hosts["workers"][: hosts["planned"]]):
        if worker["state"] != WHOLE:
            continue
        found = told.get(worker["name"])
        if found is None or "raw" not in found.data:
            yield violation("V-WORKERS", f"{worker['name']} left no record of its own")
            continue
        counted = Histogram.from_arrays(evidence.raw(found.data["raw"]))
        mine = number % hosts["planned"] == position
        again = count_gaps(
            *_rows(offsets, stamps, mine), start_ns=hosts["start_ns"], bounds_ns=counted.bounds_ns.tolist()
        )
        if not _same(counted, again):
            yield violation("V-WORKERS", f"{worker['name']} counted other gaps than the run holds of it")


def _rows(offsets: Integers, stamps: Integers, mine: np.ndarray[Any, np.dtype[np.bool_]]) -> tuple[Integers, Integers]:
    if mine.size != offsets.size - 1:
        raise EvidenceProblem("the arrays of a load run do not fit each other", found=f"{mine.size} request numbers")
    lengths = np.diff(offsets)
    return np.concatenate([[0], np.cumsum(lengths[mine])]), stamps[np.repeat(mine, lengths)]


def _same(one: Histogram, other: Histogram) -> bool:
    mine, theirs = one.to_arrays(), other.to_arrays()
    return all(np.array_equal(mine[name], theirs[name]) for name in mine)
