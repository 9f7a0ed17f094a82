"""Quality is measured once in a campaign, for the variants that have no score yet."""

from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_rawrxd.evidence.campaign import open_campaign
from pytest_rawrxd.evidence.identity import Identity
from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.quality import shipped_text
from pytest_rawrxd.plugin import bench, quality
from pytest_rawrxd.plugin.bench import Bench
from pytest_rawrxd.plugin.preflight import Rig
from pytest_rawrxd.plugin.progress import Progress
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.rig.placement import ALL_LAYERS

STILL = Clock(monotonic_ns=lambda: 7, wall=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), sleep=lambda _: None)


def model(variant):
    return SimpleNamespace(path=Path(f"{variant}.gguf"), manifest=SimpleNamespace(variant=variant, sha256=variant * 3))


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Opens a bench on one run directory and keeps what it asks to be scored; each model is then recorded as scored."""
    calls = []

    def score(models, reference, terms, *, text, sink, scratch, **_):
        assert scratch.is_dir()
        calls.append(SimpleNamespace(variants=[m.manifest.variant for m in models], terms=terms, scratch=scratch))
        for scored in models:
            sha256 = reference.manifest.sha256 if reference else None
            keys = {"model_sha256": scored.manifest.sha256, "reference_sha256": sha256, "text_sha256": text.sha256}
            sink.record("quality", {"variant": scored.manifest.variant, **keys})

    monkeypatch.setenv("RAWRXD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(quality, "measure_quality", score)
    monkeypatch.setattr(bench, "lease", lambda *_, **__: nullcontext())
    monkeypatch.setattr(Bench, "describe_rig", lambda _: None)

    def measure(*variants, session="s001", reference="F16", profile="embedded"):
        promised = load_profile(profile)
        identity = Identity(promised.digest, {}, {"name": "llama.cpp"}, None, {})
        campaign = open_campaign(tmp_path / f"run-{profile}", identity, promised, STILL)
        rig = Rig(
            engine_spec="scripted:steady",
            engine=SimpleNamespace(backend="cpu"),
            devices=(),
            host=SimpleNamespace(cores=2),
            gpus=(),
            models={variant: model(variant) for variant in variants},
            missing={},
            reference=reference and model(reference),
        )
        with Bench(campaign, session, "main", rig, Progress(STILL)) as opened:
            opened.measure_quality()
            opened.measure_quality()
        return calls

    return measure


def test_one_session_scores_its_variants_once(measured):
    assert [call.variants for call in measured("Q2_K", "Q4_K")] == [["Q2_K", "Q4_K"]]


def test_another_session_scores_only_what_has_no_score(measured):
    measured("Q2_K", session="s001")

    assert [call.variants for call in measured("Q2_K", "Q4_K", session="s002")] == [["Q2_K"], ["Q4_K"]]


def test_a_score_without_the_reference_does_not_count(measured):
    measured("Q2_K", session="s001", reference=None)

    assert len(measured("Q2_K", session="s002")) == 2


def test_an_invented_engine_has_nothing_to_score(measured):
    assert measured(reference=None) == []


def test_what_was_kept_meanwhile_is_gone_afterwards(measured):
    (call,) = measured("Q2_K")

    assert not call.scratch.exists()


@pytest.mark.parametrize(("profile", "layers"), [("embedded", 0), ("rx7800xt", ALL_LAYERS)])
def test_the_profile_says_how_much_text_is_scored_and_where(measured, profile, layers):
    (call,) = measured("Q4_K", profile=profile)
    wanted = load_profile(profile).protocol.quality

    assert (call.terms.context, call.terms.chunks) == (wanted.context, wanted.chunks)
    assert (call.terms.options.n_gpu_layers, call.terms.options.warm_up) == (layers, False)


def test_the_text_has_the_chunks_that_the_shipped_profiles_ask_for():
    words = len(shipped_text().words.split())

    for profile in ("embedded", "rx7800xt"):
        asked = load_profile(profile).protocol.quality
        assert asked.context * asked.chunks <= 1.2 * words, "SmolLM2 reads 1.2 tokens a word"
