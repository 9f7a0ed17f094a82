"""The plan of a profile reads the same until its numbers change."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_rawrxd.cli import main
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.report.plan import WIDTH, plan_text
from pytest_rawrxd.verdict.planning import plan

GOLDEN = Path(__file__).parent / "golden" / "plan-rx7800xt.txt"


def text_of(name: str) -> str:
    profile = load_profile(name)
    return plan_text(plan(profile), profile)


def test_the_plan_of_the_roadmap_is_the_golden_one() -> None:
    assert text_of("rx7800xt") + "\n" == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["rx7800xt", "production", "embedded"])
def test_a_plan_names_every_applicable_criterion_once_and_no_line_is_too_long(name: str) -> None:
    text = text_of(name)
    words = text.replace(",", " ").split()

    for criterion in load_profile(name).criteria.values():
        named = sum(word == criterion.id for word in words)
        assert named >= 1 if criterion.not_applicable is None else named == 0
    assert max(map(len, text.splitlines())) <= WIDTH


def test_the_verb_prints_the_plan_and_then_the_lint(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "rx7800xt"]) == 0
    whole = capsys.readouterr().out
    assert main(["plan", "rx7800xt", "--lint"]) == 0
    lint = capsys.readouterr().out

    assert whole.startswith("rx7800xt: ")
    assert lint.startswith("impossible: P1-TPS-Q2_K")
    assert whole.endswith(lint)
