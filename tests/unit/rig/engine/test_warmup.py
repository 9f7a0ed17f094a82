"""What a warm-up does before a measurement may begin."""

import numpy as np
import pytest

from pytest_rawrxd.rig.engine.messages import Outcome, Work
from pytest_rawrxd.rig.engine.protocol import RunCost
from pytest_rawrxd.rig.engine.warmup import rehearsals, warm_up


def widths(works: list[Work]) -> list[list[int]]:
    return [np.diff(work.offsets).tolist() for work in works]


def test_every_decode_width_and_every_class_of_prompt_width_comes_once() -> None:
    works = rehearsals(n_streams=3, prefill_chunk=12, n_ctx=1000)

    assert widths(works) == [[1], [1, 1], [1, 1, 1], [1], [2], [4], [8], [12], [1, 1, 24]]
    assert [work.lock_step for work in works] == [True] * 3 + [False] * 6


@pytest.mark.parametrize(("chunk", "expected"), [(1, [1]), (2, [1, 2]), (8, [1, 2, 4, 8]), (9, [1, 2, 4, 8, 9])])
def test_the_chunk_itself_is_the_widest_prompt(chunk, expected) -> None:
    assert widths(rehearsals(n_streams=1, prefill_chunk=chunk, n_ctx=1000))[1:-1] == [[width] for width in expected]


@pytest.mark.parametrize("n_ctx", [16, 40, 200])
def test_a_warm_up_fits_into_the_context(n_ctx) -> None:
    for work in rehearsals(n_streams=2, prefill_chunk=64, n_ctx=n_ctx):
        assert len(work.prompts) + work.max_tokens.sum() <= n_ctx


def test_the_first_failure_is_what_comes_back() -> None:
    nothing = np.zeros(0, np.int64)

    def decode(work: Work) -> Outcome:
        reason = "length" if len(work) < 2 else "error: no KV cells left"
        return Outcome(nothing.astype(np.int32), nothing, nothing, nothing, (reason,) * len(work), RunCost(0, 0, 0))

    assert warm_up(decode, n_streams=1, prefill_chunk=1, n_ctx=100) is None
    assert warm_up(decode, n_streams=2, prefill_chunk=1, n_ctx=100) == "error: no KV cells left"
