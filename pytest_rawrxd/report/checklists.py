"""The two checklists of the roadmap: ready for production (phase 2), ready to deploy (phase 3).

A line is ticked by verdicts alone, never by hand: it names the criteria that answer it, and they lead to the evidence.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pytest_rawrxd.report.approval import approval_options
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.judged import Judged
from pytest_rawrxd.report.page import render
from pytest_rawrxd.report.pick import Pick, deciding, picked
from pytest_rawrxd.verdict.outcome import Verdict


class Standing(StrEnum):
    """Whether a line of a checklist is done."""

    DONE = "yes"
    WAIVED = "yes, with waivers"
    BROKEN = "no"
    OPEN = "open"
    EXCUSED = "not in a rehearsal"
    ABSENT = "not promised"


#: How a standing looks: a symbol beside each colour.
LOOKS = {
    Standing.DONE: ("☑", "pass"),
    Standing.WAIVED: ("△", "waived"),
    Standing.BROKEN: ("☒", "fail"),
    Standing.OPEN: ("☐", "open"),
    Standing.EXCUSED: ("–", "none"),
    Standing.ABSENT: ("–", "absent"),
}


@dataclass(frozen=True)
class Item:
    """One line: what has to be true, and which criteria answer."""

    words: str
    picks: tuple[Pick, ...]
    page: str = ""  #: the run's page about it
    optional: bool = False  #: left out where the profile promises nothing of it: one server needs no balancing


@dataclass(frozen=True)
class Checklist:
    """One checklist. ``name`` is its file without ending and the name of the output in a profile."""

    name: str
    title: str
    phase: int
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Line:
    """One item, answered."""

    item: Item
    standing: Standing
    criteria: tuple[Judged, ...]
    page: str  #: "" where the run has no such page

    @property
    def source(self) -> str:
        """The roadmap's sentence, as the first of the criteria has it: with the numbers of this profile alone."""
        return self.criteria[0].source if self.criteria else ""


READINESS = Checklist(
    "production_readiness_checklist",
    "Production readiness checklist",
    2,
    (
        Item(
            "Latency holds under concurrent requests",
            (
                Pick(
                    metrics=(
                        "inter_token_latency",
                        "time_weighted_latency",
                        "longest_gap",
                        "stalled_share",
                        "time_to_first_token",
                    )
                ),
            ),
            "concurrency_load_test.html",
        ),
        Item(
            "Throughput scales with the streams",
            (Pick(metrics=("aggregate_tps", "host_tps", "scaling_efficiency")),),
            "concurrency_load_test.html",
        ),
        Item(
            "Load balancing is configured",
            (Pick(metrics=("server_spread", "server_latency", "fleet_loss")),),
            "concurrency_load_test.html",
            optional=True,
        ),
        Item(
            "Every request is answered, and correctly",
            (Pick(metrics=("requests_completed", "wrong_answers", "request_duration", "queue_served")),),
            "concurrency_load_test.html",
        ),
        Item(
            "Nothing crashes and no device error under load",
            (Pick(metrics=("crashes", "device_errors"), during="load"), Pick(metrics=("vram_delta",), during="load")),
            "concurrency_load_test.html",
        ),
        Item(
            "48 hours without interruption",
            (
                Pick(metrics=("soak_duration", "soak_completed", "soak_record", "latency_trend", "soak_latency")),
                Pick(
                    metrics=("crashes", "error_log_lines", "failed_restarts", "gpu_temperature", "gpu_utilisation"),
                    during="soak",
                ),
            ),
            "stability_48h.html",
        ),
        Item(
            "No memory leak",
            (
                Pick(metrics=("vram_drift", "vram_hourly_floor")),
                Pick(metrics=("vram_delta", "vram_used"), during="soak"),
            ),
            "stability_48h.html",
        ),
        Item(
            "Errors are handled and service recovers",
            (
                Pick(metrics=("lost_requests", "recovery_time", "cpu_fallback", "fault_handled", "hung_requests")),
                Pick(metrics=("crashes",), during="faults"),
                Pick(metrics=("output_written",), output="error_handling"),
            ),
            "error_handling.html",
        ),
        Item(
            "Alerts fire before the SLA is broken",
            (
                Pick(metrics=("alerts_early",)),
                Pick(metrics=("output_written",), output="monitoring_alerting"),
            ),
            "monitoring_alerting.html",
        ),
        Item(
            "The service levels of normal operation are kept",
            (
                Pick(metrics=("availability", "planned_maintenance", "concurrent_users")),
                Pick(metrics=("vram_used", "gpu_utilisation", "gpu_temperature"), during="load"),
            ),
        ),
        Item(
            "The operator runbook is complete",
            (Pick(metrics=("output_written",), output="operator_runbook"),),
        ),
        Item(
            "The load and stability tests are reported",
            (
                Pick(metrics=("output_written",), output="concurrency_load_test"),
                Pick(metrics=("output_written",), output="stability_48h"),
                Pick(metrics=("output_written",), output="production_readiness_checklist"),
            ),
        ),
    ),
)

DEPLOYMENT = Checklist(
    "deployment_checklist",
    "Deployment checklist",
    3,
    (
        Item(
            "The guaranteed throughput is kept",
            (Pick(metrics=("decode_tps",), kind="floor"),),
            "performance_matrix.html",
        ),
        Item(
            "The model runs wholly on the device",
            (Pick(metrics=("fully_offloaded",)), Pick(metrics=("vram_used",), during="bandwidth")),
            "bandwidth_analysis.html",
        ),
        Item(
            "It is decided which variant serves what",
            (
                Pick(metrics=("peak_determined", "peak_answered")),
                Pick(metrics=("output_written",), output="decision_matrix"),
                Pick(metrics=("output_written",), output="decision_tree"),
            ),
            "performance_matrix.html",
        ),
        Item(
            "All data is under version control",
            (Pick(metrics=("data_under_version_control",)),),
        ),
        Item(
            "The nine documents carry the measured results",
            (Pick(metrics=("documents_complete", "document_complete", "version_history")),),
        ),
        Item(
            "Every number was measured, every curve has its interval",
            (
                Pick(metrics=("measured_only", "curves_publishable", "recommendations_derived")),
                Pick(metrics=("output_written",), output="scaling_graph"),
                Pick(metrics=("output_written",), output="performance_matrix"),
            ),
        ),
        Item(
            "The SLA is written down and can be kept",
            (Pick(metrics=("sla_documented", "sla_achievable")),),
        ),
        Item(
            "Somebody else deployed by the guide",
            (Pick(metrics=("operator_walkthrough",)),),
        ),
        Item(
            "The release is ready",
            (
                Pick(metrics=("release_ready",)),
                Pick(metrics=("output_written",), output="deployment_checklist"),
            ),
        ),
    ),
)

CHECKLISTS = (READINESS, DEPLOYMENT)


def answered(view: RunView, checklist: Checklist, pages: Collection[str] = ()) -> tuple[Line, ...]:
    """Return the lines of ``checklist`` as the verdicts answer them; ``pages`` are those that the run has."""
    return tuple(
        Line(item, _standing(found), found, item.page if item.page in pages else "")
        for item in checklist.items
        for found in [picked(view, view.criteria, item.picks)]
        if found or not item.optional
    )


def render_checklist(view: RunView, checklist: Checklist, pages: Collection[str] = ()) -> str:
    """Return the page of ``checklist``: every line with its criteria and its page, and a block to sign by hand."""
    lines = answered(view, checklist, pages)
    phases = {phase.number for phase in view.phases}
    return render(
        "checklist.html.j2",
        view,
        title=checklist.title,
        document=f"{view.verdicts['run']['id']} / {checklist.name}",
        rehearsal=view.rehearsal,
        lines=lines,
        options=approval_options(view.phase(checklist.phase)) if checklist.phase in phases else (),
        looks=LOOKS,
        done=done(lines),
    )


def done(lines: Sequence[Line]) -> int:
    """How many lines are done, waived ones among them."""
    return sum(line.standing in {Standing.DONE, Standing.WAIVED} for line in lines)


def _standing(found: Sequence[Judged]) -> Standing:
    verdicts = [judged.verdict for judged in deciding(found)]
    if not verdicts:
        return Standing.EXCUSED if any(not judged.informative for judged in found) else Standing.ABSENT
    if Verdict.FAIL in verdicts:
        return Standing.BROKEN
    if all(verdict is Verdict.PASS for verdict in verdicts):
        return Standing.DONE
    return Standing.WAIVED if all(v in (Verdict.PASS, Verdict.WAIVED) for v in verdicts) else Standing.OPEN
