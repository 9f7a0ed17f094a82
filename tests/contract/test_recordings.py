"""Evidence of real GPUs is judged here, on a machine that has none."""

import json
import re
from html import escape
from pathlib import Path

import pytest

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.joined import pool
from pytest_rawrxd.places import package_data
from pytest_rawrxd.report.checklists import READINESS, render_checklist
from pytest_rawrxd.report.documents import render_bandwidth
from pytest_rawrxd.report.render import view_of
from pytest_rawrxd.verdict.audit import audit
from pytest_rawrxd.verdict.comparison import compare_sides, to_dict
from pytest_rawrxd.verdict.judge import judge, judge_criterion, measured_item
from pytest_rawrxd.verdict.sides import campaign_side

RECORDINGS = package_data("fixtures") / "recordings"
PUBLISHED = Path(__file__).parents[2] / "reports" / "signed"


@pytest.fixture(params=["h100-pilot-vulkan", "h100-pilot-cuda"])
def recorded(request):
    return request.param, Evidence.read(RECORDINGS / request.param)


def entry(evidence, identifier):
    return judge_criterion(evidence, evidence.campaign.profile.criteria[identifier])


def test_the_measured_item_names_the_backend_that_computed(recorded):
    name, evidence = recorded

    assert name.removeprefix("h100-pilot-") in measured_item(evidence)["measured"]


@pytest.mark.parametrize(
    ("criterion", "verdict"),
    [
        ("P1-OFFLOAD", "PASS"),
        ("P1-HYBRID", "PASS"),
        ("P1-BW-SUSTAINED", "PASS"),
        ("P1-BW-TEMP", "PASS"),
        ("SLA-TPS-GUARANTEE", "PASS"),
        ("P1-BOTTLENECK", "FAIL"),
    ],
)
def test_both_backends_keep_and_break_the_same_promises(recorded, criterion, verdict):
    _, evidence = recorded

    assert entry(evidence, criterion)["verdict"] == verdict


def test_the_rates_are_those_that_were_measured(recorded):
    name, evidence = recorded
    found = entry(evidence, "SLA-TPS-GUARANTEE")

    assert found["estimate"] == pytest.approx({"h100-pilot-vulkan": 201.0, "h100-pilot-cuda": 261.9}[name], abs=0.1)
    assert found["lower"] < found["estimate"] < found["upper"]
    assert found["n"] == 5


@pytest.mark.parametrize(
    ("name", "verdicts"),
    [
        # The first load in a fresh Vulkan compiled for 7.2 s in the middle: a spike, and a run that drags the rate.
        (
            "h100-load-vulkan",
            {"P2-LAT-P50": "FAIL", "P2-LAT-P95": "PASS", "P2-LAT-SPIKE": "FAIL", "P2-AGG": "INCONCLUSIVE"},
        ),
        (
            "h100-load-cuda",
            {"P2-LAT-P50": "PASS", "P2-LAT-P95": "PASS", "P2-LAT-SPIKE": "PASS", "P2-AGG": "PASS"},
        ),
    ],
)
def test_load_on_a_real_gpu_is_judged_by_its_tokens(name, verdicts):
    evidence = Evidence.read(RECORDINGS / name)

    assert {identifier: entry(evidence, identifier)["verdict"] for identifier in verdicts} == verdicts
    # Two processes a level are less than gates.min_runs.floor asks for.
    assert entry(evidence, "P2-EFF-12")["verdict"] == "INVALID"
    assert entry(evidence, "P2-TTFT")["verdict"] == "NOT MEASURED"


@pytest.mark.parametrize(
    ("criterion", "verdict", "estimate"),
    [
        ("P2-LAT-P50", "FAIL", 18.48),
        ("P2-LAT-P95", "PASS", 28.08),
        ("P2-LAT-SPIKE", "PASS", 45.3),
        ("P2-AGG", "FAIL", 570),
        ("P2-EFF-8", "FAIL", 33.3),
        ("P2-EFF-12", "FAIL", 25.5),
        ("P2-EFF-16", "FAIL", 23.6),
        ("P2-REQUESTS", "PASS", 300),
        ("P2-CORRECT", "PASS", 0),
    ],
)
def test_the_roadmap_s_own_bounds_fail_honestly_on_an_h100_with_vulkan(criterion, verdict, estimate):
    found = entry(Evidence.read(RECORDINGS / "h100-vulkan-load"), criterion)

    assert found["verdict"] == verdict
    assert found["estimate"] == pytest.approx(estimate, rel=0.005)


def test_a_run_that_lost_its_machine_gives_phase_1_and_no_verdict_on_what_was_cut_off():
    evidence = Evidence.read(RECORDINGS / "h100-vulkan")

    assert evidence.of("session.end") == []
    assert entry(evidence, "SLA-TPS-GUARANTEE")["verdict"] == "PASS"
    assert entry(evidence, "P1-TPS-Q4_K")["verdict"] == "FAIL"
    assert entry(evidence, "P2-AGG")["verdict"] == "INVALID"
    assert entry(evidence, "P2-EFF-16")["verdict"] == "NOT MEASURED"


def test_a_run_beside_another_process_is_not_believed():
    """A planted process took 256 MiB of the card every two seconds: 200 tok/s that would keep the guarantee."""
    evidence = Evidence.read(RECORDINGS / "h100-vulkan-contaminated")
    found = entry(evidence, "SLA-TPS-GUARANTEE")

    assert found["verdict"] == "INVALID"
    assert "other processes used the device: memory that is not the engine's moved by" in found["reason"]
    assert [breach.violation.rule.id for breach in audit(evidence)] == ["V-GPU"]


def test_what_computes_beside_an_engine_is_counted_on_a_card():
    """The same process again, with a suite that counts the processes of the card."""
    found = entry(Evidence.read(RECORDINGS / "h100-vulkan-company"), "SLA-TPS-GUARANTEE")

    assert found["verdict"] == "INVALID"
    assert "process 1 of session s001: other processes used the device: one computed on it" in found["reason"]


IN_COMPANY = {"h100-vulkan-contaminated", "h100-vulkan-company"}


@pytest.mark.parametrize("name", sorted({path.name for path in RECORDINGS.glob("h100-*")} - IN_COMPANY))
def test_no_run_alone_on_its_card_is_taken_for_one_in_company(name):
    broken = {breach.violation.rule.id for breach in audit(Evidence.read(RECORDINGS / name))}

    assert "V-GPU" not in broken


@pytest.mark.parametrize(
    ("name", "verdicts"),
    [
        (
            "h100-vulkan-soak",
            {"P2-SOAK-CRASH": "PASS", "P2-SOAK-DRIFT": "PASS", "P2-SOAK-LAT": "PASS", "P2-SOAK-HOURS": "FAIL"},
        ),
        (
            "h100-cuda-soak",
            {"P2-SOAK-CRASH": "PASS", "P2-SOAK-DRIFT": "PASS", "P2-SOAK-LAT": "INCONCLUSIVE", "P2-SOAK-HOURS": "FAIL"},
        ),
    ],
)
def test_eight_minutes_of_soak_on_a_card_claim_what_they_can(name, verdicts):
    evidence = Evidence.read(RECORDINGS / name)

    assert {identifier: entry(evidence, identifier)["verdict"] for identifier in verdicts} == verdicts


@pytest.mark.parametrize("backend", ["vulkan", "cuda"])
def test_a_real_model_answers_right_before_during_and_after_faults_on_a_card(backend):
    evidence = Evidence.read(RECORDINGS / f"h100-smollm2-{backend}-faults")
    kept = ("P2-CORRECT", "P2-CORRECT-FAULTS", "P2-FALLBACK", "P2-FAULT-CRASH", "P2-FAULT-DEVICE", "P2-FAULT-OOM")

    assert {identifier: entry(evidence, identifier)["verdict"] for identifier in kept} == dict.fromkeys(kept, "PASS")
    assert "0 wrong of 232 canaries" in entry(evidence, "P2-CORRECT-FAULTS")["reason"]


def test_random_weights_recover_and_have_no_right_answer():
    evidence = Evidence.read(RECORDINGS / "h100-vulkan-faults")
    handled = sorted(name for name in evidence.campaign.profile.criteria if name.startswith("P2-FAULT-"))

    assert {entry(evidence, identifier)["verdict"] for identifier in (*handled, "P2-MTTR")} == {"PASS"}
    for identifier in ("P2-CORRECT", "P2-CORRECT-FAULTS", "P2-FALLBACK"):
        assert entry(evidence, identifier)["verdict"] == "NOT MEASURED"


def test_pairs_of_two_backends_are_counted_as_pairs_and_decide_nothing():
    """Eight pairs on one H100, the order drawn; of the ninth only one side was measured. A backend is an identity."""
    sides = [campaign_side(Evidence.read(RECORDINGS / f"h100-pairs-{backend}")) for backend in ("vulkan", "cuda")]

    found = to_dict(compare_sides(*sides))
    (row,) = found["rows"]

    assert (row["verdict"], row["reason"]) == ("INVALID", "8 pairs, at least 10 are needed")
    assert [row[side]["n"] for side in ("baseline", "candidate")] == [8, 9]
    assert any(said.startswith("engine.backend: ") for said in found["differences"])


def test_a_time_that_is_too_noisy_to_judge_stands_in_its_own_unit():
    found = entry(Evidence.read(RECORDINGS / "h100-vulkan-soak"), "P1-LAT-Q2_K")

    assert (found["verdict"], found["method"]) == ("INCONCLUSIVE", "coefficient of variation")
    assert found["estimate"] == pytest.approx(4.54, abs=0.01)  # ms


def test_two_boards_of_one_kind_give_one_verdict_on_phase_1_and_load():
    both = pool([Evidence.read(RECORDINGS / name) for name in ("h100-vulkan", "h100-vulkan-load")])
    published = json.loads((PUBLISHED / "h100-vulkan" / "verdicts.json").read_text(encoding="utf-8"))["criteria"]

    asked = ("SLA-TPS-GUARANTEE", "P1-BOTTLENECK", "P2-EFF-12", "P2-AGG", "P2-LAT-P50", "P2-LAT-P99-16")
    verdicts = {name: entry(both, name)["verdict"] for name in asked}
    assert verdicts == {
        "SLA-TPS-GUARANTEE": "PASS",
        "P1-BOTTLENECK": "FAIL",
        "P2-EFF-12": "FAIL",
        "P2-AGG": "FAIL",
        "P2-LAT-P50": "FAIL",
        "P2-LAT-P99-16": "PASS",
    }
    of_paper = {each["id"]: each["verdict"] for each in published if each["id"] in asked}
    assert of_paper == verdicts  # what is published is what the evidence gives


@pytest.mark.parametrize(
    ("criterion", "verdict", "estimate"),
    [
        ("P1-TPS-Q4_K", "FAIL", 261.4),
        ("P2-LAT-P50", "PASS", 8.91),
        ("P2-LAT-SPIKE", "PASS", 26.4),
        ("P2-AGG", "PASS", 1143),
        ("P2-EFF-12", "FAIL", 37.2),
        ("P2-CORRECT", "PASS", 0),
    ],
)
def test_with_cuda_the_same_card_keeps_the_throughput_and_fails_the_scaling(cuda, criterion, verdict, estimate):
    found = cuda[criterion]

    assert found["verdict"] == verdict
    assert found["estimate"] == pytest.approx(estimate, rel=0.005)


def test_faults_of_another_engine_than_the_one_under_test_prove_nothing_in_an_acceptance_run(cuda):
    """Injected into a llama-server of another commit on the same card: recorded, shown, and INVALID."""
    faults = [found for name, found in cuda.items() if name.startswith("P2-FAULT-") or name in {"P2-LOSS", "P2-MTTR"}]

    assert len(faults) == 13
    assert {found["verdict"] for found in faults} == {"INVALID"}
    assert all("not into the engine under test" in found["reason"] for found in faults)


@pytest.fixture(scope="module")
def cuda():
    published = json.loads((PUBLISHED / "h100-cuda" / "verdicts.json").read_text(encoding="utf-8"))
    found = judge(pool([Evidence.read(RECORDINGS / name) for name in ("h100-cuda", "h100-cuda-soak")]))

    assert found["criteria"] == published["criteria"]  # what is published is what the evidence gives
    return {each["id"]: each for each in found["criteria"]}


@pytest.mark.parametrize("backend", ["cuda", "vulkan"])
def test_a_real_model_answers_rightly_under_load_and_its_ladder_is_scored_on_the_card(backend):
    evidence = Evidence.read(RECORDINGS / f"h100-smollm2-{backend}")
    lost = {record.data["variant"]: record.data["kl_divergence"] for record in evidence.of("quality")}

    assert entry(evidence, "P2-CORRECT")["verdict"] == "PASS"
    assert min(lost, key=lost.get) == "Q8_0"
    assert sorted(lost, key=lost.get)[-2:] == ["Hybrid", "Q2_K"]
    assert lost["Q4_K"] < 0.03
    assert lost["Hybrid"] > 1


def test_the_spike_of_the_first_vulkan_load_is_found_where_it_was():
    found = entry(Evidence.read(RECORDINGS / "h100-load-vulkan"), "P2-LAT-SPIKE")

    assert found["estimate"] == pytest.approx(7183.6, abs=0.1)


def test_a_checklist_speaks_in_the_sentences_of_the_run_s_own_profile():
    evidence = Evidence.read(RECORDINGS / "h100-load-cuda")
    page = render_checklist(view_of(evidence, judge(evidence)), READINESS, {"concurrency_load_test.html"})

    assert escape(evidence.campaign.profile.criteria["P2-LAT-P50"].source) in page
    assert 'href="concurrency_load_test.html"' in page
    assert 'href="stability_48h.html"' not in page


def test_what_a_token_costs_is_said_of_one_stream_and_of_twelve():
    single, load = (Evidence.read(RECORDINGS / name) for name in ("h100-pilot-cuda", "h100-load-cuda"))

    assert entry(single, "SLA-TPS-GUARANTEE")["reason"].endswith("; 1.905 J per token")
    assert entry(load, "P2-AGG")["reason"].endswith("; 0.3234 J per token")


def test_the_bandwidth_page_shows_what_a_token_of_each_variant_costs(recorded):
    name, evidence = recorded
    page = render_bandwidth(view_of(evidence, judge(evidence)), ())

    shown = re.findall(r">(\d\.\d\d)</a><small>\[", page.partition("Sustained test")[0])
    assert len(shown) == 6
    assert shown[1] == {"h100-pilot-vulkan": "1.98", "h100-pilot-cuda": "1.77"}[name]
