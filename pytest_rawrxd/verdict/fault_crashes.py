"""Ends of the process that no injection asked for."""

from __future__ import annotations

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.faults.campaign import TROUBLE
from pytest_rawrxd.verdict.fault_window import drills, injections, unplanned


def fault_crashes(evidence: Evidence) -> tuple[list[str], float, tuple[str, ...]]:
    """What ended, over how many hours of windows and drills, and the records that say so; none where nothing ran."""
    records = [*(each.record for each in injections(evidence)), *drills(evidence)]
    ends = [said for record in records for said in unplanned(record.data)]
    ends += [str(record.data["what"]) for record in evidence.of(TROUBLE)] if records else []
    hours = sum((int(record.data["ended_ns"]) - int(record.data["injected_ns"])) / 3.6e12 for record in records)
    return ends, hours, tuple(record.id for record in records)
