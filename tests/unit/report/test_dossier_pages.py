"""The gates, the checklists, the deviations and the way from a number to its evidence."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.profile.metrics import METRICS
from pytest_rawrxd.report.bundle import bundle
from pytest_rawrxd.report.checklists import CHECKLISTS, DEPLOYMENT, READINESS, Standing, answered, render_checklist
from pytest_rawrxd.report.deviations import deviations
from pytest_rawrxd.report.dossier import Promises, RunView
from pytest_rawrxd.report.evidence_page import render_evidence
from pytest_rawrxd.report.matrix import cells
from pytest_rawrxd.report.milestones import GATES, milestones
from pytest_rawrxd.report.signoff import render_signoff
from pytest_rawrxd.report.variant import variants
from pytest_rawrxd.verdict.answers.output_written import OUTPUTS

ROADMAP = load_profile("rx7800xt")


def judged_as(sample, verdict="PASS", state="APPROVED", rehearsal=False, **others):
    """The whole roadmap with one verdict for every criterion, but ``others`` by id (``_`` for ``-``)."""
    other = {name.replace("_", "-"): value for name, value in others.items()}
    criteria = [
        sample.criterion(
            each.id,
            phase=each.phase,
            kind=each.kind,
            informative=each.informative,
            verdict=other.get(each.id, verdict),
            reason="said",
            evidence=["s001-main-1"],
        )
        for each in ROADMAP.criteria.values()
    ]
    verdicts = sample.make_verdicts(criteria, state=state, rehearsal=rehearsal)
    records, raw = sample.make_records()
    return RunView.build(verdicts, records=records, load_raw=lambda ref: raw[ref["file"]], profile=Promises.of(ROADMAP))


@pytest.fixture(scope="module")
def kept(sample):
    return judged_as(sample)


def test_every_metric_that_a_gate_or_a_checklist_names_can_be_promised():
    picks = [pick for checklist in CHECKLISTS for item in checklist.items for pick in item.picks]
    picks += [pick for gate in GATES.values() for _, asked in gate.asked for pick in asked]
    assert {metric for pick in picks for metric in pick.metrics} <= set(METRICS)


def test_every_deciding_criterion_of_phase_2_and_3_stands_in_a_checklist(kept):
    listed = {judged.id for checklist in CHECKLISTS for line in answered(kept, checklist) for judged in line.criteria}
    promised = {each.id for each in ROADMAP.criteria.values() if each.phase in {2, 3} and not each.informative}
    assert promised <= listed


def test_no_line_of_a_checklist_is_without_a_promise_of_the_roadmap(kept):
    for checklist in CHECKLISTS:
        assert all(line.standing is Standing.DONE for line in answered(kept, checklist)), checklist.name


def test_a_gate_is_open_only_where_everything_is_kept(kept):
    assert [(gate.name, gate.met) for gate in milestones(kept)] == [("M1", True), ("M2", True), ("M3", True)]


@pytest.mark.parametrize(
    ("changes", "open_gates"),
    [
        ({"P1_PEAK": "INCONCLUSIVE"}, ["M2", "M3"]),
        ({"P1_PEAK": "WAIVED"}, ["M1", "M2", "M3"]),
        ({"P2_SOAK_DRIFT": "NOT MEASURED"}, ["M1", "M3"]),
        ({"P2_LAT_P95": "INVALID"}, ["M1", "M3"]),
        ({"P3_RELEASE": "FAIL"}, ["M1", "M2"]),
        ({"state": "INCOMPLETE"}, []),
        ({"rehearsal": True}, []),
    ],
)
def test_a_gate_is_shut_by_what_it_asks_for_by_the_state_and_by_a_rehearsal(sample, changes, open_gates):
    found = milestones(judged_as(sample, **changes))

    assert [gate.name for gate in found if gate.met] == open_gates
    for gate in found:
        assert gate.reasons


def test_a_gate_that_the_profile_promises_nothing_about_is_shut(sample):
    view = judged_as(sample)
    nothing = RunView.build(
        {**view.verdicts, "criteria": []}, records=view.records, load_raw=view.load_raw, profile=view.profile
    )

    assert [gate.met for gate in milestones(nothing)] == [False, False, False]
    assert all(line.standing is Standing.ABSENT for line in answered(nothing, READINESS))


def test_the_reasons_of_a_shut_gate_name_what_shuts_it(sample):
    page = render_signoff(judged_as(sample, P1_PEAK="FAIL", state="REJECTED"), 1)

    assert "curve: 1 of 1 kept; peak variant: 0 of 1 kept; phase 1 is REJECTED (P1-PEAK FAIL)" in page
    assert page.index("Curve established and peak variant identified?") < page.index("1 Criteria")


@pytest.mark.parametrize(
    ("verdict", "standing"),
    [
        ("FAIL", Standing.BROKEN),
        ("INVALID", Standing.OPEN),
        ("INCONCLUSIVE", Standing.OPEN),
        ("NOT MEASURED", Standing.OPEN),
        ("WAIVED", Standing.WAIVED),
    ],
)
def test_one_criterion_decides_its_line(sample, verdict, standing):
    view = judged_as(sample, P3_OPERATOR=verdict, P3_DOC_SLA=verdict)
    lines = {line.item.words: line.standing for line in answered(view, DEPLOYMENT)}

    assert lines["Somebody else deployed by the guide"] is standing
    assert lines["The nine documents carry the measured results"] is standing
    assert lines["The release is ready"] is Standing.DONE


def test_a_line_that_only_a_rehearsal_leaves_out_is_not_done(sample):
    view = judged_as(sample, P3_OPERATOR="NOT APPLICABLE")
    lines = {line.item.words: line.standing for line in answered(view, DEPLOYMENT)}

    assert lines["Somebody else deployed by the guide"] is Standing.EXCUSED


def test_a_blocked_phase_is_offered_no_acceptance_on_its_checklist(sample):
    assert "☐ accept" in render_checklist(judged_as(sample), READINESS)
    assert "☐ accept" not in render_checklist(judged_as(sample, state="INCOMPLETE"), READINESS)
    assert "☐ accept" not in render_checklist(judged_as(sample, rehearsal=True), READINESS)


class Links(HTMLParser):
    """Targets of links and the ids there are."""

    def __init__(self) -> None:
        super().__init__()
        self.to: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "a":
            self.to.append(found["href"])
        if "id" in found:
            self.ids.append(found["id"])


def test_every_link_of_every_page_leads_somewhere_inside_the_run(view):
    pages = {name: content.decode() for name, content in bundle(view).items() if name.endswith(".html")}
    read = {}
    for name, content in pages.items():
        read[name] = Links()
        read[name].feed(content)
    raw = {record.data["raw"]["file"] for record in view.records if "raw" in record.data}
    for name, links in read.items():
        assert len(links.ids) == len(set(links.ids)), name
        for target in links.to:
            file, _, anchor = target.partition("#")
            assert file in pages or file in raw or not file, (name, target)
            if anchor:
                assert anchor in read[file or name].ids, (name, target)


def test_every_measured_number_leads_to_its_records(view):
    page, proof = render_signoff(view, 1), render_evidence(view)

    for judged in view.phase(1).criteria:
        if judged.evidence and judged.estimate is not None:
            assert f'href="evidence.html#c-{judged.id}"' in page, judged.id
            row = re.search(rf'<tr id="c-{judged.id}">.*?</tr>', proof, re.DOTALL)
            assert row is not None
            assert re.findall(r'href="#r-([^"]+)"', row[0]) == list(judged.evidence)


@pytest.mark.parametrize("page", ["performance_matrix.html", "bandwidth_analysis.html", "hybrid_feasibility.html"])
def test_every_row_of_the_pages_of_phase_1_leads_to_the_records_it_rests_on(view, page):
    files = bundle(view)
    proof = files["evidence.html"].decode()
    rested = [
        records_behind(proof, anchor)
        for anchor in re.findall(r'href="evidence.html#([rg]-[^"]+)"', files[page].decode())
    ]
    runs = {cell.records for cell in cells(view.runs, view.variants)}
    judged = {each.cell.records for each in variants(view)}

    assert (runs if page.startswith("performance") else judged) <= set(rested)
    for record in (*view.of("model"), *view.of("quality")):
        assert (page.startswith("bandwidth") and record.kind == "quality") or (record.id,) in rested


def records_behind(proof, anchor):
    """The ids of the records that a place in evidence.html stands for."""
    row = re.search(rf'<tr id="{re.escape(anchor)}">.*?</tr>', proof, re.DOTALL)
    assert row is not None, anchor
    return tuple(re.findall(r'href="#r-([^"]+)"', row[0])) or (anchor.removeprefix("r-"),)


def test_a_waiver_stands_on_page_one_with_its_day_and_what_it_waives(view):
    decision = render_signoff(view, 1).split('aria-label="Proof"')[0]

    for said in ("RX-118", "P1-TPS-HYBRID", "Technical Lead", "2026-02-28", "judged on 2025-12-11", "Q4_K serves"):
        assert said in decision


def test_the_approval_block_says_what_paper_and_what_a_machine_can_verify(view):
    decision = render_signoff(view, 1).split('aria-label="Proof"')[0]

    assert "valid on paper" in decision
    assert "Only the signed statement is machine-verified" in decision
    assert view.digest in decision


def test_deviations_are_said(view, sample):
    said = list(deviations(view, view.phase(1)))

    assert any("the item to be signed is RawrXD engine, Vulkan" in line for line in said)
    assert any("have a waiver" in line for line in said)
    assert any("PARTIAL OFFLOAD: Q8_0" in line for line in said)
    assert any("Session s002 has no end in the ledger" in line for line in said)


def test_a_line_leads_to_its_page_where_the_run_has_it(kept):
    pages = {line.item.words: line.page for line in answered(kept, READINESS, {"stability_48h.html"})}
    led = {words for words, page in pages.items() if page}

    assert led == {"48 hours without interruption", "No memory leak"}


def test_every_page_that_a_checklist_leads_to_is_one_that_a_run_may_have():
    known = {page.partition(",")[0] for page, _lacks, _whole in OUTPUTS.values()}
    assert {item.page for checklist in CHECKLISTS for item in checklist.items if item.page} <= known
