"""The checks behind the validity rules: plain values in, the violation or None out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.verdict.sample import finite, same_length
from pytest_rawrxd.verdict.validity import Violation, violation
from pytest_rawrxd.verdict.wording import number

#: A busy client reads late now and then, and its tokens then count with the wait for that read, which is never too
#: little. A server that sends its tokens in packets is another thing: nobody sees when it made them.
COALESCED_SHARE = 0.01

#: What a driver holds for itself stays as it is: in 305 runs on H100s it moved by 7.5 MB at most. A process
#: that begins to compute takes several hundred with its context alone.
COMPANY_BYTES = 128e6


def empty_sample(count: int, of: str) -> Violation | None:
    """Check that there are ``count`` > 0 ``of`` something."""
    return None if count > 0 else violation("V-EMPTY", f"0 {of}")


def received_tokens(requested: npt.ArrayLike, received: npt.ArrayLike) -> Violation | None:
    """Check that each request (k,) received what it requested."""
    asked, got = finite(requested, "the requested tokens"), finite(received, "the received tokens")
    same_length(requested=asked, received=got)
    wrong = np.flatnonzero(asked != got)
    if not wrong.size:
        return None
    first = int(wrong[0])
    return violation(
        "V-TOKENS",
        f"{wrong.size} of {asked.size} requests, first request {first + 1}: {got[first]:g} of {asked[first]:g} tokens",
    )


def prompt_cache(cached_tokens: npt.ArrayLike, *, allowed: int = 0) -> Violation | None:
    """Check that no request (k,) reports more than ``allowed`` prompt tokens from a cache (a template's head)."""
    cached = finite(cached_tokens, "the cached tokens")
    hits = int((cached > allowed).sum())
    return violation("V-CACHE", f"{hits} of {cached.size} requests, up to {cached.max():g} tokens") if hits else None


def early_end(finish_reasons: Sequence[str]) -> Violation | None:
    """Check that each generation ended by its token limit ("length")."""
    others = sorted({reason for reason in finish_reasons if reason != "length"})
    if not others:
        return None
    count = sum(reason != "length" for reason in finish_reasons)
    return violation("V-EOS", f"{count} of {len(finish_reasons)} ended by {', '.join(others)}")


def coalesced(tokens: int, total: int) -> Violation | None:
    """Check that at most ``COALESCED_SHARE`` of the tokens share their instant with the one before."""
    many = tokens > COALESCED_SHARE * total
    return violation("V-CHUNK", f"{tokens} of {total} tokens came with another one, 1 % is allowed") if many else None


def loop_lag(p99_ms: float, *, gate_ms: float) -> Violation | None:
    """Check the P99 lag of the client's event loop."""
    return _above("V-LOOP", "P99 loop lag", p99_ms, gate_ms, "ms")


def send_lag(p99_ms: float, *, gate_ms: float = 5.0) -> Violation | None:
    """Check the P99 of sent minus intended instants."""
    return _above("V-SEND", "P99 send lag", p99_ms, gate_ms, "ms")


def noise_floor(floor_ms: float, *, tightest_bound_ms: float, gate: float = 0.05) -> Violation | None:
    """Check the calibrated noise floor against ``gate`` x the tightest bound."""
    return _above("V-NOISE", "noise floor", floor_ms, gate * tightest_bound_ms, "ms")


def foreign_cpu(share_percent: float, *, gate_percent: float) -> Violation | None:
    """Check the share of the processor that other programs used during the run."""
    return _above("V-HOST", "foreign processor share", share_percent, gate_percent, "%")


def device_company(processes: int) -> Violation | None:
    """Check that no process but the engine's computed on the device; ``processes`` is the number of others."""
    if not processes:
        return None
    return violation(
        "V-GPU", f"{processes} beside the engine computed on it" if processes > 1 else "one computed on it"
    )


def memory_of_others(moved_bytes: float) -> Violation | None:
    """Check that the memory of the device that is not the engine's moved by ``COMPANY_BYTES`` at most."""
    return _above("V-GPU", "memory that is not the engine's moved by", moved_bytes / 1e6, COMPANY_BYTES / 1e6, "MB")


def clock_steps(wall_s: npt.ArrayLike, monotonic_s: npt.ArrayLike, *, gate_s: float = 0.5) -> Violation | None:
    """Check anchor pairs (n,) of both clocks, in s: between two of them both must advance alike."""
    wall, monotonic = finite(wall_s, "the wall instants"), finite(monotonic_s, "the monotonic instants")
    same_length(wall_s=wall, monotonic_s=monotonic)
    apart = np.diff(wall) - np.diff(monotonic)
    if not apart.size or float(np.abs(apart).max()) <= gate_s:
        return None
    at = int(np.abs(apart).argmax())
    return violation("V-CLOCK", f"{number(float(apart[at]))} s between anchors {at + 1} and {at + 2}")


def backend(expected: Mapping[str, str], found: Mapping[str, str]) -> Violation | None:
    """Check that each expected property (backend, device, layers) was found."""
    return _differences("V-BACKEND", expected, found)


def one_device(holding_weights: Sequence[str]) -> Violation | None:
    """Check that the weights lie on one device: a promise is about one card, its memory and its temperature."""
    if len(holding_weights) < 2:
        return None
    return violation("V-BACKEND", f"the weights lie on {', '.join(holding_weights)}: one card is judged at a time")


def one_identity(identities: Iterable[Mapping[str, str]]) -> Violation | None:
    """Check that all records carry one identity; names the first field that changed."""
    first: Mapping[str, str] | None = None
    for position, identity in enumerate(identities):
        if first is None:
            first = identity
        changed = _differences("V-IDENTITY", first, identity)
        if changed is not None:
            return violation("V-IDENTITY", f"record {position + 1}: {changed.found}")
    return None


def stale(asked: Mapping[str, str], measured: Mapping[str, str]) -> Violation | None:
    """Check the digests of profile, model, engine and driver in the evidence against those asked for."""
    return _differences("V-STALE", asked, measured)


def enough_blocks(blocks: int, *, least: int = 10) -> Violation | None:
    """Check the number of time blocks."""
    return None if blocks >= least else violation("V-BLOCKS", f"{blocks}, at least {least}")


def full_window(full_share: float | None, *, least: float = 0.95, streams: int) -> Violation | None:
    """Check the share of the window in which exactly ``streams`` streams were active; None: never."""
    if full_share is not None and full_share >= least:
        return None
    share = "never" if full_share is None else f"{number(100 * full_share)} % of the window"
    return violation("V-WINDOW", f"{streams} streams {share}, at least {number(100 * least)} %")


def steady_state(reached: bool, dropped: int, length: int, *, shift: float, gate: float) -> Violation | None:
    """Check that warm-up ended before half the series, or that the halves differ by at most ``gate`` (a share).

    A series of noise alone is cut at half too: of 75 points one in twenty, of 20 points two in five.
    """
    if reached or shift <= gate:
        return None
    return violation(
        "V-STEADY", f"{dropped} of {length} entries look like warm-up, the halves differ by {number(100 * shift)} %"
    )


def spilled(shared_growth_bytes: float, *, weight_bytes: float, gate: float = 0.05) -> Violation | None:
    """Check the growth of shared (host) memory of the device at load against the weights."""
    share = shared_growth_bytes / weight_bytes if weight_bytes else 0.0
    return _above("V-SPILL", "growth of shared memory", 100 * share, 100 * gate, "% of the weights")


def fault_took_effect(exposed_requests: int, kind: str) -> Violation | None:
    """Check that an injected fault hit at least one request."""
    return None if exposed_requests else violation("V-FAULT", f"{kind}: no request was exposed")


def journal_gaps(
    hours: npt.ArrayLike, *, interval_hours: float, downtime: Sequence[tuple[float, float]] = ()
) -> Violation | None:
    """Check that samples (n,) of a soak follow within two intervals, except over a ``downtime`` (from, to)."""
    time = finite(hours, "the hours of the journal")
    for at in np.flatnonzero(np.diff(time) > 2 * interval_hours):
        begin, end = float(time[at]), float(time[at + 1])
        if not any(begin <= down and up <= end for down, up in downtime):
            return violation("V-GAP", f"{number(60 * (end - begin))} minutes after sample {at + 1}")
    return None


def workers(expected: int, answered: int) -> Violation | None:
    """Check that every worker of a distributed load answered."""
    return None if answered == expected else violation("V-WORKERS", f"{answered} of {expected} answered")


def self_check(missed: Sequence[str], alarmed: Sequence[str]) -> Violation | None:
    """Check that each planted defect was caught and no clean control alarmed."""
    told = [f"missed {name}" for name in missed] + [f"false alarm {name}" for name in alarmed]
    return violation("V-SELFCHECK", ", ".join(told)) if told else None


def _above(rule_id: str, what: str, value: float, gate: float, unit: str) -> Violation | None:
    finite([value, gate], what)
    return violation(rule_id, f"{what} {number(value)} {unit}, gate {number(gate)} {unit}") if value > gate else None


def _differences(rule_id: str, expected: Mapping[str, str], found: Mapping[str, str]) -> Violation | None:
    told = [
        f"{field} is {found.get(field, 'missing')}, not {value}"
        for field, value in expected.items()
        if found.get(field) != value
    ]
    return violation(rule_id, "; ".join(told)) if told else None
