"""Are answers the ones that the same prompts gave before?"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem


def wrong_answers(
    offsets: npt.ArrayLike, token_ids: npt.ArrayLike, *, reference_offsets: npt.ArrayLike, reference_ids: npt.ArrayLike
) -> tuple[int, ...]:
    """Return which of k requests received other tokens than the reference, by their position.

    ``offsets`` (k + 1,) divide ``token_ids`` (tokens,) into requests, the same prompts in the same order on both sides.
    For engines whose answers repeat token by token. EvidenceProblem when the sides differ in the number of requests.
    """
    mine, theirs = _answers(offsets, token_ids), _answers(reference_offsets, reference_ids)
    if len(mine) != len(theirs):
        raise EvidenceProblem(
            "Answers and reference are of different prompts", found=f"{len(mine)} answers, {len(theirs)} references"
        )
    return tuple(at for at, pair in enumerate(zip(mine, theirs, strict=True)) if not np.array_equal(*pair))


def _answers(offsets: npt.ArrayLike, token_ids: npt.ArrayLike) -> list[npt.NDArray[np.generic]]:
    ids = np.asarray(token_ids)
    return [ids[begin:end] for begin, end in pairwise(np.asarray(offsets).tolist())]
