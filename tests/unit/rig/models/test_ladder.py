from __future__ import annotations

import pytest

from pytest_rawrxd.errors import ModelProblem, QuantiserFailed
from pytest_rawrxd.rig.models import ladder
from pytest_rawrxd.rig.models.gguf_header import read_header
from pytest_rawrxd.rig.models.ladder import ModelsSpec, prepare_models
from pytest_rawrxd.rig.models.recipes import LADDER

SIZES = {"general.architecture": "llama", "llama.block_count": 8, "llama.embedding_length": 256}


@pytest.fixture
def said():
    return []


@pytest.fixture
def prepare(cache, tmp_path, said):
    """Prepares from the folder, or from another source, and keeps what progress was told."""

    def run(*variants: str, source: object = None):
        spec = ModelsSpec(source or tmp_path / "models", variants or LADDER)
        return prepare_models(spec, cache=cache, progress=said.append)

    return run


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

    def make(source, digest, variant, cache, progress):
        sources.append(source.path.name)

        def write(target):
            kind_of = hybrid if variant == "Hybrid" else lambda *_: variant
            target.write_bytes(gguf_file("made.gguf", llama(kind_of, layers=8), SIZES).read_bytes())

        return cache.build(f"made-{variant}.gguf", {"source": digest}, need_bytes=0, make=write)

    monkeypatch.setattr(ladder, "quantised", make)
    return sources


def test_a_folder_gives_what_it_holds_and_says_what_is_missing(put, prepare):
    put("m-Q2_K.gguf", "Q2_K")

    found = prepare()

    assert list(found.models) == ["Q2_K"]
    assert list(found.missing) == ["Q4_K", "Q5_K_M", "Q6_K", "Q8_0", "Hybrid"]
    assert found.missing["Q4_K"] == "no file of this variant in models"
    assert found.missing["Hybrid"].endswith("none more precise than Q2_K to make it from")
    assert found.reference is None


@pytest.mark.parametrize(
    ("files", "source"),
    [
        (["F16", "Q8_0", "Q4_K"], "F16"),
        (["Q8_0", "Q6_K", "Q2_K"], "Q8_0"),
        (["Q6_K", "Q4_K"], "Q6_K"),
        (["Q4_K", "Q2_K"], "Q4_K"),
    ],
)
def test_a_missing_hybrid_is_made_from_the_most_precise_file(put, made, prepare, files, source):
    for kind in files:
        put(f"m-{kind}.gguf", kind)

    found = prepare()

    assert made == [f"m-{source}.gguf"]
    assert found.reference is not None
    assert found.reference.manifest.variant == source
    provenance = found.models["Hybrid"].manifest.provenance
    assert provenance.made_from == f"m-{source}.gguf"
    assert provenance.made_from_sha256 == found.reference.manifest.sha256
    assert provenance.source.endswith(f"Hybrid made from {source} by llama.cpp's quantiser")
    assert list(found.models)[-1] == "Hybrid"
    assert "Hybrid" not in found.missing


def test_a_hybrid_that_cannot_be_made_is_missing_with_the_reason(put, prepare, monkeypatch):
    def fail(*_):
        raise QuantiserFailed("the quantiser could not make Hybrid", found="exit code 1: unsupported architecture")

    put("m-Q6_K.gguf", "Q6_K")
    monkeypatch.setattr(ladder, "quantised", fail)

    found = prepare()

    assert list(found.models) == ["Q6_K"]
    assert found.missing["Hybrid"] == (
        "no file of this variant in models; the quantiser could not make Hybrid from m-Q6_K.gguf: "
        "exit code 1: unsupported architecture"
    )


def test_a_hybrid_that_is_there_or_not_wanted_is_not_made(put, made, prepare, gguf_file, llama):
    put("m-F16.gguf", "F16")
    prepare("Q2_K")
    kinds = {"token_embd": "Q2_K", "output": "Q6_K"}
    gguf_file(
        "models/m-hybrid.gguf",
        llama(lambda name, _: kinds.get(name, "Q5_K" if name.startswith("attn") else "Q2_K"), layers=8),
        SIZES,
    )
    found = prepare("Hybrid")

    assert made == []
    assert found.models["Hybrid"].path.name == "m-hybrid.gguf"


def test_the_synthetic_ladder_is_made_from_one_f16_file(made, prepare, said):
    found = prepare("Q8_0", "Q6_K", source="synthetic:tiny")

    assert list(found.models) == ["Q8_0", "Q6_K"]
    assert found.missing == {}
    assert found.reference is not None
    assert found.reference.manifest.variant == "F16"
    assert not found.models["Q6_K"].manifest.provenance.quality_judgeable
    assert said == ["synthetic model tiny: writing F16"]


def test_a_cached_model_that_was_changed_is_refused(made, prepare):
    reference = prepare("Q6_K", source="synthetic:tiny").reference
    assert reference is not None
    raw = bytearray(reference.path.read_bytes())
    raw[-1] ^= 0xFF
    reference.path.write_bytes(raw)

    with pytest.raises(ModelProblem, match="not what was built") as caught:
        prepare("Q6_K", source="synthetic:tiny")

    assert "delete its folder" in (caught.value.possible or "")


def test_an_unknown_shape_is_refused_with_the_known_ones(prepare):
    with pytest.raises(ModelProblem, match="no such synthetic model") as caught:
        prepare(source="synthetic:huge")

    assert caught.value.found == "huge"
    assert "768x8" in (caught.value.possible or "")


def test_an_unknown_variant_is_refused_with_the_known_ones(prepare):
    with pytest.raises(ModelProblem, match="no such variant: Q3_K") as caught:
        prepare("Q3_K", "Q6_K", source="synthetic:tiny")

    assert caught.value.possible == "Q2_K, Q4_K, Q5_K_M, Q6_K, Q8_0, Hybrid"


def test_the_header_of_a_prepared_model_is_the_one_that_was_described(made, prepare):
    found = prepare("Q6_K", source="synthetic:tiny")
    model = found.models["Q6_K"]

    assert model.manifest.bytes == read_header(model.path).file_bytes
