"""A pilot gives bounds only from evidence that could be judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_rawrxd.cli import main
from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.measure.decode import Cell
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.rig.engine.scenes import SCENES
from pytest_rawrxd.verdict.floor import floor
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.pilot import pilot

BASE = load_profile("rx7800xt")
CELLS = (Cell("Q4_K", 256), Cell("Q2_K", 256))


def test_the_bounds_of_a_pilot_are_kept_by_runs_like_it(campaign) -> None:
    run = campaign(profile=BASE)

    found = pilot(run.session(CELLS, processes=7), BASE)

    assert [each.variant for each in found.figures] == ["Q2_K", "Q4_K"]
    assert set(found.unusable) == {"Q5_K_M", "Q6_K", "Q8_0", "Hybrid"}
    each = found.figures[1]
    assert each.runs == 7
    assert each.mean == pytest.approx(80, rel=0.01)
    assert (
        floor([each.mean * share for share in (0.999, 1.0, 1.001, 1.0, 1.002)], limit=each.floor).verdict
        is Verdict.PASS
    )
    assert each.memory_gb == 4.0
    assert found.backend == "scripted"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"processes": 4}, "4 processes, at least 5"),
        ({"scene": SCENES["eos"], "processes": 5}, "ended before its token limit"),
        ({"cells": (Cell("Q4_K", 64),)}, "no process generated 256 tokens"),
    ],
)
def test_a_pilot_without_usable_evidence_is_refused_with_the_reason(campaign, given, says) -> None:
    given = {"cells": CELLS, **given}

    with pytest.raises(UsageProblem, match="measured nothing that gives a bound") as refused:
        pilot(campaign(profile=BASE).session(**given), BASE)
    assert says in (refused.value.found or "")


def test_a_session_whose_detectors_failed_is_no_pilot(campaign) -> None:
    with pytest.raises(UsageProblem, match="proves nothing"):
        pilot(campaign(profile=BASE).session(CELLS, check=None), BASE)


def test_the_verb_writes_a_profile_that_the_other_verbs_read(campaign, tmp_path, monkeypatch, capsys) -> None:
    campaign("pilot", profile=BASE).session(CELLS, processes=5)
    monkeypatch.chdir(tmp_path)

    assert main(["plan", "--new", "rtx4090", "--from", "pilot"]) == 0
    assert "fixtures/profiles/rtx4090.toml" in capsys.readouterr().out
    assert [path.name for path in Path("fixtures/profiles").iterdir()] == ["rtx4090.toml"]
    assert main(["plan", "rtx4090"]) == 0
    assert "P1-TPS-Q4_K" in capsys.readouterr().out
    assert main(["plan", "--new", "rtx4090", "--from", "pilot"]) == 4
    assert "such a profile already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["plan"], "plan needs a profile"),
        (["plan", "--new", "x"], "belong together"),
        (["plan", "--from", "run"], "belong together"),
        (["plan", "rx7800xt", "--new", "x", "--from", "run"], "take no profile"),
        (["plan", "--new", "../x", "--from", "run"], "plain name"),
        (["plan", "--new", ".x", "--from", "run"], "plain name"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(arguments, says, capsys) -> None:
    assert main(arguments) == 4
    assert says in capsys.readouterr().err
