"""A run directory belongs to one identity, and one session at a time."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pytest_rawrxd.errors import CampaignProblem, EvidenceProblem
from pytest_rawrxd.evidence.campaign import (
    Evidence,
    SessionLock,
    check_joinable,
    open_campaign,
    read_card,
)
from pytest_rawrxd.evidence.identity import Identity
from pytest_rawrxd.evidence.ledger import LedgerWriter
from pytest_rawrxd.evidence.recorder import Recorder
from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.profile import load_profile

STILL = Clock(monotonic_ns=lambda: 7, wall=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), sleep=lambda _: None)
PROFILE = load_profile("embedded")
IDENTITY = Identity(
    profile=PROFILE.digest,
    models={"Q4_K": "a" * 64},
    engine={"name": "llama.cpp", "version": "b1"},
    driver=None,
    machine={"cpu": "a processor", "gpus": []},
)


def test_a_new_directory_becomes_a_campaign_that_carries_its_profile(tmp_path):
    campaign = open_campaign(tmp_path / "run", IDENTITY, PROFILE, STILL)

    assert campaign == read_card(tmp_path / "run")
    assert campaign.id == "run"
    assert campaign.created == "2026-01-02T03:04:05+00:00"
    assert campaign.identity == IDENTITY
    assert campaign.profile == PROFILE


def test_the_criteria_keep_their_order(tmp_path):
    campaign = open_campaign(tmp_path / "run", IDENTITY, PROFILE, STILL)

    assert list(campaign.profile.criteria) == list(PROFILE.criteria)


def test_the_same_identity_joins(tmp_path):
    first = open_campaign(tmp_path, IDENTITY, PROFILE, STILL)

    assert open_campaign(tmp_path, IDENTITY, PROFILE, STILL) == first


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (replace(IDENTITY, profile="b" * 64), "profile: "),
        (replace(IDENTITY, models={"Q4_K": "b" * 64}), "models.Q4_K: "),
        (replace(IDENTITY, models={}), "models"),
        (replace(IDENTITY, engine={"name": "llama.cpp", "version": "b2"}), "engine.version: 'b1' is now 'b2'"),
        (replace(IDENTITY, driver="nvidia 580"), "driver: None is now 'nvidia 580'"),
        (replace(IDENTITY, machine={"cpu": "another", "gpus": []}), "machine.cpu: "),
    ],
)
def test_another_identity_is_refused_and_the_field_is_named(tmp_path, other, named):
    open_campaign(tmp_path, IDENTITY, PROFILE, STILL)

    with pytest.raises(CampaignProblem, match="another identity") as caught:
        check_joinable(tmp_path, other)
    assert named in str(caught.value)
    assert other.digest != IDENTITY.digest


def test_two_sessions_at_the_same_time_are_refused(tmp_path):
    with SessionLock(tmp_path), pytest.raises(CampaignProblem, match="another session"), SessionLock(tmp_path):
        pass

    with SessionLock(tmp_path):
        assert (tmp_path / ".session.lock").exists()


def test_sessions_are_numbered_by_the_ledgers_that_are_there(tmp_path):
    campaign = open_campaign(tmp_path, IDENTITY, PROFILE, STILL)
    assert campaign.new_session() == "s001"

    for session, worker in (("s001", "main"), ("s002", "gw0")):
        LedgerWriter(tmp_path / "ledger", session=session, worker=worker, identity="x", clock=STILL).close()

    assert campaign.new_session() == "s003"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda card: {**card, "schema": 99}, "another version"),
        (lambda card: {key: value for key, value in card.items() if key != "identity"}, "cannot be read"),
        (lambda card: [card], "cannot be read"),
        (lambda card: {**card, "profile": {**card["profile"], "title": "softened"}}, "was changed"),
    ],
    ids=["schema", "missing key", "list", "changed profile"],
)
def test_a_card_that_is_not_what_it_was_is_refused(tmp_path, change, says):
    open_campaign(tmp_path, IDENTITY, PROFILE, STILL)
    card = tmp_path / "campaign.json"
    card.write_text(json.dumps(change(json.loads(card.read_text()))))

    with pytest.raises(EvidenceProblem, match=says):
        read_card(tmp_path)


def test_a_folder_without_a_card_is_no_run_directory(tmp_path):
    with pytest.raises(EvidenceProblem, match="not a run directory") as caught:
        Evidence.read(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_records_are_found_by_kind_and_by_what_they_hold(tmp_path):
    open_campaign(tmp_path, IDENTITY, PROFILE, STILL)
    with LedgerWriter(
        tmp_path / "ledger", session="s001", worker="main", identity=IDENTITY.digest, clock=STILL
    ) as ledger:
        recorder = Recorder(tmp_path, "s001", "main", ledger)
        first = recorder.record("run", {"variant": "Q4_K", "n": 1})
        second = recorder.record("run", {"variant": "Q2_K", "n": 1})
        recorder.record("other", {"variant": "Q4_K"})

    evidence = Evidence.read(tmp_path)

    assert [record.id for record in evidence.of("run")] == [first, second]
    assert [record.id for record in evidence.of("run", variant="Q4_K")] == [first]
    assert evidence.of("run", variant="Q4_K", n=2) == []


def test_a_ledger_of_another_identity_is_refused_and_named(tmp_path):
    open_campaign(tmp_path, IDENTITY, PROFILE, STILL)
    stale = replace(IDENTITY, engine={"name": "llama.cpp", "version": "b0"}).digest
    with LedgerWriter(tmp_path / "ledger", session="s001", worker="main", identity=stale, clock=STILL) as ledger:
        ledger.write("run", {})

    with pytest.raises(EvidenceProblem, match="another identity") as caught:
        Evidence.read(tmp_path)
    assert caught.value.where == "ledger/s001-main.jsonl:1"


def test_an_identity_of_another_profile_than_the_carried_one_is_refused(tmp_path):
    open_campaign(tmp_path, replace(IDENTITY, profile="b" * 64), PROFILE, STILL)

    with pytest.raises(EvidenceProblem, match="another profile"):
        Evidence.read(tmp_path)


def test_a_signed_run_is_closed(tmp_path):
    open_campaign(tmp_path, IDENTITY, PROFILE, STILL)
    (tmp_path / "signatures").mkdir()
    check_joinable(tmp_path, IDENTITY)
    (tmp_path / "signatures" / "phase1.json").write_text("{}")

    with pytest.raises(CampaignProblem, match="is signed"):
        check_joinable(tmp_path, IDENTITY)
