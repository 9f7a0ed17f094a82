from __future__ import annotations

import json

import pytest

from pytest_rawrxd.errors import ModelProblem
from pytest_rawrxd.rig.models.manifest import Manifest, Provenance, describe

FROM_A_TEST = Provenance(source="a test", license="MIT")
SIZES = {
    "general.architecture": "llama",
    "llama.block_count": 2,
    "llama.embedding_length": 256,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "llama.context_length": 2048,
}
EMBEDDING = 256 * 512 * 2
REST = 2 * (4 * 256 * 256 + 3 * 256 * 512) * 2 + 5 * 256 * 4


@pytest.fixture
def manifest_of(header_of, llama):
    def build(*, tied: bool = False, tensors=None, **metadata: object) -> Manifest:
        header = header_of(llama(lambda *_: "F16", tied=tied) | (tensors or {}), SIZES | metadata)
        return describe(header, sha256="ab" * 32, provenance=FROM_A_TEST)

    return build


def test_an_untied_embedding_is_read_one_row_a_token(manifest_of):
    manifest = manifest_of()

    assert not manifest.tied_embeddings
    assert manifest.weight_bytes == 2 * EMBEDDING + REST
    assert manifest.weight_bytes_per_token == EMBEDDING + REST + 256 * 2


def test_a_tied_embedding_is_read_whole_as_the_output_head(manifest_of):
    manifest = manifest_of(tied=True)

    assert manifest.tied_embeddings
    assert manifest.weight_bytes_per_token == manifest.weight_bytes == EMBEDDING + REST


def test_of_the_experts_only_the_used_share_is_read(manifest_of):
    experts = {"blk.0.ffn_up_exps.weight": ((256, 512, 8), "F16")}
    manifest = manifest_of(tensors=experts, **{"llama.expert_count": 8, "llama.expert_used_count": 2})

    assert manifest.weight_bytes_per_token == EMBEDDING + REST + 256 * 2 + 256 * 512 * 2 * 2
    assert manifest.notes == ("mixture of experts: 2 of 8 read per token",)


def test_the_sizes_come_from_the_metadata(manifest_of):
    manifest = manifest_of()

    assert (manifest.layers, manifest.heads, manifest.kv_heads, manifest.context_length) == (2, 4, 2, 2048)
    assert manifest.vocabulary == 512
    assert manifest.parameters == manifest.weight_bytes // 2 - 5 * 256
    assert manifest.tensor_types == {"F16": 16, "F32": 5}
    assert manifest.tensors["blk.1.attn_v.weight"] == "F16"


def test_kv_bytes_are_layers_times_heads_times_both_lengths_in_f16(manifest_of):
    assert manifest_of().kv_bytes_per_token == 2 * 2 * (64 + 64) * 2
    lengths = {"llama.attention.key_length": 128, "llama.attention.value_length": 32}
    assert manifest_of(**lengths).kv_bytes_per_token == 2 * 2 * (128 + 32) * 2
    assert manifest_of(**{"llama.attention.head_count_kv": (4, 0)}).kv_bytes_per_token == 4 * (64 + 64) * 2


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("llama.attention.kv_lora_rank", 512),
        ("llama.ssm.state_size", 16),
        ("llama.attention.head_count", 0),
        ("llama.attention.head_count_kv", (4,)),
        ("llama.attention.head_count_kv", "four"),
    ],
)
def test_kv_bytes_are_absent_with_a_reason_where_the_formula_does_not_hold(manifest_of, key, value):
    manifest = manifest_of(**{key: value})

    assert manifest.kv_bytes_per_token is None
    assert manifest.notes[0].startswith("key-value bytes not computed: ")


def test_without_a_number_of_kv_heads_each_head_has_its_own(header_of, llama):
    without = {key: value for key, value in SIZES.items() if not key.endswith("head_count_kv")}
    manifest = describe(header_of(llama(lambda *_: "F16"), without), sha256="", provenance=FROM_A_TEST)

    assert manifest.kv_heads == 4
    assert manifest.kv_bytes_per_token == 2 * 4 * (64 + 64) * 2


def test_a_sliding_window_is_noted(manifest_of):
    assert "sliding window" in manifest_of(**{"llama.attention.sliding_window": 1024}).notes[0]


def test_a_manifest_survives_json(manifest_of):
    manifest = manifest_of(**{"llama.expert_count": 8})

    assert Manifest.from_dict(json.loads(json.dumps(manifest.to_dict()))) == manifest


def test_a_manifest_with_an_unknown_or_missing_key_is_refused(manifest_of):
    plain = manifest_of().to_dict()

    with pytest.raises(TypeError, match="not in a manifest: colour"):
        Manifest.from_dict(plain | {"colour": "red"})
    del plain["bytes"]
    with pytest.raises(TypeError, match="bytes"):
        Manifest.from_dict(plain)


@pytest.mark.parametrize("metadata", [{"general.architecture": "clip"}, {"general.name": "nameless"}])
def test_a_projector_or_an_adapter_is_no_language_model(header_of, metadata):
    header = header_of({"v.blk.0.attn_q.weight": ((256, 256), "F16")}, metadata)

    with pytest.raises(ModelProblem, match="no token embedding"):
        describe(header, sha256="", provenance=FROM_A_TEST)


def test_a_flat_embedding_is_none(header_of):
    header = header_of({"token_embd.weight": ((256,), "F16")})

    with pytest.raises(ModelProblem, match="not a language model"):
        describe(header, sha256="", provenance=FROM_A_TEST)
