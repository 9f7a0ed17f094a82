"""What a variant has lost, computed again from the scores of every position that the ledger keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.rig.models.quality import Quality, Scores, scored_positions, summarise


def quality_of(arrays: Mapping[str, npt.NDArray[Any]], *, where: str) -> Quality:
    """The figures of one "quality" record from its raw arrays; ``where`` names it in an EvidenceProblem.

    ``chunks`` (n, context) are the tokens, ``text_shape`` stands for them where they were not kept.
    ``negative_log_likelihood`` (n, positions) is in nats; ``divergence`` and ``same_top`` of the same shape are there
    where a reference was.
    """
    try:
        likelihood = arrays["negative_log_likelihood"]
        text = tuple(arrays["text_shape"].ravel().tolist()) if "text_shape" in arrays else arrays["chunks"].shape
    except KeyError as error:
        raise EvidenceProblem("raw evidence lacks an array", where=where, found=str(error)) from error
    compared = arrays.get("divergence"), arrays.get("same_top")
    scores = [likelihood, *(array for array in compared if array is not None)]
    shape = text[0] if text else 0, len(scored_positions(text[1])) if len(text) == 2 else 0
    if any(array.shape != shape for array in scores) or len(scores) == 2:
        raise EvidenceProblem(
            "the scores do not cover the scored positions of the text",
            where=where,
            found=", ".join(str(array.shape) for array in scores),
            possible=f"{shape} each: likelihood alone, or with divergence and same_top",
        )
    if not all(np.isfinite(array).all() for array in scores) or likelihood.size < 2:
        raise EvidenceProblem("the scores are no sample", where=where, found=f"{likelihood.size} positions")
    return summarise(Scores(likelihood, *compared))
