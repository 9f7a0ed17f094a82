"""What a score means on the real engine: nothing lost against itself, something lost by damage and by quantising."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from pytest_rawrxd.errors import EngineHung, RigTrouble
from pytest_rawrxd.places import package_data
from pytest_rawrxd.rig.engine.choose import EngineSetup, open_engine
from pytest_rawrxd.rig.engine.protocol import Engine, LoadOptions, Request
from pytest_rawrxd.rig.models.cache import default_cache
from pytest_rawrxd.rig.models.ladder import ModelsSpec, prepare_models
from pytest_rawrxd.rig.models.quality import chunks_of, summarise

OPTIONS = LoadOptions(n_ctx=128, prefill_chunk=32, n_threads=1, warm_up=False)
ENOUGH = 120.0
TEXT = (package_data("fixtures") / "texts" / "quality.txt").read_text("utf-8")


@contextmanager
def loaded(model: Path) -> Iterator[Engine]:
    with open_engine("llama-cpp-python", EngineSetup(os.environ)) as engine:
        engine.load(model, OPTIONS, deadline_s=ENOUGH)
        yield engine


@pytest.fixture(scope="module")
def tiny(tiny_model) -> Iterator[Engine]:
    with loaded(tiny_model) as engine:
        yield engine


@pytest.fixture(scope="module")
def chunks(tiny):
    return chunks_of(tiny.tokenize(TEXT), 64, most=3)


@pytest.fixture(scope="module")
def reference(tiny, chunks, tmp_path_factory):
    kept = tmp_path_factory.mktemp("kept") / "tiny.npy"
    tiny.score(chunks, keep=kept, deadline_s=ENOUGH)
    return kept


def test_a_model_has_lost_nothing_against_itself(tiny, chunks, reference):
    quality = summarise(tiny.score(chunks, against=reference, deadline_s=ENOUGH))

    assert quality.positions == 3 * 31
    assert (quality.divergence.value, quality.same_top_share.value) == (0, 1)


def test_a_damaged_copy_has_lost_something(tiny, damaged_model, chunks, reference):
    with loaded(damaged_model) as engine:
        quality = summarise(engine.score(chunks, against=reference, deadline_s=ENOUGH))

    assert quality.divergence.value > 0.1
    assert quality.same_top_share.value < 0.95


def test_scoring_is_the_same_twice_and_leaves_generation_as_it_was(tiny, chunks):
    request = Request(tiny.tokenize("Once upon a time"), 16)
    before = tiny.generate([request], deadline_s=ENOUGH)[0].token_ids.tolist()

    first, second = (tiny.score(chunks, deadline_s=ENOUGH).negative_log_likelihood for _ in range(2))

    assert first.tolist() == second.tolist()
    assert tiny.generate([request], deadline_s=ENOUGH)[0].token_ids.tolist() == before


def test_a_score_is_the_likelihood_of_the_logits_that_the_engine_shows(tiny, chunks, reference):
    """Against the definition, in float64, from the logits that were kept."""
    logits = np.load(reference, allow_pickle=False).astype(np.float64)
    following = chunks[:, 33:]
    rows = np.take_along_axis(logits, following[..., None], axis=2)[..., 0]
    expected = np.log(np.exp(logits).sum(axis=2)) - rows

    assert tiny.score(chunks, deadline_s=ENOUGH).negative_log_likelihood == pytest.approx(expected, abs=1e-5)


def test_a_reference_of_another_text_is_refused_and_the_engine_lives(tiny, chunks, reference):
    with pytest.raises(RigTrouble, match="another text"):
        tiny.score(chunks[:1], against=reference, deadline_s=ENOUGH)

    assert tiny.tokenize("alive")


def test_a_score_that_takes_too_long_is_stopped(tiny_model, chunks):
    with loaded(tiny_model) as engine, pytest.raises(EngineHung, match="late, not stuck"):
        engine.score(np.tile(chunks, (2000, 1)), deadline_s=0.2)


@pytest.fixture(scope="module")
def lost(tmp_path_factory):
    """What SmolLM2 from the user's cache has lost on one chunk: a truth about the ladder, not about this machine."""
    kept = tmp_path_factory.mktemp("kept") / "f16.npy"
    spec = ModelsSpec("smollm2", ("Q2_K", "Q8_0", "Hybrid"))
    ladder = prepare_models(spec, cache=default_cache(), progress=lambda _: None)
    with loaded(ladder.reference.path) as engine:
        chunks = chunks_of(engine.tokenize(TEXT), 256, most=1)
        engine.score(chunks, keep=kept, deadline_s=ENOUGH)
    found = {}
    for variant, model in ladder.models.items():
        with loaded(model.path) as engine:
            found[variant] = summarise(engine.score(chunks, against=kept, deadline_s=ENOUGH))
    return found


def test_quantising_loses_more_with_fewer_bits(lost):
    assert 0 <= lost["Q8_0"].divergence.value < 0.01 < lost["Q2_K"].divergence.value
    assert lost["Q2_K"].same_top_share.value < 0.8 < lost["Q8_0"].same_top_share.value


def test_the_hybrid_has_lost_less_than_plain_q2_k(lost):
    """With all of its feed-forward at Q2_K it has lost more: docs/decisions/0004."""
    assert lost["Hybrid"].divergence.value < 0.8 * lost["Q2_K"].divergence.value
    assert lost["Hybrid"].same_top_share.value > lost["Q2_K"].same_top_share.value
