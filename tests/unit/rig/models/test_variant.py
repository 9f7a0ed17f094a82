from __future__ import annotations

from collections import Counter

import pytest

from pytest_rawrxd.rig.models.recipes import RECIPES, more_bits_layers
from pytest_rawrxd.rig.models.variant import identify

EIGHT_B = {"layers": 32, "width": 4096, "kv_width": 1024, "feed_forward": 14336, "vocabulary": 128256}
THIRTEEN_B = {"layers": 40, "width": 5120, "kv_width": 5120, "feed_forward": 13824, "vocabulary": 32000}


def published(recipe: str, layers: int, *, grouped: bool):
    """What llama.cpp's quantiser gives to each matrix of a llama model with untied embeddings."""
    more = more_bits_layers(layers)
    eighth = layers // 8
    base = "Q2_K" if recipe.startswith("Hybrid") else recipe[:4]

    def kind_of(name: str, layer: int) -> str:
        kind = base
        match recipe, name:
            case "Q8_0", _:
                pass
            case _, "output":
                kind = "Q6_K"
            case "Q2_K", "attn_v":
                kind = "Q4_K" if grouped else "Q3_K"
            case ("Q2_K", "attn_output" | "ffn_down") | ("Hybrid", "ffn_down"):
                kind = "Q3_K"
            case ("Q2_K_S", "attn_v") if grouped:
                kind = "Q4_K"
            case ("Q2_K_S", "ffn_down") if layer < eighth:
                kind = "Q4_K"
            case ("Q4_K_S", "attn_v" | "ffn_down") if layer < (4 if name == "attn_v" else eighth):
                kind = "Q5_K"
            case ("Q4_K_M" | "Q5_K_M", "attn_v" | "ffn_down") | ("Hybrid" | "Hybrid pure", "attn_v") if layer in more:
                kind = "Q6_K"
            case ("Hybrid" | "Hybrid pure", _) if name.startswith("attn"):
                kind = "Q5_K"
        return kind

    return kind_of


# The tensor counts that llama.cpp prints when it loads the published files of Llama 3 8B.
LLAMA_3_8B = {
    "Q2_K": {"Q2_K": 129, "F32": 65, "Q3_K": 64, "Q4_K": 32, "Q6_K": 1},
    "Q4_K_S": {"Q4_K": 217, "F32": 65, "Q5_K": 8, "Q6_K": 1},
    "Q4_K_M": {"Q4_K": 193, "F32": 65, "Q6_K": 33},
    "Q5_K_M": {"Q5_K": 193, "F32": 65, "Q6_K": 33},
    "Q6_K": {"Q6_K": 226, "F32": 65},
    "Q8_0": {"Q8_0": 226, "F32": 65},
}


@pytest.mark.parametrize("recipe", LLAMA_3_8B)
def test_the_published_files_of_an_8b_model_are_identified(header_of, llama, recipe):
    header = header_of(llama(published(recipe, 32, grouped=True), **EIGHT_B))

    assert Counter(tensor.type for tensor in header.tensors) == LLAMA_3_8B[recipe]
    assert identify(header).recipe == recipe


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize(
    ("recipe", "variant"),
    [
        ("Q2_K", "Q2_K"),
        ("Q2_K_S", "Q2_K"),
        ("Q4_K_S", "Q4_K"),
        ("Q4_K_M", "Q4_K"),
        ("Q5_K_S", "Q5_K_S"),
        ("Q5_K_M", "Q5_K_M"),
        ("Q6_K", "Q6_K"),
        ("Q8_0", "Q8_0"),
        ("Hybrid", "Hybrid"),
        ("Hybrid pure", "Hybrid"),
    ],
)
def test_each_recipe_of_a_13b_model_is_told_from_its_siblings(header_of, llama, recipe, variant, grouped):
    identity = identify(header_of(llama(published(recipe, 40, grouped=grouped), **THIRTEEN_B)))

    assert (identity.variant, identity.recipe, identity.fallback_tensors) == (variant, recipe, 0)


@pytest.mark.parametrize("layers", [1, 2, 3, 7, 8, 9])
@pytest.mark.parametrize("recipe", ["Q2_K", "Q4_K_S", "Q4_K_M", "Q5_K_M", "Hybrid", "Hybrid pure"])
def test_small_models_are_identified_too(header_of, llama, recipe, layers):
    assert identify(header_of(llama(published(recipe, layers, grouped=False), layers=layers))).recipe == recipe


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16"])
def test_unquantised_files_are_identified(header_of, llama, kind):
    assert identify(header_of(llama(lambda *_: kind))).variant == kind


@pytest.mark.parametrize(
    ("kind", "recipe"), [("Q2_K", "Q2_K pure"), ("Q4_K", "Q4_K pure"), ("Q5_K", "Q5_K_S"), ("Q6_K", "Q6_K")]
)
def test_a_pure_file_says_so_and_names_its_unusual_head(header_of, llama, kind, recipe):
    found = identify(header_of(llama(lambda *_: kind))).recipe

    assert found == recipe + ("" if kind == "Q6_K" else f", output head {kind}")


def test_a_publishers_larger_embedding_is_the_same_variant_and_is_printed(header_of, llama):
    base = published("Q4_K_M", 8, grouped=True)
    header = header_of(llama(lambda name, layer: "Q8_0" if layer < 0 else base(name, layer), layers=8))

    assert identify(header).variant == "Q4_K"
    assert identify(header).recipe == "Q4_K_M, embedding Q8_0, output head Q8_0"


def test_a_tied_embedding_is_expected_to_look_like_an_output_head(header_of, llama):
    base = published("Q4_K_M", 8, grouped=True)
    header = header_of(llama(lambda name, layer: "Q6_K" if layer < 0 else base(name, layer), layers=8, tied=True))

    assert identify(header).recipe == "Q4_K_M"


@pytest.mark.parametrize("name", ["attn_q", "attn_k", "attn_output", "ffn_gate", "ffn_up", "ffn_down"])
def test_one_matrix_of_another_type_makes_a_hybrid_unknown(header_of, llama, name):
    base = published("Hybrid", 8, grouped=True)
    header = header_of(llama(lambda each, layer: "Q4_K" if (each, layer) == (name, 3) else base(each, layer), layers=8))

    assert identify(header).variant.startswith("unknown (Q")


def test_neither_the_name_nor_the_file_type_is_believed(header_of, llama):
    metadata = {"general.architecture": "llama", "general.file_type": 10, "general.name": "Model Q2_K"}
    header = header_of(llama(published("Hybrid", 8, grouped=True), layers=8), metadata)

    assert identify(header).variant == "Hybrid"


def test_rows_that_do_not_divide_fall_back_and_are_counted(header_of, llama):
    # 576 wide, 1536 feed-forward: only ffn_down has whole blocks, as in SmolLM2-135M before padding.
    fallback = {"Q4_K": "Q5_0", "Q6_K": "Q8_0"}
    base = published("Q4_K_M", 8, grouped=False)

    def kind_of(name: str, layer: int) -> str:
        return base(name, layer) if name == "ffn_down" else fallback[base(name, layer)]

    identity = identify(header_of(llama(kind_of, layers=8, width=576, kv_width=192, feed_forward=1536)))

    assert identity.variant == "Q4_K"
    assert identity.fallback_tensors == 8 * 6 + 2


def test_a_file_in_which_every_row_fell_back_is_unknown(header_of, llama):
    identity = identify(header_of(llama(lambda *_: "Q5_0", width=288, kv_width=96, feed_forward=288)))

    assert identity.variant == "unknown (Q5_0 99.3%, F32 0.7%)"


def test_eight_experts_get_more_bits_in_attention(header_of, llama):
    base = published("Q4_K_M", 8, grouped=True)
    kinds = {"attn_k": "Q8_0", "attn_v": "Q8_0", "attn_output": "Q5_K"}
    tensors = llama(lambda name, layer: kinds.get(name, base(name, layer)), layers=8)
    tensors["blk.0.ffn_gate_inp.weight"] = ((256, 8), "F32")

    eight = {"general.architecture": "llama", "llama.expert_count": 8}
    assert identify(header_of(tensors, eight)).recipe == "Q4_K_M"
    assert identify(header_of(tensors)).variant.startswith("unknown")


def test_no_matrix_between_embedding_and_head_is_unknown(header_of):
    assert identify(header_of({"token_embd.weight": ((256, 8), "Q4_K")})).variant == "unknown (Q4_K 100.0%)"
    assert identify(header_of({})).variant == "unknown (no tensors)"


def test_more_bits_go_to_the_ends_and_each_third_layer_between():
    assert more_bits_layers(0) == ()
    assert more_bits_layers(8) == (0, 3, 6, 7)
    assert more_bits_layers(16) == (0, 1, 4, 7, 10, 13, 14, 15)


def test_recipe_names_are_unique():
    assert len({recipe.name for recipe in RECIPES}) == len(RECIPES)
