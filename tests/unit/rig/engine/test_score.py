"""Scoring against a model whose logits are a formula, so that every number can be told beforehand."""

import math

import numpy as np
import pytest

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.engine.score import OUTPUT_BYTES, rows_for, score_all
from pytest_rawrxd.rig.engine.work import ScoreWork
from pytest_rawrxd.rig.models.quality import score, scored_positions

VOCABULARY = 11
CHUNKS = np.random.default_rng(2).integers(0, VOCABULARY, (3, 16)).astype(np.int32)


class Formula:
    """Logits depend on the token and its position; ``spread`` is how sure the model is."""

    def __init__(self, rows: int = 8, *, spread: float = 1.0, codes=(), poisoned_at: int | None = None) -> None:
        self.rows, self.n_vocab = rows, VOCABULARY
        self.token, self.position = np.zeros(rows, np.int32), np.zeros(rows, np.int32)
        self.wanted, self.stream_of_row = np.zeros(rows, np.int8), np.zeros(rows, np.uintp)
        self.stream_at = np.array([7], np.uintp)
        self.spread, self.codes, self.poisoned_at = spread, list(codes), poisoned_at
        self.seen: list[list[int]] = []
        self.cleared_at: list[int] = []
        self._outputs = np.empty((0, VOCABULARY), np.float32)

    def forward(self, rows):
        assert (self.stream_of_row[:rows] == 7).all()
        self.seen.append(self.token[:rows].tolist())
        wanted = np.flatnonzero(self.wanted[:rows])
        self._outputs = self.formula(self.token[wanted], self.position[wanted])
        if self.poisoned_at is not None:
            self._outputs[self.position[wanted] == self.poisoned_at] = np.nan
        return self.codes.pop(0) if self.codes else 0

    def formula(self, tokens, positions):
        angles = np.outer(tokens + positions + 1, np.arange(1, VOCABULARY + 1))
        return (self.spread * np.sin(angles)).astype(np.float32)

    def logits(self, rows):
        assert rows == len(self._outputs)
        return self._outputs

    def clear(self):
        self.cleared_at.append(len(self.seen))


def scores(batch, *, bos=None, listener=lambda _: None, **files):
    return score_all(batch, ScoreWork(CHUNKS, **files), bos=bos, listener=listener)


@pytest.mark.parametrize("rows", [1, 3, 5, 8, 15, 16, 40])
def test_pieces_of_any_size_give_the_scores_of_whole_chunks(rows):
    batch = Formula(rows)
    at = scored_positions(16)
    whole = [
        score(chunk[at.start + 1 :], batch.formula(chunk[at.start : -1], np.array(at))).negative_log_likelihood
        for chunk in CHUNKS
    ]

    assert scores(batch).negative_log_likelihood == pytest.approx(np.array(whole))


def test_each_chunk_starts_with_an_empty_cache_and_its_last_token_is_never_fed():
    batch = Formula()

    scores(batch)

    assert batch.cleared_at == [0, 2, 4]
    assert [token for piece in batch.seen for token in piece] == CHUNKS[:, :-1].ravel().tolist()


def test_a_model_that_wants_a_beginning_gets_it_in_each_chunk_and_is_scored_on_the_text():
    batch = Formula()

    scores(batch, bos=9)

    assert [piece[0] for piece in batch.seen[::2]] == [9, 9, 9]
    assert batch.seen[0][1:] == CHUNKS[0, 1:8].tolist()


def test_the_reference_is_no_distance_from_itself_and_a_blunter_model_is(tmp_path):
    kept = tmp_path / "reference.npy"
    reference = scores(Formula(), keep=kept)

    same, blunter = scores(Formula(), against=kept), scores(Formula(spread=0.3), against=kept)

    assert reference.divergence is None
    assert same.negative_log_likelihood.tolist() == reference.negative_log_likelihood.tolist()
    assert (same.divergence == 0).all()
    assert same.same_top.all()
    assert (blunter.divergence > 0.01).all()
    assert blunter.same_top.all(), "a blunter model has the same favourite"


def test_what_is_kept_are_the_logits_of_the_scored_positions(tmp_path):
    batch = Formula(3)
    scores(batch, keep=tmp_path / "kept.npy")

    at = scored_positions(16)
    kept = np.load(tmp_path / "kept.npy", allow_pickle=False)
    assert kept.dtype == np.float32
    assert kept.shape == (3, len(at), VOCABULARY)
    assert kept[2].tolist() == batch.formula(CHUNKS[2, at.start : -1], np.array(at)).tolist()


def test_progress_never_passes_the_end_of_the_text():
    heard = []

    scores(Formula(5), listener=heard.append)

    assert [progress.finished for progress in heard] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert heard[-1].tokens <= CHUNKS.size
    assert {progress.total for progress in heard} == {3}


def test_an_engine_that_cannot_decode_is_quoted():
    with pytest.raises(RigTrouble, match="could not score") as caught:
        scores(Formula(codes=[0, -3]))

    assert caught.value.found == "the engine's computation failed"


def test_answers_that_are_no_numbers_are_refused_with_their_chunk():
    with pytest.raises(RigTrouble, match="something else than numbers") as caught:
        scores(Formula(poisoned_at=12))

    assert caught.value.where == "chunk 1"


def test_a_reference_of_another_text_is_refused(tmp_path):
    kept = tmp_path / "reference.npy"
    score_all(Formula(), ScoreWork(CHUNKS[:2], keep=kept), bos=None, listener=lambda _: None)

    with pytest.raises(RigTrouble, match="another text or vocabulary") as caught:
        scores(Formula(), against=kept)

    assert caught.value.found == "(2, 7, 11) of float32"


@pytest.mark.parametrize("damage", ["missing", "cut", "foreign"])
def test_a_reference_that_cannot_be_read_is_refused(tmp_path, damage):
    kept = tmp_path / "reference.npy"
    if damage != "missing":
        scores(Formula(), keep=kept)
        kept.write_bytes(kept.read_bytes()[:-1] if damage == "cut" else b"not logits")

    with pytest.raises(RigTrouble, match="cannot be read"):
        scores(Formula(), against=kept)


def test_a_file_that_is_there_already_is_not_overwritten(tmp_path):
    kept = tmp_path / "reference.npy"
    kept.write_text("somebody's")

    with pytest.raises(RigTrouble, match="cannot be kept"):
        scores(Formula(), keep=kept)

    assert kept.read_text() == "somebody's"


def test_a_decode_call_takes_half_a_chunk_unless_its_logits_are_too_large():
    fitting = OUTPUT_BYTES // 4 // 128

    assert rows_for(256, fitting) == rows_for(257, fitting) == 128
    assert rows_for(256, fitting + 1) == 127
    assert rows_for(2, 10 * OUTPUT_BYTES) == 1
    assert math.prod((rows_for(4096, 49_152), 49_152, 4)) <= OUTPUT_BYTES
