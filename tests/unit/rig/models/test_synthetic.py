from __future__ import annotations

import gguf
import numpy as np
import pytest

from pytest_rawrxd.rig.models.gguf_header import read_header
from pytest_rawrxd.rig.models.manifest import describe
from pytest_rawrxd.rig.models.synthetic import SHAPES, synthetic, vocabulary, write_synthetic

TINY = SHAPES["tiny"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    path = tmp_path_factory.mktemp("synthetic") / "tiny.gguf"
    write_synthetic(path, TINY)
    return path


def test_the_same_seed_gives_the_same_bytes(tiny, tmp_path):
    write_synthetic(tmp_path / "again.gguf", TINY)

    assert (tmp_path / "again.gguf").read_bytes() == tiny.read_bytes()


def test_another_seed_gives_other_weights_of_the_same_size(tiny, tmp_path):
    write_synthetic(tmp_path / "other.gguf", TINY, seed=1)

    other, first = (tmp_path / "other.gguf").read_bytes(), tiny.read_bytes()
    assert len(other) == len(first)
    assert other != first


def test_the_tiny_model_is_small_enough_for_unit_tests(tiny):
    assert tiny.stat().st_size < 3_000_000


def test_the_file_is_an_f16_llama_of_its_shape(cache):
    entry, provenance = synthetic(cache, TINY)
    manifest = describe(read_header(entry.path), sha256="", provenance=provenance)

    assert manifest.variant == "F16"
    assert (manifest.layers, manifest.embedding_length, manifest.vocabulary) == (2, 256, 512)
    assert (manifest.heads, manifest.kv_heads) == (4, 2)
    assert not manifest.provenance.quality_judgeable
    assert manifest.notes == ()


def test_the_larger_shape_is_102_mb_and_divides_into_k_quant_blocks():
    sizes = [size for _, size in SHAPES["768x8"].tensors()]

    assert sum(2 * int(np.prod(size)) for size in sizes) == pytest.approx(102.2e6, rel=1e-3)
    assert all(size[-1] % 256 == 0 for size in sizes)


@pytest.mark.parametrize("size", [512, 128256])
def test_every_token_is_there_once_and_what_can_be_spoken_is_printable(size):
    tokens, kinds = vocabulary(size)

    assert len(tokens) == len(kinds) == len(set(tokens)) == size
    spoken = [token for token, kind in zip(tokens, kinds, strict=True) if kind == gguf.TokenType.NORMAL]
    assert len(spoken) == size - 259
    assert all(token.replace("\u2581", "").isascii() and token.isprintable() for token in spoken)


def test_control_and_byte_tokens_lose_against_any_other(tiny):
    reader = gguf.GGUFReader(tiny)
    tensors = {tensor.name: tensor.data for tensor in reader.tensors}

    assert (tensors["token_embd.weight"][:, 0] > 0).all()
    assert (tensors["output.weight"][:259, 0] < 0).all()
    assert not tensors["output.weight"][:259, 1:].any()
    for layer in range(2):
        assert not tensors[f"blk.{layer}.attn_output.weight"][0].any()
        assert not tensors[f"blk.{layer}.ffn_down.weight"][0].any()


def test_weights_keep_the_size_of_activations(tiny):
    reader = gguf.GGUFReader(tiny)
    query = next(tensor.data for tensor in reader.tensors if tensor.name == "blk.0.attn_q.weight")

    assert np.var(query.astype(np.float64)) * 256 == pytest.approx(1, rel=0.02)
    assert abs(np.mean(query.astype(np.float64))) < 1e-3
