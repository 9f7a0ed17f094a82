"""What a quantised model has lost: perplexity, and its distance from the most precise file of the same model.

The protocol is llama-perplexity's (llama.cpp ``tools/perplexity``): the text is cut into chunks of ``n_ctx`` tokens,
each chunk starts with an empty cache, and the tokens after the first half are scored, because the first have no
context to be predicted from. All logarithms are natural.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Logits = npt.NDArray[np.floating]  #: (positions, vocabulary)
Tokens = npt.NDArray[np.int32]
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ChunkScores:
    """One number for each scored position of one chunk."""

    negative_log_likelihood: Scores
    divergence: Scores | None = None  #: Kullback-Leibler, reference to model; None without a reference
    same_top: npt.NDArray[np.bool_] | None = None  #: the most likely token is the reference's


@dataclass(frozen=True)
class Estimate:
    """A mean over scored positions and its standard error."""

    value: float
    standard_error: float


@dataclass(frozen=True)
class Quality:
    """Quality of one model on one text; the comparisons are None without a reference."""

    positions: int
    perplexity: Estimate
    divergence: Estimate | None
    same_top_share: Estimate | None


def chunks_of(tokens: Sequence[int], n_ctx: int, *, bos: int | None = None) -> Tokens:
    """The whole chunks of a text, (chunks, n_ctx); ``bos`` replaces the first token where the model wants one."""
    count = len(tokens) // n_ctx
    chunks = np.asarray(tokens[: count * n_ctx], np.int32).reshape(count, n_ctx).copy()
    if bos is not None:
        chunks[:, 0] = bos
    return chunks


def scored_positions(n_ctx: int) -> range:
    """The positions of a chunk whose logits are needed; each predicts the token after it."""
    return range(n_ctx // 2, n_ctx - 1)


def score(chunk: Tokens, logits: Logits, reference: Logits | None = None) -> ChunkScores:
    """Score one chunk from the logits, and the reference's, at its scored positions, in their order."""
    positions = scored_positions(len(chunk))
    if logits.shape[0] != len(positions) or (reference is not None and reference.shape != logits.shape):
        shapes = f"{logits.shape}" if reference is None else f"{logits.shape} and {reference.shape}"
        raise ValueError(f"logits of shape {shapes} for {len(positions)} scored positions")
    model = _log_softmax(logits)
    likelihood = -model[np.arange(len(positions)), chunk[positions.start + 1 :]]
    if reference is None:
        return ChunkScores(likelihood)
    truth = _log_softmax(reference)
    divergence = np.sum(np.exp(truth) * (truth - model), axis=1)
    return ChunkScores(likelihood, divergence, truth.argmax(axis=1) == model.argmax(axis=1))


def summarise(chunks: Iterable[ChunkScores]) -> Quality:
    """Pool all scored positions of a text; ValueError for fewer than two.

    The standard error of the perplexity is that of the mean logarithm, times the perplexity. Neighbouring positions
    are not independent: these errors are llama-perplexity's, and somewhat too small.
    """
    kept = list(chunks)
    likelihood = np.concatenate([np.empty(0), *(chunk.negative_log_likelihood for chunk in kept)])
    if len(likelihood) < 2:
        raise ValueError(f"{len(likelihood)} scored positions; a text of at least one chunk is needed")
    mean = _estimate(likelihood)
    perplexity = math.exp(mean.value)
    divergences = [chunk.divergence for chunk in kept if chunk.divergence is not None]
    same = [chunk.same_top for chunk in kept if chunk.same_top is not None]
    return Quality(
        positions=len(likelihood),
        perplexity=Estimate(perplexity, perplexity * mean.standard_error),
        divergence=_estimate(np.concatenate(divergences)) if divergences else None,
        same_top_share=_estimate(np.concatenate(same).astype(np.float64)) if same else None,
    )


def _log_softmax(logits: Logits) -> Scores:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def _estimate(values: Scores) -> Estimate:
    return Estimate(float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values))))
