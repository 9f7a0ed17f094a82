"""Where the tokens of a step are picked; the contract tests decode for real."""

import pytest

from pytest_rawrxd.rig.engine.batch import quicker_sampling


@pytest.mark.parametrize(
    ("streams", "vocabulary", "on_gpu", "sampling"),
    [
        (1, 128_256, True, "argmax"),  # one row is read sooner than the graph finds its largest
        (2, 128_256, True, "in-graph"),
        (12, 49_152, True, "in-graph"),
        (12, 49_153, True, "argmax"),  # Vulkan would abort
        (12, 49_152, False, "argmax"),
    ],
)
def test_several_streams_of_a_gpu_pick_in_the_graph(streams, vocabulary, on_gpu, sampling):
    assert quicker_sampling(streams, vocabulary, on_gpu=on_gpu) == sampling
