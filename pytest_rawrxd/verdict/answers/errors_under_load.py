"""``crashes``, ``device_errors``: what went wrong with the engine's process and with the device."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.answers.soak_course import soak_crashes
from pytest_rawrxd.verdict.counts import zero
from pytest_rawrxd.verdict.fault_crashes import fault_crashes
from pytest_rawrxd.verdict.fault_window import another_engine, drills, injections
from pytest_rawrxd.verdict.level import load_records, load_troubles, run_of
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict
from pytest_rawrxd.verdict.soak import ENDED

DEVICE = re.compile(
    r"device lost|DeviceLost|out of (device )?memory|OutOfDeviceMemory|CUDA error|HIP error|GPU fault"
    r"|computation failed|could not allocate",
    re.IGNORECASE,
)


def crashes(evidence: Evidence, criterion: Criterion) -> Answer:
    """Count engine processes that ended, or hung and were ended, while they were under load.

    During faults: that ended outside the injections.
    """
    if criterion.where["during"] == "faults":
        return _outside_injections(evidence, criterion)
    if criterion.where["during"] == "soak":
        return soak_crashes(evidence, criterion)
    if (missing := _unobserved(evidence, criterion)) is not None:
        return missing, ()
    ended = [found for found in load_troubles(evidence) if found.data["type"] in ENDED]
    sources = tuple(found.id for found in (*load_records(evidence), *ended))
    return zero(len(ended), hours=_hours(evidence), confidence=criterion.confidence), sources


def device_errors(evidence: Evidence, criterion: Criterion) -> Answer:
    """Count log lines and return codes that speak of the device, in all runs under load."""
    if (missing := _unobserved(evidence, criterion)) is not None:
        return missing, ()
    records, troubles = load_records(evidence), load_troubles(evidence)
    told = [line for found in records for line in _of_device((*found.data["log"], *found.data["finish_reasons"]))]
    for found in troubles:
        # What is said and the lines behind it are one event.
        told += _of_device([*found.data["log_tail"], found.data["what"], str(found.data["found"])])[:1]
    count = zero(len(told), hours=_hours(evidence), of="device errors", confidence=criterion.confidence)
    if told:
        count = replace(count, reason=f"{count.reason}; first: {told[0]}")
    return count, tuple(found.id for found in (*records, *troubles))


def observed(evidence: Evidence) -> tuple[int, float, tuple[str, ...]]:
    """Crashes that nobody asked for, the hours in which there could have been one, and the records of both."""
    ends, hours, sources = fault_crashes(evidence)
    ended = [found for found in load_troubles(evidence) if found.data["type"] in ENDED]
    under_load = tuple(found.id for found in (*load_records(evidence), *ended))
    return len(ends) + len(ended), hours + _hours(evidence), (*sources, *under_load)


def _outside_injections(evidence: Evidence, criterion: Criterion) -> Answer:
    ends, hours, sources = fault_crashes(evidence)
    if not sources:
        return Finding(Verdict.NOT_MEASURED, "no faults were injected in this campaign"), ()
    records = [*(each.record for each in injections(evidence)), *drills(evidence)]
    if other := another_engine(evidence, records):
        return other, sources
    count = zero(len(ends), hours=hours, of="crashes outside the injections", confidence=criterion.confidence)
    return (replace(count, reason=f"{count.reason}; first: {ends[0]}") if ends else count), sources


def _unobserved(evidence: Evidence, criterion: Criterion) -> Finding | None:
    during = criterion.where["during"]
    if during == "load" and (load_records(evidence) or load_troubles(evidence)):
        return None
    return Finding(Verdict.NOT_MEASURED, f"no {during} was run in this campaign")


def _of_device(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if DEVICE.search(line)]


def _hours(evidence: Evidence) -> float:
    """Time under load: of a run, from its first request to its last end; of one that failed, until it did."""
    seconds = sum(float(found.data["elapsed_s"]) for found in load_troubles(evidence))
    for run in (run_of(evidence, found) for found in load_records(evidence)):
        if run.reasons:
            seconds += float(run.ended_ns.max() - run.submitted_ns.min()) / 1e9
    return seconds / 3600
