"""What types cannot say about a protocol: variants that are measured, sizes that go together."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from pytest_rawrxd.profile.complaint import Complaint
from pytest_rawrxd.profile.gates import MinRuns
from pytest_rawrxd.profile.locate import Path
from pytest_rawrxd.profile.protocol import Supervision
from pytest_rawrxd.profile.suggest import nearest
from pytest_rawrxd.profile.written import WrittenProfile

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def check_protocol(written: WrittenProfile) -> Iterator[Complaint]:
    """Everything in models, protocol and gates that contradicts itself."""
    yield from _variants(written)
    yield from _sizes(written)
    yield from _supervision(written.protocol.supervision)


def _variants(written: WrittenProfile) -> Iterator[Complaint]:
    variants, protocol = written.models.variants, written.protocol
    single, load = protocol.phase1, protocol.phase2
    for index, variant in enumerate(variants):
        if single.judged_tokens not in [cell.tokens for cell in single.cells(variant)]:
            what = f"the matrix has no cell of {single.judged_tokens} tokens for {variant}"
            possible = "a cell of protocol.phase1.judged_tokens for each variant"
            yield Complaint(("models", "variants", index), what, possible)
    for test, variant in (("bandwidth", protocol.bandwidth.variant), ("phase2", load.variant)):
        if variant not in variants:
            path: Path = ("protocol", test, "variant")
            yield Complaint(path, f"{variant} is not among the variants", nearest(variant, variants))
    for variant, declaration in written.models.declared.items():
        if declaration.exception is not None and not declaration.reason:
            path = ("models", "declared", variant, "exception")
            yield Complaint(path, "an exception without a reason", "reason = '...' beside it")


def _sizes(written: WrittenProfile) -> Iterator[Complaint]:
    protocol, gates = written.protocol, written.gates
    load, soak, faults = protocol.phase2, protocol.soak, protocol.faults
    if load.streams not in load.levels:
        possible = ", ".join(map(str, load.levels))
        yield Complaint(("protocol", "phase2", "streams"), "not among the levels", possible)
    for rule in MinRuns.model_fields:
        if getattr(protocol.phase1.processes, rule) < (least := getattr(gates.min_runs, rule)):
            path: Path = ("protocol", "phase1", "processes", rule)
            yield Complaint(path, f"fewer processes than gates.min_runs.{rule}", f"at least {least}")
    if load.level_runs < gates.min_runs.floor:
        # Learnt on a rented card: every level was measured twice, and no efficiency could be judged.
        possible = f"at least {gates.min_runs.floor}"
        yield Complaint(("protocol", "phase2", "level_runs"), "fewer processes than gates.min_runs.floor", possible)
    if load.block > load.level_duration:
        yield Complaint(("protocol", "phase2", "block"), "longer than a run", f"at most {load.level_duration}")
    if soak.restart_every > soak.duration:
        yield Complaint(("protocol", "soak", "restart_every"), "longer than the soak", f"at most {soak.duration}")
    if soak.settle >= soak.restart_every:
        yield Complaint(("protocol", "soak", "settle"), "as long as a process life", f"less than {soak.restart_every}")
    if faults.injections < gates.min_injections:
        path = ("protocol", "faults", "injections")
        yield Complaint(path, "fewer than gates.min_injections", f"at least {gates.min_injections}")
    if len(set(faults.kinds)) < gates.min_fault_kinds:
        path = ("protocol", "faults", "kinds")
        yield Complaint(path, "fewer kinds than gates.min_fault_kinds", f"at least {gates.min_fault_kinds}")


def _supervision(supervision: Supervision | None) -> Iterator[Complaint]:
    if supervision is None:
        return
    if bool(supervision.command) is (supervision.hooks is not None):
        found = "both a command and hooks" if supervision.command else "neither a command nor hooks"
        yield Complaint(("protocol", "supervision"), found, "one of the two")
    host = urlsplit(supervision.url.replace("{port}", "1")).hostname
    if host not in LOOPBACK:
        path = ("protocol", "supervision", "url")
        yield Complaint(path, "faults are injected into this machine only", "http://127.0.0.1:PORT")
