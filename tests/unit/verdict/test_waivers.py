"""What a waiver excuses, what it cannot, and what its end brings."""

from datetime import UTC, date, datetime

import pytest

from pytest_rawrxd.errors import CampaignProblem, EvidenceProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.waivers import record_waivers
from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.profile.profile import digest_of
from pytest_rawrxd.profile.waivers import Waiver
from pytest_rawrxd.verdict.judge import judge
from pytest_rawrxd.verdict.outcome import State, Verdict
from pytest_rawrxd.verdict.state import accepted, describe_phase, phase_state
from pytest_rawrxd.verdict.waivers import Waivers, waived

STILL = Clock(monotonic_ns=lambda: 7, wall=lambda: datetime(2026, 1, 3, tzinfo=UTC), sleep=lambda _: None)
LAST = date(2026, 2, 28)
TOML = """
[[waiver]]
criterion = "SLA-TPS-GUARANTEE"
owner = "Technical Lead"
reason = "late"
ticket = "RX-1"
expiry = 2026-02-28
compensating_measure = "two cards"
"""


def entry(verdict, identifier="P1-X", **more):
    return {
        "id": identifier,
        "phase": 1,
        "informative": False,
        "verdict": str(verdict),
        "reason": "why",
        "waiver": None,
        "claimed_by": ["test"],
        **more,
    }


def under_waiver(verdict, day=LAST):
    waiver = Waiver(criterion="P1-X", owner="o", reason="r", ticket="T-1", expiry=LAST, compensating_measure="c")
    return waived(entry(verdict), Waivers(day, {}, {"P1-X": waiver}))


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.NOT_MEASURED])
def test_what_is_not_kept_is_waived_and_says_what_it_was(verdict):
    found = under_waiver(verdict)

    assert found["verdict"] == Verdict.WAIVED
    assert found["waiver"]["waives"] == verdict
    assert found["reason"] == f"{verdict}, waived until 2026-02-28 by T-1: why"
    assert describe_phase([found], rehearsal=False)["state"] == "APPROVED WITH 1 WAIVER"


def test_waivers_are_counted_in_the_state():
    two = [under_waiver(Verdict.FAIL), {**under_waiver(Verdict.FAIL), "id": "P1-Y"}, entry(Verdict.PASS)]

    assert describe_phase(two, rehearsal=False)["state"] == "APPROVED WITH 2 WAIVERS"
    assert accepted(two, [1], rehearsal=False)


def test_a_waiver_beside_an_open_criterion_approves_nothing():
    assert phase_state([under_waiver(Verdict.FAIL), entry(Verdict.INCONCLUSIVE)]) is State.INCOMPLETE
    assert phase_state([under_waiver(Verdict.FAIL)], errors=["V-X"]) is State.INCOMPLETE


def test_a_kept_promise_stays_kept():
    found = under_waiver(Verdict.PASS)

    assert (found["verdict"], found["waiver"]["standing"]) == (Verdict.PASS, "not needed")
    assert phase_state([found]) is State.APPROVED


def test_evidence_that_cannot_be_used_cannot_be_waived():
    found = under_waiver(Verdict.INVALID)

    assert (found["verdict"], found["waiver"]["standing"]) == (Verdict.INVALID, "refused")
    assert phase_state([found]) is State.INCOMPLETE


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.NOT_MEASURED])
def test_the_day_after_its_last_it_rejects_the_phase(verdict):
    found = under_waiver(verdict, date(2026, 3, 1))

    assert (found["verdict"], found["waiver"]["standing"]) == (verdict, "expired")
    assert phase_state([found]) is State.REJECTED
    assert "waiver expired: P1-X (2026-02-28)" in describe_phase([found], rehearsal=False)["sentence"]
    assert not accepted([found], [1], rehearsal=False)
    assert not accepted([found], [1], rehearsal=True)


def test_an_entry_without_waiver_is_left_alone():
    other = entry(Verdict.FAIL, "P1-OTHER")

    assert waived(other, Waivers(LAST, {}, {})) is other


@pytest.fixture
def failing(campaign):
    """A measured run that breaks its guarantee."""
    profile = load_profile("embedded")
    floor = profile.criteria["SLA-TPS-GUARANTEE"].model_copy(update={"limit": 1000.0})
    profile = profile.model_copy(update={"criteria": {**profile.criteria, floor.id: floor}})
    return campaign(profile=profile.model_copy(update={"digest": digest_of(profile)}))


def of(verdicts):
    return next(each for each in verdicts["criteria"] if each["id"] == "SLA-TPS-GUARANTEE")


def test_the_file_and_the_day_are_kept_in_the_run_and_decide_again(failing):
    evidence = failing.session()
    assert of(judge(evidence))["verdict"] == "FAIL"
    assert judge(evidence)["waivers"] is None

    record_waivers(failing.path, TOML.encode(), date(2026, 2, 28), STILL)
    verdicts = judge(Evidence.read(failing.path))

    assert of(verdicts)["verdict"] == "WAIVED"
    assert verdicts["waivers"]["day"] == "2026-02-28"
    assert (failing.path / verdicts["waivers"]["file"]).read_text() == TOML
    assert verdicts == judge(Evidence.read(failing.path))
    assert verdicts["run"]["ended"] == judge(evidence)["run"]["ended"]


def test_the_newest_day_counts(failing):
    failing.session()
    record_waivers(failing.path, TOML.encode(), date(2026, 2, 28), STILL)
    record_waivers(failing.path, TOML.encode(), date(2026, 3, 1), STILL)

    verdicts = judge(Evidence.read(failing.path))

    assert of(verdicts)["verdict"] == "FAIL"
    assert verdicts["state"]["1"]["state"] == "REJECTED"


def test_a_kept_file_that_was_changed_is_refused(failing):
    failing.session()
    record_waivers(failing.path, TOML.encode(), date(2026, 2, 28), STILL)
    kept = next(failing.path.glob("raw/*/waivers.toml"))
    kept.write_text(TOML.replace("2026-02-28", "2036-02-28"))

    with pytest.raises(EvidenceProblem, match="changed after it was recorded"):
        judge(Evidence.read(failing.path))


def test_a_signed_run_takes_no_waivers(failing):
    failing.session()
    (failing.path / "signatures").mkdir()
    (failing.path / "signatures" / "one.json").write_text("{}")

    with pytest.raises(CampaignProblem, match="is signed"):
        record_waivers(failing.path, TOML.encode(), LAST, STILL)
