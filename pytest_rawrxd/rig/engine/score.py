"""Scores a text with a loaded model, a piece at a time: what is in memory does not grow with the text.

The logits of the most precise model go to a file; scoring another model reads them from there, so that no two models
need to be loaded at once and what travels to the suite is three numbers a position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.engine.protocol import Progress, ProgressListener
from pytest_rawrxd.rig.engine.reasons import FAILURES
from pytest_rawrxd.rig.engine.work import ScoreWork
from pytest_rawrxd.rig.models.quality import Scores, score, scored_positions

Logits = npt.NDArray[np.float32]  #: (positions, vocabulary)
DTYPE = np.dtype("<f4")
OUTPUT_BYTES = 32 << 20  #: of logits in one decode call: 170 rows at 49,152 tokens, 65 at 128,256


class ScoredRows(Protocol):
    """What scoring needs of a batch; ``batch.TokenBatch`` describes each."""

    rows: int
    n_vocab: int
    token: npt.NDArray[np.int32]
    position: npt.NDArray[np.int32]
    wanted: npt.NDArray[np.int8]
    stream_of_row: npt.NDArray[np.uintp]
    stream_at: npt.NDArray[np.uintp]

    def forward(self, rows: int, /) -> int: ...
    def logits(self, rows: int, /) -> Logits: ...
    def clear(self) -> None: ...


def rows_for(n_ctx: int, n_vocab: int) -> int:
    """Tokens of one decode call: half a chunk where its logits stay small enough."""
    return max(1, min(n_ctx // 2, OUTPUT_BYTES // (DTYPE.itemsize * n_vocab)))


def score_all(batch: ScoredRows, work: ScoreWork, *, bos: int | None, listener: ProgressListener) -> Scores:
    """Score every chunk of ``work``, each from an empty cache; ``bos`` replaces the first token of each.

    Raises RigTrouble when the engine cannot decode, answers with something else than numbers, or the reference's
    logits are not those of this text and vocabulary. ``listener`` is called after each piece.
    """
    count, n_ctx = work.chunks.shape
    shape = count, len(scored_positions(n_ctx)), batch.n_vocab
    reference = None if work.against is None else _kept(work.against, shape)
    likelihood, divergence = np.empty(shape[:2]), np.empty(shape[:2])
    same_top = np.empty(shape[:2], np.bool_)
    fed = 0
    with _keeper(work.keep, shape) as keep:
        for number, chunk in enumerate(work.chunks):
            batch.clear()
            for positions, logits in _pieces(batch, chunk, bos):
                fed += batch.rows
                listener(Progress(min(fed, work.chunks.size), 1, number, count))
                if logits is None:
                    continue
                keep(logits)
                place = slice(positions.start - n_ctx // 2, positions.stop - n_ctx // 2)
                truth = None if reference is None else np.asarray(reference[number, place])
                found = score(chunk[positions.start + 1 : positions.stop + 1], logits, truth)
                likelihood[number, place] = found.negative_log_likelihood
                if found.divergence is not None and found.same_top is not None:
                    divergence[number, place], same_top[number, place] = found.divergence, found.same_top
            if not np.isfinite(likelihood[number]).all():
                raise RigTrouble("the model answers with something else than numbers", where=f"chunk {number + 1}")
    return Scores(likelihood) if reference is None else Scores(likelihood, divergence, same_top)


def _pieces(batch: ScoredRows, chunk: npt.NDArray[np.int32], bos: int | None) -> Iterator[tuple[range, Logits | None]]:
    """Decode one chunk; of each decode call the scored positions in it and their logits, None without any."""
    scored = scored_positions(len(chunk))
    for begin in range(0, scored.stop, batch.rows):
        end = min(begin + batch.rows, scored.stop)
        n = end - begin
        batch.token[:n] = chunk[begin:end]
        if begin == 0 and bos is not None:
            batch.token[0] = bos
        batch.position[:n] = np.arange(begin, end)
        batch.stream_of_row[:n] = batch.stream_at[0]
        batch.wanted[:n] = batch.position[:n] >= scored.start
        if code := batch.forward(n):
            reason = FAILURES.get(code, f"error: decode returned {code}")
            raise RigTrouble("the engine could not score the text", found=reason.removeprefix("error: "))
        positions = range(max(begin, scored.start), end)
        yield positions, batch.logits(len(positions)) if positions else None


@contextmanager
def _keeper(path: Path | None, shape: tuple[int, int, int]) -> Iterator[Callable[[Logits], None]]:
    """A function that appends logits to a new .npy file of this shape; one that does nothing without a path."""
    if path is None:
        yield lambda _: None
        return
    try:
        with path.open("xb") as file:
            header = {"descr": DTYPE.str, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)

            def append(logits: Logits) -> None:
                np.ascontiguousarray(logits, DTYPE).tofile(file)

            yield append
    except OSError as problem:
        raise RigTrouble("the reference's logits cannot be kept", where=str(path), found=str(problem)) from problem


def _kept(path: Path, shape: tuple[int, int, int]) -> npt.NDArray[np.float32]:
    """The logits that ``_keeper`` wrote, read as they are needed."""
    try:
        logits = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as problem:
        raise RigTrouble("the reference's logits cannot be read", where=str(path), found=str(problem)) from problem
    if logits.shape != shape or logits.dtype != DTYPE:
        raise RigTrouble(
            "the reference's logits belong to another text or vocabulary",
            where=str(path),
            found=f"{logits.shape} of {logits.dtype}",
            possible=f"{shape} of {DTYPE}: chunks, scored positions, vocabulary",
        )
    return np.asarray(logits)
