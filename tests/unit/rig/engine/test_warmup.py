"""What a warm-up does before a measurement may begin."""

import numpy as np
import pytest

from pytest_rawrxd.rig.engine.protocol import LoadOptions
from pytest_rawrxd.rig.engine.warmup import described, filled, rehearsals, warm_up
from pytest_rawrxd.rig.engine.work import Work


def widths(works: list[Work]) -> list[list[int]]:
    return [np.diff(work.offsets).tolist() for work in works]


def test_every_decode_width_and_every_class_of_prompt_width_comes_once() -> None:
    works = rehearsals(n_streams=3, prefill_chunk=12, n_ctx=1000)

    assert widths(works) == [[24, 1, 1], [12], [8], [4], [2], [1], [1, 1, 1], [1, 1], [1]]
    assert [work.lock_step for work in works] == [False] * 6 + [True] * 3


@pytest.mark.parametrize(("chunk", "expected"), [(1, [1]), (2, [1, 2]), (8, [1, 2, 4, 8]), (9, [1, 2, 4, 8, 9])])
def test_the_chunk_itself_is_the_widest_prompt(chunk, expected) -> None:
    assert widths(rehearsals(n_streams=1, prefill_chunk=chunk, n_ctx=1000))[1:-1] == [
        [width] for width in expected[::-1]
    ]


@pytest.mark.parametrize("n_ctx", [16, 40, 200])
def test_a_warm_up_fits_into_the_context(n_ctx) -> None:
    for work in rehearsals(n_streams=2, prefill_chunk=64, n_ctx=n_ctx):
        assert len(work.prompts) + work.max_tokens.sum() <= n_ctx


def test_each_call_is_named_by_what_it_warms() -> None:
    works = rehearsals(n_streams=3, prefill_chunk=2, n_ctx=1000)

    assert [described(work) for work in works] == [
        "prompt of 4 beside 2 streams",
        "prompt of 2",
        "prompt of 1",
        "3 streams decode",
        "2 streams decode",
        "1 stream decode",
    ]


@pytest.mark.parametrize(("streams", "n_ctx"), [(12, 6144), (2, 40), (3, 100), (16, 32)])
def test_at_the_end_every_stream_goes_through_its_whole_share_of_the_context(streams, n_ctx) -> None:
    work = filled(n_streams=streams, n_ctx=n_ctx)

    assert len(work) == streams
    assert not work.lock_step  # prompts are let in beside running streams, as in a measurement
    assert n_ctx - streams < len(work.prompts) + work.max_tokens.sum() <= n_ctx


@pytest.mark.parametrize(
    ("layers", "streams", "depth", "goes"),
    [(999, 2, True, True), (999, 2, False, False), (999, 1, True, False), (0, 2, True, False)],
)
def test_whole_contexts_are_for_streams_on_a_gpu_that_no_longer_run_has_warmed(layers, streams, depth, goes) -> None:
    options = LoadOptions(n_ctx=64, n_streams=streams, n_gpu_layers=layers, prefill_chunk=4, warm_depth=depth)

    steps = warm_up(options, 64, lambda work: float(len(work)), None)

    assert [step["work"] for step in steps if "whole" in step["work"]] == ["2 whole contexts"] * goes
