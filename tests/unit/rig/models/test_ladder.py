from __future__ import annotations

import pytest

from pytest_rawrxd.errors import ModelProblem
from pytest_rawrxd.rig.models import ladder
from pytest_rawrxd.rig.models.gguf_header import read_header
from pytest_rawrxd.rig.models.ladder import ModelsSpec, prepare_models

SIZES = {"general.architecture": "llama", "llama.block_count": 8, "llama.embedding_length": 256}


@pytest.fixture
def said():
    return []


@pytest.fixture
def put(gguf_file, llama):
    def write(name: str, kind: str):
        return gguf_file(f"models/{name}", llama(lambda *_: kind, layers=8), SIZES)

    return write


@pytest.fixture
def made(monkeypatch, gguf_file, llama):
    """Stands in for the quantiser: writes the wanted variant's types and remembers from which file."""
    sources: list[str] = []

    def hybrid(name: str, layer: int) -> str:
        return "Q6_K" if layer < 0 else "Q5_K" if name.startswith("attn") else "Q2_K"

    def make(source, digest, variant, cache):
        sources.append(source.path.name)

        def write(target):
            kind_of = hybrid if variant == "Hybrid" else lambda *_: variant
            target.write_bytes(gguf_file("made.gguf", llama(kind_of, layers=8), SIZES).read_bytes())
            return {}

        return cache.build(f"made-{variant}.gguf", {"source": digest}, need_bytes=0, make=write)

    monkeypatch.setattr(ladder, "quantised", make)
    return sources


def test_a_folder_gives_what_it_holds_and_says_what_is_missing(put, cache, tmp_path, said):
    put("m-Q2_K.gguf", "Q2_K")

    found = prepare_models(ModelsSpec(tmp_path / "models"), cache=cache, progress=said.append)

    assert list(found.models) == ["Q2_K"]
    assert list(found.missing) == ["Q4_K", "Q5_K_M", "Q6_K", "Q8_0", "Hybrid"]
    assert found.missing["Q4_K"] == f"no file of this variant in {tmp_path / 'models'}"
    assert found.missing["Hybrid"].endswith("none more precise than Q2_K to make it from")
    assert found.reference is None
    assert said == [f"{tmp_path / 'models'}: identifying GGUF files by their tensors"]


@pytest.mark.parametrize(
    ("files", "source"),
    [
        ({"F16", "Q8_0", "Q4_K"}, "F16"),
        ({"Q8_0", "Q6_K", "Q2_K"}, "Q8_0"),
        ({"Q6_K", "Q4_K"}, "Q6_K"),
        ({"Q4_K", "Q2_K"}, "Q4_K"),
    ],
)
def test_a_missing_hybrid_is_made_from_the_most_precise_file(put, made, cache, tmp_path, said, files, source):
    for kind in files:
        put(f"m-{kind}.gguf", kind)

    found = prepare_models(ModelsSpec(tmp_path / "models"), cache=cache, progress=said.append)

    assert made == [f"m-{source}.gguf"]
    assert found.reference is not None
    assert found.reference.manifest.variant == source
    provenance = found.models["Hybrid"].manifest.provenance
    assert provenance.made_from == f"m-{source}.gguf"
    assert provenance.made_from_sha256 == found.reference.manifest.sha256
    assert provenance.source.endswith(f"Hybrid made from {source} by llama.cpp's quantiser")
    assert list(found.models)[-1] == "Hybrid"
    assert "Hybrid" not in found.missing
    assert said[-1] == f"Hybrid: quantising m-{source}.gguf"


def test_a_hybrid_that_is_there_or_not_wanted_is_not_made(put, made, gguf_file, llama, cache, tmp_path, said):
    put("m-F16.gguf", "F16")
    prepare_models(ModelsSpec(tmp_path / "models", ("Q2_K",)), cache=cache, progress=said.append)
    kinds = {"token_embd": "Q2_K", "output": "Q6_K"}
    gguf_file(
        "models/m-hybrid.gguf",
        llama(lambda name, _: kinds.get(name, "Q5_K" if name.startswith("attn") else "Q2_K"), layers=8),
        SIZES,
    )
    found = prepare_models(ModelsSpec(tmp_path / "models", ("Hybrid",)), cache=cache, progress=said.append)

    assert made == []
    assert found.models["Hybrid"].path.name == "m-hybrid.gguf"


def test_the_synthetic_ladder_is_made_from_one_f16_file(made, cache, said):
    spec = ModelsSpec("synthetic:tiny", ("Q8_0", "Q6_K"))

    found = prepare_models(spec, cache=cache, progress=said.append)

    assert list(found.models) == ["Q8_0", "Q6_K"]
    assert found.missing == {}
    assert found.reference is not None
    assert found.reference.manifest.variant == "F16"
    assert not found.models["Q6_K"].manifest.provenance.quality_judgeable
    assert said == [
        "synthetic model tiny: writing F16",
        "Q8_0: quantising synthetic-tiny-F16.gguf",
        "Q6_K: quantising synthetic-tiny-F16.gguf",
    ]


def test_a_cached_model_that_was_changed_is_refused(made, cache, said):
    spec = ModelsSpec("synthetic:tiny", ())
    reference = prepare_models(spec, cache=cache, progress=said.append).reference
    assert reference is not None
    raw = bytearray(reference.path.read_bytes())
    raw[-1] ^= 0xFF
    reference.path.write_bytes(raw)

    with pytest.raises(ModelProblem, match="not what was built") as caught:
        prepare_models(spec, cache=cache, progress=said.append)

    assert "delete its folder" in (caught.value.possible or "")


def test_an_unknown_shape_is_refused_with_the_known_ones(cache, said):
    with pytest.raises(ModelProblem, match="no such synthetic model") as caught:
        prepare_models(ModelsSpec("synthetic:huge"), cache=cache, progress=said.append)

    assert caught.value.found == "huge"
    assert "768x8" in (caught.value.possible or "")


def test_an_unknown_variant_is_refused_with_the_known_ones(cache, said):
    with pytest.raises(ModelProblem, match="no such variant: Q3_K") as caught:
        prepare_models(ModelsSpec("synthetic:tiny", ("Q3_K", "Q6_K")), cache=cache, progress=said.append)

    assert caught.value.possible == "Q2_K, Q4_K, Q5_K_M, Q6_K, Q8_0, Hybrid"


def test_the_header_of_a_prepared_model_is_the_one_that_was_described(made, cache, said):
    found = prepare_models(ModelsSpec("synthetic:tiny", ("Q6_K",)), cache=cache, progress=said.append)
    model = found.models["Q6_K"]

    assert model.manifest.bytes == read_header(model.path).file_bytes
