"""The documents are judged by what the run says of everything else; nothing is a pass without its figures."""

from dataclasses import replace

import pytest

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.places import package_data
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.profile.criterion import Document
from pytest_rawrxd.verdict.answers import documents
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.rulebook import RULES

ROADMAP = load_profile("rx7800xt").criteria


@pytest.fixture(scope="module")
def evidence():
    return Evidence.read(package_data("fixtures") / "recordings" / "h100-pilot-vulkan")


def judged(evidence, identifier):
    criterion = ROADMAP[identifier]
    return RULES[criterion.metric](evidence, criterion)[0]


def test_every_document_of_the_roadmap_is_judged():
    assert set(documents.SHOWN) == set(Document.__args__)


def test_a_document_whose_every_figure_is_there_is_complete(evidence):
    assert judged(evidence, "P3-DOC-SETUP").verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("criterion", "lacking"),
    [
        ("P3-DOC-EXECUTIVE", "no steady state"),
        ("P3-DOC-TRADEOFF", "quality was not measured"),
        ("P3-DOC-OPERATOR", "process_crash: not injected"),
        ("P3-DOC-SLA", "control"),
        ("P3-DOC-READINESS", "NOT MEASURED"),
        ("P3-MEASURED", "quality was not measured"),
        ("P3-CURVES", "streams"),
        ("P3-TREE", "no use"),
        ("P3-SLA", "SLA-"),
        ("P3-SLA-ACHIEVABLE", "SLA-"),
        ("P3-CHECKLIST", "P3-DOCS is NOT MEASURED"),
        ("P2-RUNBOOK", "process_crash: not injected"),
        ("P2-CHECKLIST", "NOT MEASURED"),
    ],
)
def test_what_is_lacking_is_named_and_is_no_pass(evidence, criterion, lacking):
    found = judged(evidence, criterion)

    assert found.verdict is Verdict.NOT_MEASURED
    assert lacking in found.reason


def test_documents_that_are_not_complete_do_not_count(evidence):
    found = judged(evidence, "P3-DOCS")

    assert found.verdict is Verdict.NOT_MEASURED
    assert "1 of 9 documents" in found.reason


def test_a_broken_promise_anywhere_stops_the_release(evidence):
    found = judged(evidence, "P3-RELEASE")

    assert found.verdict is Verdict.FAIL
    assert "P1-BOTTLENECK" in found.reason


def test_nobody_declares_anything_in_a_rehearsal(evidence, monkeypatch):
    def kept(_evidence, each):
        verdict = Verdict.NOT_MEASURED if each.kind == "declaration" else Verdict.PASS
        return {"verdict": verdict, "evidence": []}

    monkeypatch.setattr(documents, "entry", kept)
    campaign = evidence.campaign
    accepting = Evidence(
        replace(campaign, profile=campaign.profile.model_copy(update={"kind": "acceptance"})), evidence.records
    )

    assert judged(evidence, "P3-RELEASE").verdict is Verdict.PASS
    assert judged(accepting, "P3-RELEASE").verdict is not Verdict.PASS


def test_the_script_of_an_engine_completes_no_document(evidence):
    campaign = evidence.campaign
    identity = replace(campaign.identity, engine={**campaign.identity.engine, "backend": "scripted"})
    scripted = Evidence(replace(campaign, identity=identity), evidence.records)
    found = judged(scripted, "P3-DOC-SETUP")

    assert found.verdict is Verdict.NOT_MEASURED
    assert "script" in found.reason


def test_a_run_that_measured_nothing_has_no_history(evidence):
    empty = Evidence(evidence.campaign, tuple(each for each in evidence.records if each.kind == "session.start"))

    assert judged(evidence, "P3-HISTORY").verdict is Verdict.PASS
    assert judged(empty, "P3-HISTORY").verdict is Verdict.NOT_MEASURED


def test_a_guarantee_above_what_runs_like_these_keep_is_not_achievable(evidence, monkeypatch):
    row = evidence.campaign.profile.criteria["SLA-TPS-GUARANTEE"]
    monkeypatch.setattr(documents, "deciding", lambda *_: iter([row]))

    found = judged(evidence, "P3-SLA-ACHIEVABLE")
    assert found.verdict is Verdict.PASS
    assert "75 promised" in found.reason

    monkeypatch.setattr(documents, "deciding", lambda *_: iter([row.model_copy(update={"limit": 200.0})]))
    monkeypatch.setattr(documents, "entry", lambda *_: {"verdict": Verdict.PASS, "evidence": []})
    above = judged(evidence, "P3-SLA-ACHIEVABLE")
    assert above.verdict is Verdict.FAIL
    assert "runs like these keep" in above.reason


def test_what_a_token_costs_is_lacking_where_the_gpu_was_not_watched(evidence):
    unwatched = Evidence(evidence.campaign, tuple(each for each in evidence.records if each.kind != "gpu.samples"))
    on_cpu = replace(evidence.campaign.identity, engine={**evidence.campaign.identity.engine, "backend": "cpu"})

    assert list(documents.OWN["energy"](evidence)) == []
    assert len(list(documents.OWN["energy"](unwatched))) == len(evidence.campaign.profile.models.variants)
    assert list(documents.OWN["energy"](Evidence(replace(evidence.campaign, identity=on_cpu), unwatched.records))) == []


def test_an_engine_that_is_shown_beside_spoils_no_document():
    """It decides nothing; a breach in its records is none of the documents'."""
    load = Evidence.read(package_data("fixtures") / "recordings" / "h100-load-vulkan")
    run = load.of("load.run")[0]
    beside = replace(run, id=f"{run.session}-other-1", data={**run.data, "beside": "llama-server"})
    both = Evidence(load.campaign, (*load.records, beside))
    rests_on = RULES["version_history"](both, ROADMAP["P3-HISTORY"])[1]

    assert run.id in rests_on
    assert beside.id not in rests_on
