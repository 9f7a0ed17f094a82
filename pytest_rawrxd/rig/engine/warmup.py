"""Warm-up: everything a measurement will do is done once before, because a GPU backend compiles at first use.

Vulkan compiled pipelines for 0.1-4.5 s each at their first use; a cold run of 12 streams showed 88 tok/s and a P99 of
1154 ms where a warm one showed 716 tok/s and 17.8 ms.
"""

from __future__ import annotations

from collections.abc import Callable

from pytest_rawrxd.rig.engine.messages import Outcome, Work, work_from_requests
from pytest_rawrxd.rig.engine.protocol import Request


def warm_up(decode: Callable[[Work], Outcome], *, n_streams: int, prefill_chunk: int, n_ctx: int) -> str | None:
    """Decode every width 1..n_streams, prefill every width class up to the chunk, and both together.

    Returns the reason of the first request that failed, or None.
    """
    for work in rehearsals(n_streams=n_streams, prefill_chunk=prefill_chunk, n_ctx=n_ctx):
        for reason in decode(work).reasons:
            if reason != "length":
                return reason
    return None


def rehearsals(*, n_streams: int, prefill_chunk: int, n_ctx: int) -> list[Work]:
    """The calls of a warm-up. Prefill widths are the powers of two and the chunk: kernels differ by such classes.

    The last call lets a prompt of two chunks in beside running streams: the widest step that can occur.
    """
    room = n_ctx - 6 * n_streams
    widths = [width for width in _powers_of_two(prefill_chunk) if width < room]
    beside = [_request(1, 4)] * (n_streams - 1)
    return [
        *(work_from_requests([_request(1, 2)] * streams, lock_step=True) for streams in range(1, n_streams + 1)),
        *(work_from_requests([_request(width, 1)]) for width in widths),
        *(work_from_requests([*beside, _request(min(2 * width, room), 2)]) for width in widths[-1:]),
    ]


def _powers_of_two(most: int) -> list[int]:
    return [1 << n for n in range((most - 1).bit_length())] + [most]


def _request(prompt: int, tokens: int) -> Request:
    return Request([0] * prompt, tokens)
