"""What a fault campaign decides: loss, recovery, crashes, each fault's handling, the flooded queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.faults.campaign import DEVICE, MISSING, TROUBLE
from pytest_rawrxd.measure.faults.window import QUEUE
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.verdict.canaries import LIKELY, TRAINED, compare, not_kept, songs
from pytest_rawrxd.verdict.counts import count_of, fact, zero
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.fault_window import (
    GRACE_S,
    Injection,
    another_engine,
    drills,
    hung_talks,
    injections,
)
from pytest_rawrxd.verdict.load_run import Recorded
from pytest_rawrxd.verdict.loss import loss
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict
from pytest_rawrxd.verdict.queue import flooded
from pytest_rawrxd.verdict.recovery import recovery
from pytest_rawrxd.verdict.wording import number

DEVICE_MEMORY = {"process_memory_bytes": "the device memory of the process", "memory_used_bytes": "device memory"}
TO_DO = "run the acceptance tests of phase 2 with a target that the suite can restart"


def lost_requests(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the share of requests lost, clustered by injection."""
    found, problem, sources = usable_injections(evidence)
    if problem is not None:
        return problem, sources
    assert isinstance(criterion.limit, float)  # noqa: S101 - a loss has one bound
    profile = evidence.campaign.profile
    judged = loss(
        [each.lost for each in found],
        [each.requests for each in found],
        exposed=[each.exposed for each in found],
        raw_lost=[each.raw_lost for each in found],
        limit_percent=convert(criterion.limit, criterion.unit, "%"),
        min_injections=profile.gates.min_injections,
        min_requests=profile.protocol.faults.requests,
        confidence=criterion.confidence,
    )
    return judged, sources


def recovery_time(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the mean time from an injection to being back within the promise."""
    found, problem, sources = usable_injections(evidence)
    if problem is not None:
        return problem, sources
    away = [each.data["name"] for each in found if each.recovered_ns is None]
    if away:
        return Finding(Verdict.FAIL, f"not back within its promise after: {', '.join(away)}", n=len(found)), sources
    assert isinstance(criterion.limit, float)  # noqa: S101 - a recovery has one bound
    gates = evidence.campaign.profile.gates
    judged = recovery(
        [convert(each.recovery_s, "s", criterion.unit) for each in found],
        [str(each.data["kind"]) for each in found],
        limit=criterion.limit,
        unit=criterion.unit,
        min_injections=gates.min_injections,
        min_kinds=gates.min_fault_kinds,
        confidence=criterion.confidence,
    )
    return judged, sources


def hung_requests(evidence: Evidence, criterion: Criterion) -> Answer:
    """Count requests and exchanges that had not ended at their deadline."""
    found, small, floods = injections(evidence), drills(evidence), evidence.of(QUEUE)
    records = [*(each.record for each in found), *small, *floods]
    if not records:
        return _missing(evidence), ()
    if other := another_engine(evidence, records):
        return other, tuple(record.id for record in records)
    told = [f"{each.hung} in the window of {each.data['name']}" for each in found if each.hung]
    told += [f"{hung_talks(each.data)} in the drill {each.data['name']}" for each in small if hung_talks(each.data)]
    count = sum(each.hung for each in found) + sum(hung_talks(each.data) for each in small)
    for flood in floods:
        raw = evidence.raw(flood.data["raw"])
        allowed_ns = (float(flood.data["deadline_s"]) + GRACE_S) * 1e9
        over = int(np.count_nonzero(np.asarray(raw["ended_ns"]) - np.asarray(raw["intended_ns"]) > allowed_ns))
        count += over
        told += [f"{over} in the flooded queue"] if over else []
    hours = sum((int(each.data["ended_ns"]) - each.injected_ns) / 3.6e12 for each in found)
    judged = zero(count, hours=hours, of="requests past their deadline", confidence=criterion.confidence)
    return _named(judged, told), tuple(record.id for record in records)


def fault_handled(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge every injection and drill of one kind: effect shown, errors told clearly, nothing hung, service back."""
    kind = str(criterion.where["fault"])
    under_load = [each for each in injections(evidence) if each.data["kind"] == kind]
    records = [*(each.record for each in under_load), *(each for each in drills(evidence) if each.data["kind"] == kind)]
    if not records:
        return _missing(evidence, kind), ()
    sources = tuple(record.id for record in records)
    if unusable := _usable(evidence, records):
        return unusable, sources
    allowed = _allowed_growth(evidence)
    wrong = [said for record in records for said in _badly(record, allowed)]
    wrong += [f"{each.data['name']}: not back within its promise" for each in under_load if each.recovered_ns is None]
    wrong += [
        f"{record.data['name']}: no good answer afterwards"
        for record in records
        if "served_ns" in record.data and record.data["served_ns"] is None
    ]
    names = ", ".join(dict.fromkeys(str(record.data["name"]) for record in records))
    talks = sum(len(record.data["talks"]) for record in records)
    told = f", {talks} exchanges ended as they should" if talks else ""
    said = "; ".join(wrong) if wrong else f"{names}: effect shown{told}, service back{_device_said(records)}"
    return fact(not wrong, expected=criterion.limit is True, sentence=said), sources


def queue_served(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge how many requests waited at once and were all answered; beyond the bound a clear refusal will do."""
    records = evidence.of(QUEUE)
    if not records:
        return _missing(evidence), ()
    if other := another_engine(evidence, records):
        return other, tuple(record.id for record in records)
    assert isinstance(criterion.limit, float)  # noqa: S101 - a count has one bound
    floods = [flooded(record.data, evidence.raw(record.data["raw"])) for record in records]
    worst = min(floods, key=lambda flood: flood.answered)
    judged = count_of(
        worst.answered,
        needed=int(criterion.limit),
        of=f"requests waiting at once and answered ({worst.waiting} waited, {worst.refused} were turned away clearly)",
        missing=worst.wrong,
    )
    return judged, tuple(record.id for record in records)


def cpu_fallback(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge that the CPU answered correctly while the device was hidden, and that the device computes again after."""
    records = [record for record in _all(evidence) if record.data["kind"] == DEVICE]
    if not records:
        return _missing(evidence, DEVICE), ()
    sources = tuple(record.id for record in records)
    if unusable := _usable(evidence, records):
        return unusable, sources
    sung = [each for each in songs(evidence, "faults") if each.data["stage"] == "device"]
    known = tuple(each for each in songs(evidence, "faults") if each.data["stage"] == "reference")
    sources = (*sources, *(each.record.id for each in sung))
    if not sung:
        return invalid("nobody asked the service while its device was hidden", next_step="run the drill again"), sources
    if (unkept := not_kept((*known, *sung))) is not None:
        return unkept, sources
    compared = compare(tuple(sung), known)
    wrong = list(compared.wrong)
    if compared.unanswered or not compared.answers:
        wrong.append(f"{compared.unanswered} of {compared.unanswered + compared.answers} requests were not answered")
    for record in records:
        before, after = (set(record.data[when]["weights"]) for when in ("before", "after"))
        if before != after:
            wrong.append(f"weights were on {', '.join(sorted(before))}, are on {', '.join(sorted(after)) or 'nothing'}")
    if not wrong and (compared.undecided or compared.flat):
        said = f"{len(compared.undecided) + len(compared.flat)} of {compared.answers} answers without the device differ"
        why = "nothing that it tells says whether by more than another device may change"
        more = TRAINED if compared.flat else LIKELY
        return Finding(Verdict.NOT_MEASURED, f"{said}: {why}", n=compared.answers, next=more), sources
    shown = records[-1].data
    stand_in = f" ({shown['stands_in']} stands in for a GPU)" if shown.get("stands_in") else ""
    said = f"{shown['proof']['said']}{stand_in}; {compared.answers} answers there as on the device, then back on it"
    return fact(not wrong, expected=criterion.limit is True, sentence="; ".join(wrong) if wrong else said), sources


def _all(evidence: Evidence) -> list[Recorded]:
    return [*(each.record for each in injections(evidence)), *drills(evidence)]


def usable_injections(evidence: Evidence) -> tuple[tuple[Injection, ...], Finding | None, tuple[str, ...]]:
    """The injections that decide, or why they cannot."""
    found = injections(evidence)
    sources = tuple(each.record.id for each in found)
    if not found:
        return found, _missing(evidence), ()
    return found, _usable(evidence, [each.record for each in found]), sources


def _usable(evidence: Evidence, records: Sequence[Recorded]) -> Finding | None:
    """Why these faults decide nothing: one without effect, or another engine than the one under test."""
    return _unproven(records) or another_engine(evidence, records)


def _unproven(records: Sequence[Recorded]) -> Finding | None:
    """INVALID naming the faults that showed no effect; None where all did."""
    without = [
        f"{record.data['name']} ({record.data['proof']['said']})"
        for record in records
        if not record.data["proof"]["held"]
    ]
    if not without:
        return None
    return invalid(
        f"fault without effect: {'; '.join(without)}",
        next_step="make the fault bite, then run it again",
        n=len(records),
    )


def _badly(record: Recorded, allowed: float | None) -> list[str]:
    """What was handled badly in one injection or drill."""
    name = record.data["name"]
    told = [f"{name}: {said}" for said in record.data["wrong"]]
    for talk in record.data["talks"]:
        if not talk["good"]:
            status = "no status" if talk["status"] is None else f"status {talk['status']}"
            message = f", {talk['message']!r}" if talk["message"] else ", no message"
            told.append(f"{name}, {talk['what']}: {talk['end']} after {number(talk['took_s'])} s, {status}{message}")
    before, after = record.data["before"], record.data["after"]
    if before["weights"] != after["weights"]:
        told.append(f"{name}: memory is not as before: {_memory(before)}, then {_memory(after)}")
    for name_of, what in DEVICE_MEMORY.items():
        grown = _grown(record, name_of)
        if grown is not None and allowed is not None and grown > allowed:
            more = f"{number(grown / 1e6)} MB more than before, {number(allowed / 1e6)} MB are allowed"
            told.append(f"{name}: {what} is not back: {more}")
    if after["zombies"]:
        told.append(f"{name}: {after['zombies']} ended processes that nobody took note of")
    return told


def _grown(record: Recorded, signal: str) -> int | None:
    """By how many bytes a counter of device memory is higher after a fault; None where it was not read both times."""
    before, after = (record.data[when].get("device", {}).get(signal) for when in ("before", "after"))
    return None if before is None or after is None else int(after) - int(before)


def _device_said(records: Sequence[Recorded]) -> str:
    """What device memory did, where there is a device; why nobody knows, where it was not read."""
    devices = [record.data["after"].get("device", {}) for record in records]
    grown = [size for record in records if (size := _grown(record, "memory_used_bytes")) is not None]
    if grown:
        return f", device memory within {number(max(map(abs, grown)) / 1e6)} MB of before"
    why = next((device["why"] for device in devices if device.get("why")), None)
    return f", device memory not read: {why}" if why else ""


def _allowed_growth(evidence: Evidence) -> float | None:
    """By how many bytes device memory may differ after a fault: as the profile lets it vary in a soak."""
    limits = [
        convert(criterion.limit, criterion.unit, "B")
        for criterion in evidence.campaign.profile.criteria.values()
        if criterion.metric == "vram_delta" and isinstance(criterion.limit, float)
    ]
    return min(limits, default=None)


def _memory(state: Mapping[str, Any]) -> str:
    """The weights of one state by device, in MiB."""
    return ", ".join(f"{size >> 20} MiB on {name}" for name, size in state["weights"].items()) or "no weights"


def _missing(evidence: Evidence, kind: str | None = None) -> Finding:
    """NOT MEASURED with the reason that the campaign recorded."""
    for record in evidence.of(MISSING):
        if kind is None or kind in record.data["kinds"]:
            return Finding(Verdict.NOT_MEASURED, f"no faults were injected: {record.data['why']}", next=TO_DO)
    for record in evidence.of(TROUBLE):
        return Finding(Verdict.NOT_MEASURED, f"the campaign ended early: {record.data['what']}", next=TO_DO)
    return Finding(Verdict.NOT_MEASURED, "no faults were injected in this campaign", next=TO_DO)


def _named(found: Finding, told: Sequence[str]) -> Finding:
    return replace(found, reason=f"{found.reason}; {'; '.join(told)}") if told else found
