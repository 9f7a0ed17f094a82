from __future__ import annotations

import pytest

from pytest_rawrxd.errors import ModelProblem
from pytest_rawrxd.rig.models.folder import claimed_by, find_models

SIZES = {
    "general.architecture": "llama",
    "general.license": "mit",
    "llama.block_count": 2,
    "llama.embedding_length": 256,
    "llama.attention.head_count": 4,
}


@pytest.fixture
def put(gguf_file, llama):
    """Puts a model of one type into the folder."""

    def write(name: str, kind: str, **changed: object):
        return gguf_file(f"models/{name}", llama(lambda *_: kind), SIZES | changed)

    return write


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def test_each_file_is_the_variant_of_its_tensors(put, folder, cache):
    put("BigDaddyG-Q6_K.gguf", "Q6_K")
    put("BigDaddyG-Q8_0.GGUF", "Q8_0")
    put("model.gguf", "F16")
    put("._model.gguf", "F32")
    (folder / "README.txt").write_text("notes")

    found = find_models(folder, cache)

    assert {variant: model.path.name for variant, model in found.models.items()} == {
        "Q6_K": "BigDaddyG-Q6_K.gguf",
        "Q8_0": "BigDaddyG-Q8_0.GGUF",
        "F16": "model.gguf",
    }
    assert found.missing == ("Q2_K", "Q4_K", "Q5_K_M", "Hybrid")
    manifest = found.models["Q6_K"].manifest
    assert len(manifest.sha256) == 64
    assert manifest.provenance.license == "mit"
    assert manifest.provenance.source == f"folder {folder}"


def test_a_mixture_that_no_recipe_makes_is_set_aside(put, folder, cache):
    put("BigDaddyG-Q4_0.gguf", "Q4_0")

    found = find_models(folder, cache)

    assert found.models == {}
    assert [model.path.name for model in found.others] == ["BigDaddyG-Q4_0.gguf"]


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [
        ("BigDaddyG-Q4_K.gguf", "Q6_K", "the name says Q4_K, the tensors say Q6_K (recipe Q6_K)"),
        ("BigDaddyG-Q4_K.gguf", "Q4_0", "the name says Q4_K, the tensors say unknown (Q4_0"),
        ("big-hybrid.gguf", "Q2_K", "the name says Hybrid, the tensors say Q2_K (recipe Q2_K pure"),
        ("m.IQ4_XS.gguf", "Q8_0", "the name says IQ4_XS, the tensors say Q8_0"),
        ("m_q5_k.gguf", "Q6_K", "the name says Q5_K_M or Q5_K_S, the tensors say Q6_K"),
    ],
)
def test_a_name_and_tensors_that_disagree_are_an_error(put, folder, cache, name, kind, says):
    put(name, kind)

    with pytest.raises(ModelProblem, match="name and its tensors disagree") as caught:
        find_models(folder, cache)

    assert says in (caught.value.found or "")
    assert name in (caught.value.where or "")


@pytest.mark.parametrize(
    ("stem", "claimed"),
    [
        ("BigDaddyG-Q4_K", {"Q4_K"}),
        ("BigDaddyG-Q4_K_M", {"Q4_K"}),
        ("llama.q2_k_s", {"Q2_K"}),
        ("BigDaddyG-Q5_K_M", {"Q5_K_M"}),
        ("BigDaddyG-Q5_K_S", {"Q5_K_S"}),
        ("BigDaddyG-Q8_0", {"Q8_0"}),
        ("BigDaddyG-Hybrid-Q2_K-Q5_K", {"Hybrid"}),
        ("model-fp16", {"F16"}),
        ("model-IQ3_XXS", {"IQ3_XXS"}),
        ("Q6_K-requantised-from-Q8_0", {"Q6_K", "Q8_0"}),
        ("SEQ2_KIND", set()),
        ("BigDaddyG", set()),
    ],
)
def test_a_name_claims_the_types_that_stand_in_it(stem, claimed):
    assert claimed_by(stem) == claimed


def test_two_files_for_one_variant_are_both_named(put, folder, cache):
    put("a.gguf", "Q6_K")
    put("b.gguf", "Q6_K")

    with pytest.raises(ModelProblem, match="two files for the variant Q6_K") as caught:
        find_models(folder, cache)

    assert caught.value.found == "a.gguf and b.gguf"


def test_variants_of_different_models_are_an_error(put, folder, cache):
    put("a-Q6_K.gguf", "Q6_K")
    put("b-Q8_0.gguf", "Q8_0", **{"llama.block_count": 3})

    with pytest.raises(ModelProblem, match="different models") as caught:
        find_models(folder, cache)

    assert "b-Q8_0.gguf: llama, 3 layers, 256 wide, 512 tokens" in (caught.value.found or "")


@pytest.mark.parametrize(
    ("name", "metadata", "found"),
    [("m.gguf", {"split.count": 3}, "one of 3 parts"), ("m-00001-of-00003.gguf", {}, "a part by its name")],
)
def test_a_split_model_is_refused_with_the_way_to_merge_it(put, folder, cache, name, metadata, found):
    put(name, "Q6_K", **metadata)

    with pytest.raises(ModelProblem, match="split into several files") as caught:
        find_models(folder, cache)

    assert caught.value.found == found
    assert "llama-gguf-split --merge" in (caught.value.possible or "")


def test_one_part_of_one_is_whole(put, folder, cache):
    put("m.gguf", "Q6_K", **{"split.count": 1})

    assert "Q6_K" in find_models(folder, cache).models


def test_a_missing_folder_is_named(tmp_path, cache):
    with pytest.raises(ModelProblem, match="models folder cannot be read") as caught:
        find_models(tmp_path / "absent", cache)

    assert "absent" in (caught.value.where or "")


def test_a_file_in_place_of_the_folder_is_named(tmp_path, cache):
    (tmp_path / "file").write_text("")

    with pytest.raises(ModelProblem, match="models folder cannot be read"):
        find_models(tmp_path / "file", cache)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], "no files"),
        (["a.bin"], "1 other files: a.bin"),
        (["a", "b", "c", "d"], "4 other files: a, b, c, ..."),
    ],
)
def test_a_folder_without_gguf_files_says_what_it_holds(folder, cache, names, found):
    for name in names:
        (folder / name).write_text("")

    with pytest.raises(ModelProblem, match="has no GGUF files") as caught:
        find_models(folder, cache)

    assert caught.value.found == found


def test_a_foreign_file_with_a_gguf_name_is_an_error(put, folder, cache):
    put("a-Q6_K.gguf", "Q6_K")
    (folder / "b.gguf").write_bytes(b"PK\x03\x04")

    with pytest.raises(ModelProblem, match="not a GGUF file") as caught:
        find_models(folder, cache)

    assert "b.gguf" in (caught.value.where or "")
