"""Models of random numbers that can say nothing but a canary."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import gguf

from leaks.planted import COMPLETION
from pytest_rawrxd.rig.models import synthetic
from pytest_rawrxd.rig.models.cache import Cache
from pytest_rawrxd.rig.models.random_ladder import write_random_ladder


def _vocabulary(size: int) -> tuple[list[str], list[int]]:
    words, kinds = _plain(size)
    said = [kind == gguf.TokenType.NORMAL and len(word) > 1 for word, kind in zip(words, kinds, strict=True)]
    return [f"\u2581{COMPLETION}{n}" if says else words[n] for n, says in enumerate(said)], kinds


_plain = synthetic.vocabulary


def write_models(folder: Path, cache: Path, *variants: str) -> dict[str, Path]:
    """Write ``variants`` of the smallest shape; what they can say beside single characters are canaries."""
    with patch.object(synthetic, "vocabulary", _vocabulary):
        return write_random_ladder(
            folder, synthetic.SHAPES["tiny"], variants, cache=Cache(cache), progress=lambda _: None, workers=1
        )
