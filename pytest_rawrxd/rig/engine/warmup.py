"""Warm-up: everything a measurement will do is done once before, because a GPU backend compiles at first use.

Vulkan compiled pipelines for 0.1-4.5 s each at their first use; a cold run of 12 streams showed 88 tok/s and a P99 of
1154 ms where a warm one showed 716 tok/s and 17.8 ms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_rawrxd.rig.engine.protocol import LoadOptions, Request
from pytest_rawrxd.rig.engine.work import Work, work_from_requests


def warm_up(
    options: LoadOptions, n_ctx: int, rehearse_ms: Callable[[Work], float], first_ms: float | None
) -> tuple[dict[str, Any], ...]:
    """Do every call, on a GPU twice: the first compiles, the second shows what that cost.

    ``rehearse_ms`` does one and returns its milliseconds; ``first_ms`` is what the first took if it was done already,
    which is how sampling in the graph is tried. Returns ``work``, ``cold_ms`` and ``warm_ms`` of each.
    """
    steps: list[dict[str, Any]] = []
    for work in rehearsals(n_streams=options.n_streams, prefill_chunk=options.prefill_chunk, n_ctx=n_ctx):
        cold_ms = rehearse_ms(work) if steps or first_ms is None else first_ms
        warm_ms = rehearse_ms(work) if options.n_gpu_layers else None
        steps.append({"work": described(work), "cold_ms": cold_ms, "warm_ms": warm_ms})
    if options.n_gpu_layers and options.n_streams > 1 and options.warm_depth:
        # Once: a second time would cost seconds in each process.
        deep_ms = rehearse_ms(filled(n_streams=options.n_streams, n_ctx=n_ctx))
        steps.append({"work": f"{options.n_streams} whole contexts", "cold_ms": deep_ms, "warm_ms": None})
    return tuple(steps)


def rehearsals(*, n_streams: int, prefill_chunk: int, n_ctx: int) -> list[Work]:
    """The calls of a warm-up. Prefill widths are the powers of two and the chunk: kernels differ by such classes.

    The first call lets a prompt of two chunks in beside running streams: the widest step that can occur. Widths fall
    from there: work buffers that grow after their first use took Mesa's lavapipe 22.3 down (one token, then four).
    """
    room = n_ctx - 6 * n_streams
    widths = [width for width in _powers_of_two(prefill_chunk)[::-1] if width < room]
    beside = [_request(1, 4)] * (n_streams - 1)
    return [
        *(work_from_requests([_request(min(2 * width, room), 2), *beside]) for width in widths[:1]),
        *(work_from_requests([_request(width, 1)]) for width in widths),
        *(work_from_requests([_request(1, 2)] * streams, lock_step=True) for streams in range(n_streams, 0, -1)),
    ]


def filled(*, n_streams: int, n_ctx: int) -> Work:
    """Every stream through its whole share of the context, prompts let in beside running streams.

    Kernels differ by the depth of the context too: on an H100 with Vulkan the first load after a warm-up of shallow
    calls stood still for 7.2 s, 0.4 s after its start, and no later process did.
    """
    share = max(2, n_ctx // n_streams)
    return work_from_requests([_request(share // 2, share - share // 2)] * n_streams)


def described(work: Work) -> str:
    """A call of a warm-up in words: "prompt of 512", "prompt of 64 beside 11 streams", "12 streams decode"."""
    if work.lock_step:
        return f"{len(work)} stream{'s' if len(work) > 1 else ''} decode"
    beside = len(work) - 1
    return f"prompt of {work.offsets[1]}" + (f" beside {beside} stream{'s' if beside > 1 else ''}" if beside else "")


def _powers_of_two(most: int) -> list[int]:
    return [1 << n for n in range((most - 1).bit_length())] + [most]


def _request(prompt: int, tokens: int) -> Request:
    return Request([0] * prompt, tokens)
