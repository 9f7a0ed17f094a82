"""The pages show quality from the scores of every position, or say why there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.report.documents import render_matrix
from pytest_rawrxd.report.exhibits import exhibits
from pytest_rawrxd.report.variant import variants


@pytest.fixture
def changed(view):
    """The sample view with the quality record of Q4_K replaced by ``record``, None for none."""

    def change(record=None):
        others = [each for each in view.records if (each.kind, each.data.get("variant")) != ("quality", "Q4_K")]
        return replace(view, records=(*others, *([record] if record else [])))

    return change


def of(view, name):
    return next(variant for variant in variants(view) if variant.name == name)


def test_figures_are_computed_from_the_scores(view):
    quality = of(view, "Q4_K").quality

    assert quality.positions == 1000
    assert quality.same_top_share.value == pytest.approx(0.92)
    assert quality.divergence.value == pytest.approx(0.08)
    assert quality.perplexity.value == pytest.approx(16.1 / 0.92)


def test_the_page_shows_each_figure_with_its_error_and_names_the_reference(view):
    page = render_matrix(view, [])

    assert "Against the highest precision present: F16." in page
    assert "92.0 ± 0.9 %" in page


def test_a_variant_without_a_score_says_why(changed, sample):
    view = changed(sample.Record("q", "quality.missing", {"variant": "Q4_K", "why": "its weights are random numbers"}))

    assert of(view, "Q4_K").same_top is None
    assert "<p>Q4_K: its weights are random numbers.</p>" in render_matrix(view, [])


def test_a_score_without_a_reference_shows_perplexity_and_says_why_no_more(changed, view, sample):
    scored = next(each for each in view.records if (each.kind, each.data.get("variant")) == ("quality", "Q4_K"))
    alone = {**scored.data, "reference": None, "why_no_reference": "no file is precise enough"}
    raw = view.load_raw(scored.data["raw"])
    lonely = changed(sample.Record("q", "quality", {**alone, "raw": {**scored.data["raw"], "file": "alone"}}))
    arrays = {name: raw[name] for name in ("chunks", "negative_log_likelihood")}
    lonely = replace(lonely, load_raw=lambda ref: arrays if ref["file"] == "alone" else view.load_raw(ref))

    found = of(lonely, "Q4_K")

    assert (found.same_top, found.reference, found.why_no_quality) == (None, None, "no file is precise enough")
    assert found.quality.perplexity.value == pytest.approx(17.5)


def test_a_later_score_replaces_an_earlier_failure(changed, view, sample):
    scored = next(each for each in view.records if (each.kind, each.data.get("variant")) == ("quality", "Q4_K"))
    failed = sample.Record("q0", "quality.missing", {"variant": "Q4_K", "why": "it crashed"})
    records = (failed, *changed(scored).records)

    assert of(replace(view, records=records), "Q4_K").why_no_quality is None


def test_scores_that_cannot_be_are_evidence_of_nothing(view):
    def cut(ref):
        arrays = view.load_raw(ref)
        return {**arrays, "divergence": arrays["divergence"][:, 1:]} if "divergence" in arrays else arrays

    with pytest.raises(EvidenceProblem, match="do not cover"):
        variants(replace(view, load_raw=cut))


def test_the_scores_of_all_variants_are_one_exhibit(view):
    (shown,) = [exhibit for exhibit in exhibits(view) if exhibit.what.startswith("quality")]

    assert shown.what == "quality: 6 files"
