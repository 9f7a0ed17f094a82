"""A random ladder is accepted for what it is, and says that its quality means nothing."""

import shutil
from types import SimpleNamespace

import pytest

from pytest_rawrxd.errors import ModelProblem
from pytest_rawrxd.rig.models.folder import find_models
from pytest_rawrxd.rig.models.gguf_header import tensor_bytes
from pytest_rawrxd.rig.models.random_ladder import assigned_types, write_random, write_random_ladder
from pytest_rawrxd.rig.models.recipes import LADDER, MADE_BY
from pytest_rawrxd.rig.models.synthetic import SHAPES

TINY = SHAPES["tiny"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ladder")


@pytest.fixture
def write(folder, cache):
    """Writes the tiny ladder and returns what was said."""

    def run(shape=TINY, variants=LADDER) -> list[str]:
        said: list[str] = []
        write_random_ladder(folder, shape, variants, cache=cache, progress=said.append, workers=2)
        return said

    return run


def test_every_variant_is_identified_by_its_tensors(folder, write, cache):
    write()

    found = find_models(folder, cache, lambda _: None)

    assert {variant: model.manifest.recipe for variant, model in found.models.items()} == MADE_BY
    assert found.others == {}


def test_each_file_says_where_it_comes_from_and_that_its_quality_means_nothing(folder, write, cache):
    write()

    for model in find_models(folder, cache, lambda _: None).models.values():
        provenance = model.manifest.provenance
        assert provenance.source.startswith("synthetic: random blocks of shape tiny, seed ")
        assert not provenance.quality_judgeable
        assert provenance.license == "CC0-1.0"


def test_the_same_shape_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_random(tmp_path / name, TINY, "Hybrid")

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_file_that_is_there_is_kept(folder, write):
    write()
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}

    assert write() == []
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert set(before) == {f"synthetic-tiny-{recipe}.gguf" for recipe in MADE_BY.values()}


def test_a_file_of_another_origin_is_replaced(folder, write):
    write()
    shutil.copy(folder / "synthetic-tiny-Q2_K.gguf", folder / "synthetic-tiny-Q8_0.gguf")

    assert write() == ["synthetic-tiny-Q8_0.gguf: writing 1 MB"]


def test_a_disk_that_is_too_small_is_found_before_anything_is_written(tmp_path, cache, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 20))

    with pytest.raises(ModelProblem, match="not enough disk space") as problem:
        write_random_ladder(tmp_path, TINY, LADDER, cache=cache, progress=lambda _: None, workers=1)

    assert problem.value.found == "0.0 GB free, 0.1 GB needed"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("variant", "gigabytes"), [("Q2_K", 3.18), ("Q4_K", 4.92), ("Q5_K_M", 5.73), ("Q6_K", 6.60), ("Q8_0", 8.54)]
)
def test_the_8b_shape_has_the_size_of_llama_3_8b(variant, gigabytes):
    """Sizes of the published GGUF files of Meta-Llama-3-8B-Instruct."""
    size = sum(tensor_bytes(shape, kind) for _, shape, kind in assigned_types(SHAPES["8b"], variant))

    assert size / 1e9 == pytest.approx(gigabytes, rel=0.005)
