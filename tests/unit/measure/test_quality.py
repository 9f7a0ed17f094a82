"""Every model gets a score or a reason, and one engine's trouble costs nobody else his score."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pytest_rawrxd.errors import EngineCrashed, LoadFailed, RigTrouble
from pytest_rawrxd.measure.quality import Terms, Text, measure_quality, shipped_text
from pytest_rawrxd.rig.engine.protocol import EngineInfo, LoadOptions
from pytest_rawrxd.rig.models.quality import Scores

TERMS = Terms(LoadOptions(n_ctx=8, n_gpu_layers=99), context=8, chunks=3, load_deadline_s=5, chunk_deadline_s=7)
TEXT = Text("texts/some.txt", "x" * 20)


def model(variant: str, *, judgeable: bool = True):
    manifest = SimpleNamespace(
        variant=variant, sha256=f"sha256 of {variant}", provenance=SimpleNamespace(quality_judgeable=judgeable)
    )
    return SimpleNamespace(path=Path(f"{variant}.gguf"), manifest=manifest)


class Engine:
    """Gives every position the same likelihood; ``faults`` are raised by the call of that name for that file."""

    info = EngineInfo("fake engine", "1", "", "vulkan", "none", "")

    def __init__(self, house) -> None:
        self.house = house

    def __enter__(self):
        return self

    def __exit__(self, *exc) -> None:
        self.house.closed += 1

    def load(self, path, options, *, deadline_s) -> None:
        self.name = path.stem
        self.house.loads.append((self.name, options.n_gpu_layers, deadline_s))
        self._break("load" if options.n_gpu_layers else "load on the CPU")

    def tokenize(self, text) -> list[int]:
        return [7] * len(text) if ("tokenize", self.name) in self.house.faults else list(range(len(text)))

    def score(self, chunks, *, keep=None, against=None, deadline_s) -> Scores:
        self._break("score")
        self.house.scored.append((self.name, len(chunks), deadline_s))
        if keep is not None:
            keep.write_text(self.name)
        shape = len(chunks), 3
        if against is None:
            return Scores(np.full(shape, 2.0))
        assert against.read_text() == "F16"
        return Scores(np.full(shape, 2.5), np.full(shape, 0.25), np.full(shape, True))

    def _break(self, call: str) -> None:
        if fault := self.house.faults.get((call, self.name)):
            raise fault


class House:
    """Starts engines and takes the records."""

    def __init__(self, tmp_path) -> None:
        self.scratch = tmp_path
        self.faults: dict[tuple[str, str], Exception] = {}
        self.loads, self.scored, self.records, self.shown = [], [], [], []
        self.started = self.closed = 0

    def start(self) -> Engine:
        self.started += 1
        return Engine(self)

    def record(self, kind, data, arrays=None) -> str:
        self.records.append((kind, data, arrays))
        return str(len(self.records))

    def measure(self, *models, reference=None, text=TEXT) -> None:
        measure_quality(
            models,
            reference,
            TERMS,
            text=text,
            start=self.start,
            sink=self,
            scratch=self.scratch,
            on_model=lambda *shown: self.shown.append(shown),
        )

    def of(self, kind) -> dict[str, dict]:
        return {data["variant"]: data for each, data, _ in self.records if each == kind}


@pytest.fixture
def house(tmp_path) -> House:
    return House(tmp_path)


def test_the_reference_goes_first_and_each_model_gets_an_engine_of_its_own(house):
    house.measure(model("Q2_K"), model("Q4_K"), reference=model("F16"))

    assert [name for name, *_ in house.scored] == ["F16", "Q2_K", "Q4_K"]
    assert house.started == house.closed == 3
    assert house.shown == [(0, 3, "reference F16"), (1, 3, "Q2_K"), (2, 3, "Q4_K")]


def test_a_score_is_recorded_with_all_that_it_depends_on(house):
    house.measure(model("Q4_K"), reference=model("F16"))

    data = house.of("quality")["Q4_K"]
    assert (data["reference"], data["reference_sha256"]) == ("F16", "sha256 of F16")
    assert (data["text"], data["text_sha256"]) == (TEXT.name, hashlib.sha256(b"x" * 20).hexdigest())
    assert (data["text_tokens"], data["context"], data["chunks"], data["positions"]) == (20, 8, 2, 6)
    assert data["perplexity"] == pytest.approx(np.exp(2.5))
    assert (data["kl_divergence"], data["same_top_share"]) == (0.25, 1.0)
    assert data["engine"]["name"] == "fake engine"
    assert house.of("quality.reference")["F16"]["kl_divergence"] is None


def test_the_scores_of_every_position_are_kept_as_arrays(house):
    house.measure(model("Q4_K"), reference=model("F16"))

    first, second = (arrays for _, _, arrays in house.records)
    assert first.keys() == {"chunks", "negative_log_likelihood"}
    assert second.keys() == {"chunks", "negative_log_likelihood", "divergence", "same_top"}
    assert second["chunks"].tolist() == [list(range(8)), list(range(8, 16))]


def test_each_chunk_has_its_deadline_and_no_more_chunks_are_scored_than_wanted(house):
    house.measure(model("Q4_K"), text=Text("long", "x" * 1000))

    assert house.scored == [("Q4_K", 3, 21)]


def test_random_weights_are_never_scored_and_it_is_said(house):
    house.measure(model("Q4_K", judgeable=False), reference=model("F16", judgeable=False))

    assert house.started == 0
    assert "random numbers" in house.of("quality.missing")["Q4_K"]["why"]


def test_a_reference_that_fails_leaves_the_perplexity_of_the_others(house):
    house.faults["score", "F16"] = EngineCrashed("the engine process ended", found="signal SIGKILL")

    house.measure(model("Q4_K"), reference=model("F16"))

    data = house.of("quality")["Q4_K"]
    assert data["perplexity"] == pytest.approx(np.exp(2.0))
    assert (data["kl_divergence"], data["same_top_share"], data["reference"]) == (None, None, None)
    assert data["why_no_reference"] == "the reference F16 could not be scored: the engine process ended"
    assert house.of("quality.missing")["F16"]["found"] == "signal SIGKILL"
    assert list(house.scratch.iterdir()) == []


def test_without_a_precise_file_perplexity_is_all_there_is(house):
    house.measure(model("Q2_K"))

    assert house.of("quality")["Q2_K"]["why_no_reference"] == "no file is precise enough to compare with"


def test_a_model_that_fails_is_missing_with_the_reason_and_the_next_is_scored(house):
    house.faults["score", "Q2_K"] = RigTrouble("could not score", found="computation failed", log_tail=("E one",))

    house.measure(model("Q2_K"), model("Q4_K"), reference=model("F16"))

    missing = house.of("quality.missing")["Q2_K"]
    assert missing["why"] == "could not score: computation failed"
    assert missing["log_tail"] == ["E one"]
    assert house.of("quality").keys() == {"Q4_K"}
    assert house.started == house.closed


def test_a_model_that_does_not_fit_the_device_is_scored_on_the_cpu(house):
    house.faults["load", "F16"] = LoadFailed("the engine refused the model")

    house.measure(model("Q4_K"), reference=model("F16"))

    assert house.loads == [("F16", 99, 5), ("F16", 0, 5), ("Q4_K", 99, 5)]
    assert house.of("quality.reference")["F16"]["options"]["n_gpu_layers"] == 0
    assert house.of("quality")["Q4_K"]["options"]["n_gpu_layers"] == 99


def test_a_model_that_loads_nowhere_is_missing(house):
    house.faults |= {(call, "Q4_K"): LoadFailed("the engine refused the model") for call in ("load", "load on the CPU")}

    house.measure(model("Q4_K"))

    assert house.of("quality.missing")["Q4_K"]["type"] == "LoadFailed"


def test_a_refusal_on_the_cpu_is_not_asked_twice(house):
    house.faults["load on the CPU", "Q4_K"] = LoadFailed("the engine refused the model")
    terms = replace(TERMS, options=LoadOptions(n_ctx=8))

    measure_quality([model("Q4_K")], None, terms, text=TEXT, start=house.start, sink=house, scratch=house.scratch)

    assert len(house.loads) == 1


def test_a_file_with_another_tokenizer_is_not_compared(house):
    house.faults["tokenize", "Q4_K"] = RigTrouble("")

    house.measure(model("Q4_K"), reference=model("F16"))

    assert "other tokens than the reference" in house.of("quality.missing")["Q4_K"]["why"]


@pytest.mark.parametrize(("tokens", "scored"), [(7, 0), (8, 1)])
def test_a_text_shorter_than_a_chunk_gives_no_score(house, tokens, scored):
    house.measure(model("Q4_K"), text=Text("short", "x" * tokens))

    assert len(house.of("quality")) == scored
    assert len(house.of("quality.missing")) == 1 - scored


def test_the_shipped_text_is_the_one_of_the_fixtures():
    text = shipped_text()

    assert text.name == "texts/quality.txt"
    assert len(text.words.split()) > 3000
