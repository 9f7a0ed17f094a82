"""What a variant has lost follows from the scores of its positions, or the evidence is no evidence."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.verdict.quality import quality_of


@pytest.fixture
def arrays():
    return {
        "chunks": np.zeros((2, 8), np.int32),
        "negative_log_likelihood": np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]),
        "divergence": np.full((2, 3), 0.5),
        "same_top": np.array([[True, True, False], [True, True, True]]),
    }


def test_figures_are_pooled_over_all_positions(arrays):
    found = quality_of(arrays, where="q1")

    assert found.positions == 6
    assert found.perplexity.value == pytest.approx(np.exp(2))
    assert (found.divergence.value, found.same_top_share.value) == (0.5, pytest.approx(5 / 6))


def test_without_a_reference_there_is_perplexity_alone(arrays):
    found = quality_of({name: arrays[name] for name in ("chunks", "negative_log_likelihood")}, where="q1")

    assert (found.divergence, found.same_top_share) == (None, None)


@pytest.mark.parametrize("name", ["chunks", "negative_log_likelihood"])
def test_an_array_that_is_missing_is_named(arrays, name):
    del arrays[name]

    with pytest.raises(EvidenceProblem, match=name):
        quality_of(arrays, where="q1")


@pytest.mark.parametrize("name", ["negative_log_likelihood", "divergence", "same_top"])
def test_scores_that_do_not_cover_the_text_are_refused(arrays, name):
    arrays[name] = arrays[name][:, 1:]

    with pytest.raises(EvidenceProblem, match="do not cover"):
        quality_of(arrays, where="q1")


@pytest.mark.parametrize("name", ["divergence", "same_top"])
def test_half_a_comparison_is_refused(arrays, name):
    del arrays[name]

    with pytest.raises(EvidenceProblem, match="do not cover"):
        quality_of(arrays, where="q1")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_score_that_is_no_number_is_refused(arrays, value):
    arrays["divergence"][1, 2] = value

    with pytest.raises(EvidenceProblem, match="no sample"):
        quality_of(arrays, where="q1")


def test_a_text_without_chunks_is_refused(arrays):
    empty = {name: array[:0] for name, array in arrays.items()}

    with pytest.raises(EvidenceProblem, match="no sample"):
        quality_of(empty, where="q1")


def test_chunks_that_are_no_table_are_refused(arrays):
    arrays["chunks"] = arrays["chunks"].ravel()

    with pytest.raises(EvidenceProblem, match="do not cover"):
        quality_of(arrays, where="q1")
