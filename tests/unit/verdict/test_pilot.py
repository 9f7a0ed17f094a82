"""A pilot gives bounds that runs like it keep, and only from evidence that could be judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pytest_rawrxd.cli import main
from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.decode import Cell
from pytest_rawrxd.places import package_data
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.report.new_profile import profile_toml
from pytest_rawrxd.verdict.floor import floor
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.pilot import Pilot, pilot
from pytest_rawrxd.verdict.rulebook import RULES

BASE = load_profile("rx7800xt")
RECORDINGS = package_data("fixtures") / "recordings"
CELLS = (Cell("Q4_K", 256), Cell("Q2_K", 256))


def recorded(name: str) -> Evidence:
    return Evidence.read(RECORDINGS / name)


@pytest.fixture(scope="module")
def cuda() -> tuple[Evidence, Evidence]:
    """Phase 1 and load of one engine, on two boards of one kind."""
    return recorded("h100-pilot-cuda"), recorded("h100-load-cuda")


@pytest.fixture(scope="module")
def found(cuda) -> Pilot:
    return pilot(cuda, BASE)


def test_the_speeds_of_a_pilot_are_kept_by_runs_like_it(book) -> None:
    book.ladder(rounds=7)

    made = pilot([book.evidence()], BASE)

    assert [each.name for each in made.variants] == list(BASE.models.variants)
    (mean,) = [each.tps.mean for each in made.variants if each.name == "Q4_K"]
    assert mean == pytest.approx(450 / 4.6, rel=0.01)
    guarantee = made.bounds["SLA-TPS-GUARANTEE"]
    repeats = [mean * share for share in (0.999, 1.0, 1.001, 1.0, 1.002)]
    assert floor(repeats, limit=guarantee.ends[0]).verdict is Verdict.PASS
    assert guarantee.ends[0] == pytest.approx(mean * 0.97, rel=0.005)
    assert made.bounds["P1-VRAM-Q4_K"].ends == (4.462, 4.738)
    assert made.backend == "vulkan"


def test_runs_of_one_engine_add_up(cuda, found) -> None:
    phase_1, load = cuda

    assert found.runs == (phase_1.campaign.id, load.campaign.id)
    assert found.boards == 2
    assert found.bounds["SLA-TPS-GUARANTEE"].source == f"Pilot {phase_1.campaign.id}: Q4_K, 256 tokens, 5 processes"
    assert found.bounds["P2-AGG"].source == f"Pilot {load.campaign.id}: 12 streams together, 5 processes"


def test_every_bound_of_a_pilot_is_kept_by_the_pilot_itself(cuda, found, tmp_path) -> None:
    path = tmp_path / "card.toml"
    path.write_text(profile_toml(found, BASE), encoding="utf-8")
    profile = load_profile(str(path))
    judged = 0
    for name in found.bounds:
        criterion = profile.criteria[name]
        for evidence in cuda:
            run = Evidence(replace(evidence.campaign, profile=profile), evidence.records)
            answer, sources = RULES[criterion.metric](run, criterion)
            if sources and answer.verdict is not Verdict.NOT_MEASURED and name != "SLA-TPS-PEAK":
                # Five processes are half of what an equivalence takes, and blocks are shorter in the pilot.
                few = answer.verdict is Verdict.INVALID and "are needed" in answer.reason
                assert few or answer.verdict in {Verdict.PASS, Verdict.INCONCLUSIVE}, (name, answer.reason)
                judged += answer.verdict is Verdict.PASS
    assert judged >= 15


def test_a_wait_is_promised_where_half_of_the_allowed_share_exceeds_it(found) -> None:
    bound = found.bounds["P2-LAT-P95"]

    assert bound.source == "Pilot h100-load-cuda: P97.5 of the gaps at 12 streams, 5 processes"
    assert bound.worked == "16.39, 16.3, 16.16, 16.2, 16.37 ms; mean 16.29, s 0.09991, k1 4.203"
    assert bound.ends == (16.78,)  # 3 % above the mean: the processes differ by less


def test_what_is_expected_of_a_wait_is_the_quantile_that_the_criterion_names(found) -> None:
    waits = {name: found.bounds[name] for name in ("P2-LAT-P50", "P2-LAT-P95", "P2-LAT-P99")}

    assert {name: bound.expected for name, bound in waits.items()} == {
        "P2-LAT-P50": 9.04,
        "P2-LAT-P95": 14.94,
        "P2-LAT-P99": 17.72,
    }
    assert all(bound.expected < bound.ends[0] for bound in waits.values())


def test_levels_with_too_few_processes_keep_the_base_s_bounds_and_say_why(found) -> None:
    kept = {name for name, why in found.kept.items() if why == "2 processes, at least 3"}

    assert kept == {
        *(f"P2-EFF-{streams}" for streams in (8, 10, 12, 15, 16)),
        *(f"P2-LAT-P{quantile}-{streams}" for quantile in (50, 95, 99) for streams in (10, 15, 16)),
    }
    assert found.kept["P2-LAT-STALL"].startswith("no process stood still")
    assert "warming" in found.kept["SLA-TEMP"]
    assert "only a server" in found.kept["P2-TTFT"]


def test_what_plans_assume_is_measured(found) -> None:
    assert {name: each.value for name, each in found.measured.items()} == {
        "planning_design_effect": "29 x",
        "planning_variation": "1.23 %",
        "memory_page": "6 MiB",
    }
    assert "P99 needs the most tokens" in found.measured["planning_design_effect"].source


def test_a_pilot_that_was_measured_otherwise_than_the_base_says_so(found, book) -> None:
    assert found.otherwise == (
        "run-cuda-sm90: protocol.phase1.min_duration was 3 s, here it is 30 s",
        "h100-load-cuda: protocol.phase2.level_duration was 6 s, here it is 2 min",
    )
    book.ladder(rounds=3)
    assert pilot([book.evidence()], BASE).otherwise == ()


def test_beliefs_that_the_pilot_refutes_no_longer_decide(found) -> None:
    assert set(found.refuted) == {"P1-CHAMPION", "P1-BOTTLENECK"}
    assert "Q4_K is faster than Q2_K by 9.545 %" in found.refuted["P1-CHAMPION"]


def test_a_process_that_stood_still_makes_no_promise_about_waits() -> None:
    kept = pilot([recorded("h100-pilot-vulkan"), recorded("h100-load-vulkan")], BASE).kept

    assert "vary too much" in kept["P2-LAT-SPIKE"]
    assert "vary too much" in kept["P2-LAT-TW95"]
    assert kept["P2-LAT-STALL"].startswith("1 of 5 processes stood still")
    assert kept["P2-AGG"] == "the processes vary by 8.0%, the gate is 5.0%"


@pytest.mark.parametrize(("runs", "given"), [(2, False), (3, True)])
def test_an_efficiency_takes_three_interleaved_rounds(book, runs, given) -> None:
    book.ladder(rounds=5)
    book.levels(8, 12, runs=runs, efficiency=0.8)

    made = pilot([book.evidence()], BASE)

    assert ("P2-EFF-12" in made.bounds) is given
    if given:
        bound = made.bounds["P2-EFF-12"]
        assert bound.expected == pytest.approx(80, rel=0.01)
        assert bound.ends[0] == pytest.approx(80 * 0.97, rel=0.01)
        assert "P2-EFF-15" in made.kept


def test_too_few_processes_are_refused_with_the_reason(book) -> None:
    book.ladder(rounds=2)

    with pytest.raises(UsageProblem, match="measured nothing that gives a bound") as refused:
        pilot([book.evidence()], BASE)
    assert "Q4_K: 2 processes, at least 3" in (refused.value.found or "")


def test_a_noisy_variant_gives_no_bound_and_a_quiet_one_does(book) -> None:
    book.ladder(rounds=5, without=("Q2_K",))
    book.model("Q2_K")
    for process, tps in enumerate(np.linspace(100, 130, 5), 1):
        book.run("Q2_K", tps, process)

    made = pilot([book.evidence()], BASE)

    assert made.unusable == {"Q2_K": "the processes vary by 10.4%, the gate is 5.0%"}
    assert "P1-TPS-Q4_K" in made.bounds


def test_a_scripted_engine_is_no_pilot(campaign) -> None:
    with pytest.raises(UsageProblem, match="a scripted engine is no pilot"):
        pilot([campaign(profile=BASE).session(CELLS, processes=5)], BASE)


def test_a_rehearsal_with_models_of_the_suite_is_no_pilot(opened) -> None:
    book = opened("embedded", "cpu")
    book.ladder(rounds=5)

    with pytest.raises(UsageProblem, match="own small models") as refused:
        pilot([book.evidence()], BASE)
    assert "models.source = 'smollm2'" in (refused.value.found or "")


def test_a_session_whose_detectors_failed_is_no_pilot(campaign) -> None:
    with pytest.raises(UsageProblem, match="proves nothing"):
        pilot([campaign(profile=BASE).session(CELLS, check=None)], BASE)


def test_pilots_of_two_engines_are_refused_and_what_differs_is_named(cuda) -> None:
    with pytest.raises(UsageProblem, match="different things") as refused:
        pilot([*cuda, recorded("h100-load-vulkan")], BASE)
    assert "engine.backend: 'cuda' is now 'vulkan'" in (refused.value.found or "")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"driver": "nvidia 581"}, "driver: 'nvidia 580.159.04' is now 'nvidia 581'"),
        ({"models": {"Q4_K": "another"}}, "models.Q4_K: '78a2"),
        ({"machine": {"cpu": "another", "gpus": []}}, "machine.gpus"),
    ],
)
def test_pilots_of_two_machines_or_models_are_refused(cuda, change, says) -> None:
    phase_1, load = cuda
    campaign = replace(load.campaign, identity=replace(load.campaign.identity, **change))

    with pytest.raises(UsageProblem, match="different things") as refused:
        pilot([phase_1, Evidence(campaign, load.records)], BASE)
    assert says in (refused.value.found or "")


def test_the_same_run_twice_is_refused(cuda) -> None:
    with pytest.raises(UsageProblem, match="given twice"):
        pilot([cuda[0], cuda[0]], BASE)


def test_the_verb_writes_a_profile_that_the_other_verbs_read(tmp_path, monkeypatch, capsys) -> None:
    arguments = ["plan", "--new", "rtx4090", "--from", str(RECORDINGS / "h100-pilot-cuda")]
    monkeypatch.chdir(tmp_path)

    assert main(arguments) == 0
    assert "fixtures/profiles/rtx4090.toml" in capsys.readouterr().out
    assert [path.name for path in Path("fixtures/profiles").iterdir()] == ["rtx4090.toml"]
    assert main(["plan", "rtx4090"]) == 0
    assert "P1-TPS-Q4_K" in capsys.readouterr().out
    assert main(arguments) == 4
    assert "such a profile already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["plan"], "plan needs a profile"),
        (["plan", "--new", "x"], "belong together"),
        (["plan", "--from", "run"], "belong together"),
        (["plan", "--extends", "rx7800xt"], "belong together"),
        (["plan", "rx7800xt", "--new", "x", "--from", "run"], "take no profile"),
        (["plan", "--new", "../x", "--from", "run"], "plain name"),
        (["plan", "--new", ".x", "--from", "run"], "plain name"),
        (["plan", "--new", "x", "--from", "run", "--extends", "embedded"], "a rehearsal is no base"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(arguments, says, capsys) -> None:
    assert main(arguments) == 4
    assert says in capsys.readouterr().err
