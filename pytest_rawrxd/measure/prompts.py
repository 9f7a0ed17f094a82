"""The texts that engines are asked to continue, in a seeded order."""

from __future__ import annotations

import random

from pytest_rawrxd.places import package_data


def prompts(seed: int) -> tuple[str, ...]:
    """Every text of ``fixtures/prompts``, in an order that depends on ``seed`` only."""
    files = sorted((package_data("fixtures") / "prompts").glob("*.txt"))
    texts = [file.read_text(encoding="utf-8").strip() for file in files]
    random.Random(seed).shuffle(texts)  # noqa: S311 - an order, not a secret
    return tuple(texts)
