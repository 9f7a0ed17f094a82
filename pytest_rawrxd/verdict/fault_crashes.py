"""Ends of the process that no injection asked for."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.faults.campaign import SERVICE, TROUBLE
from pytest_rawrxd.verdict.fault_window import drills, injections, unplanned
from pytest_rawrxd.verdict.load_run import Recorded


def fault_crashes(evidence: Evidence) -> tuple[list[str], float, tuple[str, ...]]:
    """What ended, over how many hours of windows and drills, and the records that say so; none where nothing ran."""
    records = [*(each.record for each in injections(evidence)), *drills(evidence)]
    ends = [said for record in records for said in unplanned(record.data)]
    ends += _between(evidence, records)
    ends += [str(record.data["what"]) for record in evidence.of(TROUBLE)] if records else []
    hours = sum((int(record.data["ended_ns"]) - int(record.data["injected_ns"])) / 3.6e12 for record in records)
    return ends, hours, tuple(record.id for record in records)


def _between(evidence: Evidence, records: Sequence[Recorded]) -> list[str]:
    """Ends in the life of the service that lie in no window and no drill."""
    spans = [(int(record.data["injected_ns"]), int(record.data["ended_ns"])) for record in records]
    return [
        f"{event['kind']} between two faults: {event['said']}"
        for service in evidence.of(SERVICE)
        for event in service.data["events"]
        if event["kind"] in ("ended", "silent")
        if not any(begin <= int(event["at_ns"]) <= end for begin, end in spans)
    ]
