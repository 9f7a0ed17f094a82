"""One cell of the performance matrix as a sample: its fresh processes, and why they cannot be used if they cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.cards import around
from pytest_rawrxd.evidence.ledger import Record
from pytest_rawrxd.measure.bandwidth import AGAIN
from pytest_rawrxd.measure.decode import REFERENCE, RUN
from pytest_rawrxd.rig.engine.log import devices_with_weights
from pytest_rawrxd.verdict import checks
from pytest_rawrxd.verdict.company import company
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.decoding import DecodeProcess, decode_processes, untold
from pytest_rawrxd.verdict.outcome import Finding, Verdict
from pytest_rawrxd.verdict.plausibility import Plausibility, plausibility
from pytest_rawrxd.verdict.sample import Floats, Integers
from pytest_rawrxd.verdict.telemetry import loaded_samples, throttling
from pytest_rawrxd.verdict.validity import Severity, Violation, violation
from pytest_rawrxd.verdict.wording import number

SCRIPTED = "scripted"


@dataclass(frozen=True, eq=False)
class CellSample:
    """``problem`` is the finding that stands instead of any other; ``sources`` are the records behind it all."""

    processes: tuple[DecodeProcess, ...]
    sources: tuple[str, ...]
    problem: Finding | None

    @property
    def tps(self) -> Floats:
        """Tokens per second, one value a process."""
        return np.array([process.tps for process in self.processes])

    @property
    def durations_ns(self) -> Integers:
        """Raw decode time in ns, one value a process."""
        return np.array([process.decode_ns for process in self.processes])

    @property
    def note(self) -> str:
        """What has to be said with every figure of this cell: "" unless the variant was only partly on the device."""
        return next((said for process in self.processes if (said := partial_offload(process.record.data))), "")


def cell_sample(evidence: Evidence, variant: str, tokens: int, kind: str = RUN) -> CellSample:
    """The processes of one cell with the first reason for which they cannot be judged.

    ``kind`` is that of their records: the matrix, a CPU reference or the sustained bandwidth test.
    """
    return evidence.once(("cell", kind, variant, tokens), lambda: _cell_sample(evidence, variant, tokens, kind))


def _cell_sample(evidence: Evidence, variant: str, tokens: int, kind: str) -> CellSample:
    runs = evidence.of(kind, variant=variant, tokens=tokens)
    sources = tuple(record.id for record in runs)
    if troubles := evidence.of("trouble", variant=variant, during=kind):
        told = _troubled(troubles[0].data, len(troubles))
        return CellSample((), (*sources, *(record.id for record in troubles)), told)
    if not runs:
        return CellSample((), (), _missing(evidence, variant, tokens))
    if (why := next(filter(None, (untold(record.data, "itl") for record in runs)), None)) is not None:
        return CellSample((), sources, _without_instants(evidence, runs, why))
    processes = tuple(decode_processes(evidence, variant, tokens, kind))
    return CellSample(processes, sources, _unusable(evidence, processes))


def partial_offload(data: Mapping[str, Any]) -> str:
    """The sentence about a run with some of its layers on the host; "" for any other."""
    load = data["load"]
    # A server that somebody else started does not tell.
    if load["layers_total"] is None or not 0 < load["layers_offloaded"] < load["layers_total"]:
        return ""
    placement = data.get("placement")
    why = f" ({placement['arithmetic']})" if placement else ""
    return f"PARTIAL OFFLOAD, {load['layers_offloaded']} of {load['layers_total']} layers on the device{why}"


def with_note(found: Finding, note: str) -> Finding:
    """``found`` with ``note`` behind its reason."""
    return replace(found, reason=f"{found.reason}; {note}") if note else found


def roofline(
    evidence: Evidence, data: Mapping[str, Any], tps: float, *, streams: int = 1, kv_bytes: float = 0.0
) -> Plausibility | None:
    """What share of the memory bandwidth ``tps`` of a process with the record ``data`` implies.

    ``kv_bytes`` are read per stream and step. None without a manifest of the model, and for a model that is partly on
    the host: two memories feed it.
    """
    variant, evidence = data["variant"], around(evidence, data)
    if partial_offload(data):
        return None
    manifests = evidence.of("model", variant=variant)
    machines = evidence.of("machine")
    if not manifests or not machines:
        return None
    profile, manifest, machine = evidence.campaign.profile, manifests[-1].data, machines[-1].data
    declared = profile.models.declaration(variant)
    if declared.exception is not None:
        return None
    streamed = declared.weights_per_token
    on_cpu = data["engine"]["backend"] == "cpu"
    peak = None if on_cpu else profile.hardware.peak_bandwidth
    gates = profile.gates
    return plausibility(
        tps,
        kv_bytes=kv_bytes,
        streams=streams,
        weight_bytes=streamed.to("B") if streamed is not None else manifest["weight_bytes_per_token"],
        datasheet_bandwidth=peak.to("GB/s") * 1e9 if peak is not None else None,
        measured_bandwidth=measured_bandwidth(evidence.of, on_cpu=on_cpu),
        cache_bytes=machine["llc_bytes"],
        impossible=gates.bandwidth_impossible.to("ratio"),
        suspicious=gates.bandwidth_suspicious.to("ratio"),
        low=gates.bandwidth_low.to("ratio"),
    )


def implausible(evidence: Evidence, process: DecodeProcess) -> Iterator[Violation]:
    """What the memory bandwidth says against the speed of a process."""
    yield from against_bandwidth(roofline(evidence, process.record.data, process.tps))


def against_bandwidth(judged: Plausibility | None) -> Iterator[Violation]:
    """The rule that a throughput breaks which memory hardly allows, or not at all."""
    rules = {"impossible": "V-PHYSICS", "suspicious": "V-SUSPICIOUS"}
    if judged is not None and judged.level in rules:
        yield violation(rules[judged.level], judged.sentence)


def measured_bandwidth(of: Callable[[str], Sequence[Any]], *, on_cpu: bool) -> float | None:
    """Measured read bandwidth in B/s of the host's memory or of the device's; None where it was not measured.

    ``of`` gives the records of a kind. Of the host's memory the most that any of them has seen, before the cells or
    after them: whatever else runs makes a reading smaller, and a ceiling that is too low makes an honest rate an
    impossible one.
    """
    machines = [record.data for record in of("machine")]
    if on_cpu:
        read = [*(each["read_bandwidth"] for each in machines), *(record.data for record in of(AGAIN))]
        return max((float(each["bytes_per_s"]) for each in read if each), default=None)
    found = machines[-1].get("device_bandwidth") if machines else None
    return found["bytes_per_s"] if found else None


def _missing(evidence: Evidence, variant: str, tokens: int) -> Finding:
    absent = evidence.of("model.missing", variant=variant)
    why = f": {absent[-1].data['why']}" if absent else ""
    campaign = evidence.campaign
    return Finding(
        Verdict.NOT_MEASURED,
        f"no process generated {tokens} tokens with {variant} in this campaign{why}",
        next=f"pytest acceptance/ -m phase1 --sla-profile {campaign.profile.label} --sla-run-dir reports/{campaign.id}",
    )


def _without_instants(evidence: Evidence, runs: Sequence[Record], why: str) -> Finding:
    """What is left of a server that replies once: tokens by its own counter, over whole requests, prompts included.

    A rate of decoding is higher than that by an unknown share, so that no bound on it can be decided.
    """
    rates = []
    for record in runs:
        raw, counted = evidence.raw(record.data["raw"]), record.data["http"]["tokens_generated"]
        if counted is not None:
            waited = np.asarray(raw["ended_ns"], np.int64) - np.asarray(raw["submitted_ns"], np.int64)
            rates.append(counted / (float(waited.sum()) / 1e9))
    shown = f"{number(float(np.mean(rates)))} tok/s" if rates else "no rate, its token counter was not read,"
    said = f"{why}; {shown} from request to reply over {len(runs)} processes"
    return Finding(Verdict.NOT_MEASURED, said, n=len(runs), next="a server that streams its tokens")


def _troubled(trouble: dict[str, Any], count: int) -> Finding:
    more = f" (and {count - 1} more)" if count > 1 else ""
    return invalid(
        f"process {trouble['process']}: {trouble['what']}{more}: {trouble['found'] or trouble['type']}",
        next_step="read the log lines of the recorded trouble, mend the cause, measure again in a new run directory",
    )


def _unusable(evidence: Evidence, processes: tuple[DecodeProcess, ...]) -> Finding | None:
    for process in processes:
        name = f"process {process.record.data['process']} of session {process.record.session}"
        for found in violations_of(evidence, process):
            if found.rule.severity is Severity.ERROR:
                return invalid(f"{name}: {found.sentence()}", next_step=found.rule.fix, n=len(processes))
        judged = roofline(evidence, process.record.data, process.tps)
        if judged is not None and (told := judged.finding()) is not None:
            return told
        if (slowed := throttling(evidence, process)) is not None:
            return replace(slowed, reason=f"{name}: {slowed.reason}")
    return None


def violations_of(evidence: Evidence, process: DecodeProcess) -> Iterator[Violation]:
    """The rules that the record and the raw data of one process break."""
    data, identity = process.record.data, evidence.campaign.identity
    gates = evidence.campaign.profile.gates
    steady, expected = process.steady, identity.models.get(data["variant"])
    backend = "cpu" if process.record.kind == REFERENCE else identity.engine["backend"]
    found = (
        checks.backend({"backend": backend}, {"backend": data["engine"]["backend"]}),
        checks.one_device(devices_with_weights(data["load"]["buffers"] or ())),
        checks.one_identity(
            [identity_of(identity.digest, expected), identity_of(process.record.identity, data["model_sha256"])]
        ),
        checks.early_end(data["finish_reasons"]),
        checks.received_tokens([data["tokens"]] * len(process.received), process.received),
        spilled(evidence, data, gates.spill_max.to("ratio")),
        checks.steady_state(
            steady.reached,
            steady.dropped,
            steady.length,
            shift=steady.shift,
            gate=gates.throttle_slowdown_max.to("ratio"),
        ),
    )
    yield from (broken for broken in found if broken is not None)
    # A scripted engine lives in virtual time: what the host does meanwhile disturbs nothing.
    if data["engine"]["backend"] != SCRIPTED:
        foreign = 100 * data["host"]["foreign_share"]
        if (broken := checks.foreign_cpu(foreign, gate_percent=gates.contamination_max.to("%"))) is not None:
            yield broken
        yield from company(evidence, loaded_samples(evidence, process))


def spilled(evidence: Evidence, data: Mapping[str, Any], gate: float) -> Violation | None:
    """Whether loading made the device's share of the host's memory grow by more than ``gate`` of the weights."""
    growth, manifests = data["memory"]["shared_growth_bytes"], evidence.of("model", variant=data["variant"])
    if growth is None or not manifests:
        return None
    return checks.spilled(growth, weight_bytes=manifests[-1].data["weight_bytes"], gate=gate)


def identity_of(campaign: str, model_sha256: str | None) -> dict[str, str]:
    """What two records of one campaign must agree in."""
    return {"campaign": campaign, "model": model_sha256 or "none"}
