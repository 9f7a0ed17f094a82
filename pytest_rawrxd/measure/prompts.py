"""The texts that engines are asked to continue, in a seeded order."""

from __future__ import annotations

import json
import random

from pytest_rawrxd.places import package_data


def prompts(seed: int) -> tuple[str, ...]:
    """Every text of ``fixtures/prompts``, in an order that depends on ``seed`` only."""
    lines = (package_data("fixtures") / "prompts" / "prompts.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [str(json.loads(line)["text"]) for line in lines]
    random.Random(seed).shuffle(texts)  # noqa: S311 - an order, not a secret
    return tuple(texts)
