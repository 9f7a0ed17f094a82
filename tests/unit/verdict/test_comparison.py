"""Two runs beside each other: a verdict only from interleaved runs of one identity."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jsonschema
import numpy as np
import pytest

from pytest_rawrxd.cli import main
from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.foreign.figure import ForeignFigure, ForeignResult
from pytest_rawrxd.measure.decode import Cell
from pytest_rawrxd.report.schema import schema
from pytest_rawrxd.rig.engine.scenes import SCENES
from pytest_rawrxd.verdict.comparison import compare_sides
from pytest_rawrxd.verdict.judge import judge
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.sides import Sample, Side, campaign_side, foreign_side

IDENTITY = {
    "profile": "p",
    "models": {"Q4_K": "a"},
    "engine": {"version": "b1"},
    "driver": "d1",
    "machine": {"cpu": "a"},
}
BEGAN = datetime(2026, 1, 2, tzinfo=UTC)
WHERE = {"variant": "Q4_K", "tokens": 256, "streams": 1}


def side(values: np.ndarray, minutes: list[int], name: str = "run", **identity: object) -> Side:
    at = tuple(f"2026-01-02T03:{minute:02d}:00.000+00:00" for minute in minutes)
    sample = Sample("decode_tps", "tok/s", WHERE, tuple(map(float, values)), at)
    return Side(name, "run directory", {**IDENTITY, **identity}, (sample,))


def alternating(swap: bool = True) -> tuple[list[int], list[int]]:
    """Minutes of ten pairs; every other pair the other way round."""
    first = [2 * pair + (swap and pair % 2) for pair in range(10)]
    return first, [2 * pair + 1 - (swap and pair % 2) for pair in range(10)]


NOISE = np.resize([0.999, 1.0, 1.001, 1.0005, 0.9995], 10)


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(1.0, Verdict.PASS), (0.98, Verdict.PASS), (0.95, Verdict.FAIL), (0.97, Verdict.INCONCLUSIVE)],
)
def test_interleaved_runs_of_one_identity_are_decided(factor: float, verdict: Verdict) -> None:
    a, b = alternating()
    old, new = side(80 * NOISE, a), side(80 * factor * NOISE[::-1], b, engine={"version": "b2"})

    found = compare_sides(old, new)

    assert found.subject == ("engine.version: 'b1' is now 'b2'",)
    assert found.differences == ()
    assert found.rows[0].finding is not None
    assert found.rows[0].finding.verdict is verdict


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"driver": "d2"}, "driver: 'd1' is now 'd2'"),
        ({"machine": {"cpu": "b"}}, "machine.cpu: 'a' is now 'b'"),
        ({"models": {"Q4_K": "b"}}, "models.Q4_K: 'a' is now 'b'"),
        ({"profile": "q"}, "profile: 'p' is now 'q'"),
        ({"engine": {"version": "b1", "device": "other"}}, "engine.device: None is now 'other'"),
    ],
)
def test_another_identity_caps_at_inconclusive_and_is_named(changed: dict[str, object], named: str) -> None:
    a, b = alternating()

    found = compare_sides(side(80 * NOISE, a), side(60 * NOISE, b, **changed))

    assert found.differences == (named,)
    assert found.rows[0].finding is not None
    assert found.rows[0].finding.verdict is Verdict.INCONCLUSIVE
    assert "another identity" in found.rows[0].finding.reason


@pytest.mark.parametrize(
    ("factor", "hint"), [(1.0, "it looks no worse"), (0.9, "it looks worse"), (0.97, "it may be worse")]
)
def test_sequential_runs_decide_nothing_and_say_so(factor: float, hint: str) -> None:
    old, new = side(80 * NOISE, list(range(10))), side(80 * factor * NOISE, list(range(10, 20)))

    finding = compare_sides(old, new).rows[0].finding

    assert finding is not None
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert hint in finding.reason
    assert "not interleaved" in finding.reason
    assert finding.next is not None
    assert "alternately" in finding.next
    assert finding.estimate == pytest.approx(100 * factor)


def test_pairs_that_are_all_the_same_way_round_are_not_interleaved() -> None:
    a, b = alternating(swap=False)

    finding = compare_sides(side(80 * NOISE, a), side(60 * NOISE, b)).rows[0].finding

    assert finding is not None
    assert "not interleaved" in finding.reason


def test_a_longer_latency_is_worse() -> None:
    def latencies(factor: float) -> Side:
        sample = Sample("itl", "ms", WHERE, tuple(float(value) for value in 12 * factor * NOISE))
        return Side("run", "run directory", IDENTITY, (sample,))

    for factor, hint in ((1.1, "looks worse"), (0.9, "looks no worse"), (1.02, "looks no worse")):
        finding = compare_sides(latencies(1.0), latencies(factor)).rows[0].finding
        assert finding is not None
        assert hint in finding.reason


def test_evidence_that_cannot_be_used_is_not_compared() -> None:
    old = side(80 * NOISE, list(range(10)))
    broken = replace(old, samples=(replace(old.samples[0], problem="the device throttled"),))

    finding = compare_sides(broken, old).rows[0].finding

    assert finding is not None
    assert finding.verdict is Verdict.INVALID
    assert finding.reason == "the baseline cannot be used: the device throttled"


def test_what_only_one_side_has_is_listed() -> None:
    old = side(80 * NOISE, list(range(10)))
    other = replace(old, samples=(replace(old.samples[0], where={**WHERE, "tokens": 512}),))

    rows = compare_sides(old, other).rows

    assert [(bool(row.baseline), bool(row.candidate), row.finding) for row in rows] == [
        (True, False, None),
        (False, True, None),
    ]


def foreign(where: dict[str, str | int], *values: float, metric: str = "decode_tps") -> ForeignResult:
    figure = ForeignFigure(metric, "tg128", "tok/s", values, where, ("all repetitions run in one process",))
    return ForeignResult("llama-bench", "bench.json", "0" * 64, (figure,))


def test_a_foreign_figure_stands_beside_ours_only_where_the_file_names_match() -> None:
    mine = side(80 * NOISE, list(range(10)))
    theirs = foreign_side(foreign({"model": "big.gguf", "tokens": 128, "streams": 1}, 82.0, 83.0), {"big.gguf": "Q4_K"})

    found = compare_sides(theirs, mine)

    assert found.differences == ("identity: the file names no driver, no machine and no digest of model or engine",)
    row = found.rows[0]
    assert row.finding is not None
    assert row.finding.verdict is Verdict.INCONCLUSIVE
    assert row.mismatches == (
        "all repetitions run in one process",
        "the model is the same by its file name only",
        "tokens: 128 against 256",
    )
    assert "defined otherwise than ours in 3 ways" in row.finding.reason
    unknown = foreign_side(foreign({"model": "other.gguf", "streams": 1}, 82.0), {"big.gguf": "Q4_K"})
    assert all(row.finding is None for row in compare_sides(unknown, mine).rows)


def test_files_of_one_tool_are_compared_under_equal_conditions_only() -> None:
    one, other = ({"model": "big.gguf", "tokens": tokens, "streams": 1} for tokens in (128, 256))

    same = compare_sides(foreign_side(foreign(one, 80.0), {}), foreign_side(foreign(one, 82.0), {}))
    different = compare_sides(foreign_side(foreign(one, 80.0), {}), foreign_side(foreign(other, 82.0), {}))

    assert same.rows[0].finding is not None
    assert "too few runs" in same.rows[0].finding.reason
    assert [row.finding for row in different.rows] == [None, None]


def test_a_side_survives_the_ledger_and_anything_else_is_refused() -> None:
    mine = side(80 * NOISE, list(range(10)))

    assert Side.from_dict(mine.to_dict()) == mine
    for wrong in ({}, {"name": "x", "source": "y", "identity": None, "samples": [{"metric": 1, "strange": 2}]}):
        with pytest.raises(EvidenceProblem, match="baseline"):
            Side.from_dict(wrong)
    with pytest.raises(EvidenceProblem, match="identity lacks a field"):
        compare_sides(replace(mine, identity={"profile": "p"}), mine)


def test_a_recorded_baseline_is_shown_and_decides_nothing(campaign) -> None:
    earlier = campaign("before").session(scene=SCENES["steady"])
    run = campaign("after")
    run.session(scene=SCENES["slow"])
    with_baseline = run.session(scene=SCENES["slow"], seed=1, baseline=campaign_side(earlier).to_dict())

    verdicts = judge(with_baseline)

    [comparison] = verdicts["comparisons"]
    assert comparison["baseline"] == "before (run directory)"
    [row] = comparison["rows"]
    assert row["estimate"] == pytest.approx(62.5, abs=0.5)
    assert row["verdict"] == "INCONCLUSIVE"
    assert next(entry for entry in verdicts["criteria"] if entry["id"] == "SLA-TPS-GUARANTEE")["verdict"] == "PASS"
    jsonschema.Draft202012Validator(schema()).validate(verdicts)


def test_the_verb_compares_two_run_directories(campaign, tmp_path, capsys) -> None:
    campaign("a").session()
    campaign("b", machine={"cpu": "b", "gpus": []}, version="2").session((Cell("Q4_K", 64), Cell("Q2_K", 64)))

    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0

    out = capsys.readouterr().out
    assert "compared: engine.version: '1' is now '2'" in out
    assert "differs: machine.cpu: 'a' is now 'b'" in out
    assert "decode_tps (variant Q4_K, tokens 64, streams 1): 80.0 tok/s, n 5 -> 80.0 tok/s, n 5" in out
    assert "not interleaved" in out
    assert "only one side has it" in out


def test_sessions_that_alternate_between_two_run_directories_are_decided(campaign, tmp_path, capsys) -> None:
    a, b = campaign("a"), campaign("b", version="2")
    for pair in range(10):
        runs = (a, b) if pair % 2 else (b, a)
        for position, run in enumerate(runs):
            scene = SCENES["steady"] if run is a else SCENES["slow"]
            run.session(processes=1, scene=scene, seed=pair, at=BEGAN + timedelta(hours=2 * pair + position))

    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 1
    assert "FAIL: candidate at 62." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("one", "other", "code", "says"),
    [
        ("nothing", "empty", 4, "nothing to compare"),
        ("empty", "empty", 4, "not compared with itself"),
        ("empty", "bare", 1, "not a run directory"),
    ],
)
def test_what_is_no_run_is_refused(tmp_path, capsys, one, other, code, says) -> None:
    for name in ("empty", "bare"):
        (tmp_path / name).mkdir()

    assert main(["compare", str(tmp_path / one), str(tmp_path / other)]) == code
    assert says in capsys.readouterr().err
