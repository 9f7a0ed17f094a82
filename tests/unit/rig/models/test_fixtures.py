"""The prompts and the text that ship with the package are what their README files say."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parents[4] / "fixtures"


@pytest.fixture(scope="module")
def prompts():
    lines = (FIXTURES / "prompts" / "prompts.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_prompts_are_unique_ascii_and_numbered(prompts):
    assert len({prompt["id"] for prompt in prompts}) == len({prompt["text"] for prompt in prompts}) == 24
    assert all(prompt.keys() == {"id", "tokens", "text"} for prompt in prompts)
    assert all(prompt["text"].isascii() and prompt["text"].isprintable() for prompt in prompts)


def test_the_readme_states_the_lengths_of_the_prompts(prompts):
    readme = (FIXTURES / "prompts" / "README.md").read_text("utf-8")
    groups = [(name, list(each)) for name, each in groupby(prompts, lambda prompt: prompt["id"].split("-")[0])]
    for name, members in [*groups, ("all", prompts)]:
        tokens = [prompt["tokens"] for prompt in members]
        mean = round(sum(tokens) / len(tokens))
        assert f"| {name} | {len(members)} | {min(tokens)} to {max(tokens)} | {mean} |" in readme


def test_the_readme_states_the_length_of_the_quality_text():
    text = (FIXTURES / "texts" / "quality.txt").read_text("utf-8")

    assert text.isascii()
    assert f"{len(text.split()):,} words" in (FIXTURES / "texts" / "README.md").read_text("utf-8")
