from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_rawrxd.rig.models.quality import Scores, chunks_of, score, scored_positions, summarise


@pytest.fixture
def numbers():
    return np.random.default_rng(3)


def test_the_text_is_cut_into_whole_chunks():
    assert chunks_of(range(11), 4).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert chunks_of(range(3), 4).shape == (0, 4)


@pytest.mark.parametrize(("most", "count"), [(1, 1), (2, 2), (3, 2)])
def test_no_more_chunks_are_taken_than_wanted_and_no_more_than_there_are(most, count):
    assert len(chunks_of(range(11), 4, most=most)) == count


@pytest.mark.parametrize(("n_ctx", "first", "count"), [(256, 128, 127), (512, 256, 255), (4, 2, 1)])
def test_the_second_half_but_its_last_position_is_scored(n_ctx, first, count):
    assert scored_positions(n_ctx)[0] == first
    assert len(scored_positions(n_ctx)) == count


def test_a_model_that_knows_nothing_has_the_vocabulary_as_perplexity():
    quality = summarise(score(np.arange(3, dtype=np.int32), np.zeros((3, 50))))

    assert quality.perplexity.value == pytest.approx(50)
    assert quality.perplexity.standard_error == pytest.approx(0, abs=1e-9)
    assert quality.divergence is None
    assert quality.same_top_share is None


def test_a_model_is_scored_by_the_token_that_really_follows():
    logits = np.full((2, 4), -50.0)
    logits[0, 1] = logits[1, 2] = 0

    assert score(np.array([1, 2], np.int32), logits).negative_log_likelihood == pytest.approx([0, 0], abs=1e-12)


def test_a_model_is_no_distance_from_itself(numbers):
    logits = numbers.normal(size=(3, 20))
    following = numbers.integers(0, 20, 3).astype(np.int32)

    quality = summarise(score(following, logits, logits + 7))

    assert quality.divergence is not None
    assert quality.divergence.value == pytest.approx(0, abs=1e-12)
    assert quality.same_top_share is not None
    assert quality.same_top_share.value == 1


def test_divergence_goes_from_the_reference_to_the_model():
    reference, model = np.log([[0.75, 0.25]]), np.log([[0.5, 0.5]])

    scores = score(np.zeros(1, np.int32), model, reference)

    assert scores.divergence == pytest.approx([0.75 * math.log(1.5) + 0.25 * math.log(0.5)])


def test_divergence_is_never_negative(numbers):
    for _ in range(20):
        scores = score(np.zeros(3, np.int32), numbers.normal(size=(3, 30)), numbers.normal(size=(3, 30)))
        assert scores.divergence is not None
        assert (scores.divergence >= 0).all()


def test_f32_logits_of_a_real_vocabulary_give_the_divergence_of_float64(numbers):
    reference = numbers.normal(scale=3, size=(8, 49_152)).astype(np.float32)
    model = reference + numbers.normal(scale=0.1, size=reference.shape).astype(np.float32)
    following = np.zeros(8, np.int32)

    coarse, fine = score(following, model, reference), score(following, model.astype(float), reference.astype(float))

    assert coarse.divergence == pytest.approx(fine.divergence, abs=1e-7)
    assert coarse.negative_log_likelihood == pytest.approx(fine.negative_log_likelihood, abs=1e-5)


def test_chunks_are_pooled_and_errors_shrink_with_their_number():
    rows = np.array([[1.0, 3.0]]), np.array([[0.0, 0.2]]), np.array([[True, False]])

    one, four = summarise(Scores(*rows)), summarise(Scores(*(np.repeat(row, 4, axis=0) for row in rows)))

    assert one.positions == 2
    assert one.perplexity.value == pytest.approx(math.exp(2)) == four.perplexity.value
    assert one.perplexity.standard_error == pytest.approx(math.exp(2) * 1.0)
    assert four.perplexity.standard_error < one.perplexity.standard_error / 2
    assert one.divergence is not None
    assert one.same_top_share is not None
    assert (one.divergence.value, one.same_top_share.value) == (pytest.approx(0.1), 0.5)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_large_logits_neither_overflow_nor_vanish(dtype):
    logits = np.array([[30000.0, -30000.0]], dtype)

    assert score(np.array([0], np.int32), logits).negative_log_likelihood == pytest.approx([0])


def test_logits_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"\(2, 5\) for 3 scored positions"):
        score(np.zeros(3, np.int32), np.zeros((2, 5)))
    with pytest.raises(ValueError, match=r"\(3, 5\) and \(3, 6\)"):
        score(np.zeros(3, np.int32), np.zeros((3, 5)), np.zeros((3, 6)))


@pytest.mark.parametrize("shape", [(0, 127), (1, 1)])
def test_too_short_a_text_has_no_quality(shape):
    with pytest.raises(ValueError, match="scored positions"):
        summarise(Scores(np.ones(shape)))
