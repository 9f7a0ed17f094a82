"""Random blocks are what ggml takes them for."""

import gguf
import numpy as np
import pytest

from pytest_rawrxd.rig.models.blocks import LAYOUTS, POOL, random_blocks

AMPLITUDE = 0.05


def values_of(kind: str, name: str = "blk.0.attn_q.weight") -> np.ndarray:
    blocks = random_blocks(kind, (512, 1024), name, amplitude=AMPLITUDE, seed=1)
    return gguf.dequantize(blocks.view(np.uint8).reshape(512, -1), gguf.GGMLQuantizationType[kind])


@pytest.mark.parametrize("kind", LAYOUTS)
def test_a_block_has_the_size_that_ggml_gives_it(kind):
    layout = LAYOUTS[kind]

    assert (layout.values, layout.dtype.itemsize) == gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]]


@pytest.mark.parametrize("kind", LAYOUTS)
def test_values_are_finite_lie_within_the_amplitude_and_around_zero(kind):
    values = values_of(kind)

    assert values.shape == (512, 1024)
    assert np.isfinite(values).all()
    assert np.abs(values).max() <= AMPLITUDE * 1.001
    assert abs(values.mean()) < 0.15 * AMPLITUDE
    assert values.std() == pytest.approx(AMPLITUDE / np.sqrt(3), rel=0.4)


@pytest.mark.parametrize("kind", LAYOUTS)
def test_every_quant_occurs_in_every_place(kind):
    values = values_of(kind)

    assert (values.reshape(-1, LAYOUTS[kind].values).std(axis=0) > 0).all()
    assert np.unique(values).size >= 4


def test_the_same_seed_and_name_give_the_same_blocks_and_another_name_others():
    first, again, other = (
        random_blocks("Q4_K", (4, 1024), name, amplitude=1, seed=1).tobytes() for name in ("a", "a", "b")
    )

    assert first == again
    assert first != other


def test_neighbouring_rows_differ_where_the_matrix_has_more_blocks_than_were_made():
    rows = POOL // 4 + 8
    blocks = random_blocks("Q4_K", (rows, 1024), "wide", amplitude=1, seed=1).reshape(rows, 4)

    assert len({row.tobytes() for row in blocks}) == rows
