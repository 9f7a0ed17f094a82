"""``error_handling.html``: what broke, what was lost, how long it took, and what to do when it happens again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pytest_rawrxd.measure.faults.campaign import MISSING, TROUBLE
from pytest_rawrxd.measure.faults.window import DRILL, WINDOW
from pytest_rawrxd.report import number
from pytest_rawrxd.report.documents import render_document
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.runs import RecordLike
from pytest_rawrxd.verdict.fault_window import Injection, read_injection
from pytest_rawrxd.verdict.load_run import Recorded

METRICS = frozenset(
    {
        "lost_requests",
        "fleet_loss",
        "recovery_time",
        "availability",
        "hung_requests",
        "cpu_fallback",
        "fault_handled",
        "queue_served",
        "wrong_answers",
    }
)

#: Kind -> what it is called, and what a person has to do. Times and signs come from the measurement.
PROCEDURES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "process_crash": ("The process is gone", "Keep its last log lines, then look for the cause."),
        "freeze": (
            "The process stands still",
            "A ready page that is silent is the only sign: watch it, not the sockets.",
        ),
        "out_of_memory": ("Memory runs out", "Limit prompt and answer of a request; give back memory to the host."),
        "device_unavailable": (
            "The GPU is gone at a restart",
            "Answers come from the CPU meanwhile, slower. Bring the device back, then restart the service once: "
            "a process that has started on the CPU stays there.",
        ),
        "timeout": (
            "Clients do not wait",
            "Compare the clients' deadline with the length of the answers they ask for.",
        ),
        "model_file": ("The model file cannot be read", "Put back the file whose SHA-256 the sign-off names."),
        "connection": ("Connections break or are slow", "Look at the network between client and server."),
        "malformed": ("Requests are malformed or too large", "Tell the client what the error says."),
        "cancellation": ("Clients give up", "Nothing, as long as slots come back."),
        "journal_full": ("The disk of the journal is full", "Make room; the run goes on with the next record."),
    }
)


@dataclass(frozen=True)
class Procedure:
    """One kind of fault: how it was brought about, how it showed, what happened, how long it took."""

    kind: str
    title: str
    action: str
    how: tuple[str, ...]
    signs: tuple[str, ...]
    by_itself: str
    times: tuple[tuple[str, float | None], ...]  #: the longest of its injections, in s
    records: tuple[str, ...]  #: the evidence of its injections and drills


def render_faults(view: RunView) -> str:
    """Return the document of error handling and recovery procedures."""
    found = [
        read_injection(record, view.load_raw(record.data["raw"]), view.profile.recovered) for record in view.of(WINDOW)
    ]
    return render_document(
        view,
        "error_handling",
        "Error handling and recovery procedures",
        judged=[each for each in view.criteria if _is_ours(view, each.id)],
        injections=found,
        procedures=procedures(view.of(DRILL), found),
        talks=[
            (record.data["name"], talk)
            for record in (*view.of(WINDOW), *view.of(DRILL))
            for talk in _distinct(record.data["talks"])
        ],
        missing=[record.data["why"] for record in view.of(MISSING)] + [r.data["what"] for r in view.of(TROUBLE)],
        service=_service(view),
    )


def procedures(drills: Sequence[RecordLike], injections: Sequence[Injection]) -> list[Procedure]:
    """One procedure for each kind that was injected or drilled, in the order in which they came."""
    done = [*((each.record, each) for each in injections), *((record, None) for record in drills)]
    kinds = dict.fromkeys(str(record.data["kind"]) for record, _ in done)
    return [_procedure(kind, [pair for pair in done if pair[0].data["kind"] == kind]) for kind in kinds]


def _procedure(kind: str, found: Sequence[tuple[Recorded, Injection | None]]) -> Procedure:
    title, action = PROCEDURES[kind]
    under_load = [each for _, each in found if each is not None]
    done = [record.data for record, _ in found]
    served = [(int(data["served_ns"]) - int(data["injected_ns"])) / 1e9 for data in done if data.get("served_ns")]
    restarts = sum(event["kind"] == "started" for data in done for event in data["events"])
    ends = sum(event["kind"] in ("ended", "silent") for data in done for event in data["events"])
    return Procedure(
        kind,
        title,
        action,
        tuple(dict.fromkeys(f"{data['name']}: {data['about_fault']}" for data in done)),
        tuple(dict.fromkeys(str(data["proof"]["said"]) for data in done)),
        f"the supervisor saw the process end or fall silent ({ends}), and started it again ({restarts})"
        if ends
        else "the process lived on",
        (
            ("noticed by the supervisor", _longest([each.detected_s for each in under_load])),
            ("process ready", _longest([each.up_s for each in under_load])),
            ("first token", _longest([each.first_token_s for each in under_load])),
            ("back within the SLA", _longest([each.recovery_s for each in under_load])),
            ("good answer after a drill", _longest(served)),
        ),
        tuple(record.id for record, _ in found),
    )


def _longest(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _distinct(talks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """One exchange for each request and outcome: a hundred clients that hang up say the same."""
    return list({(talk["what"], talk["status"], talk["end"], talk["message"]): talk for talk in talks}.values())


def _is_ours(view: RunView, identifier: str) -> bool:
    return view.metric(identifier) in METRICS or view.where(identifier).get("during") == "faults"


def _service(view: RunView) -> str:
    """Under which rules the service ran, in a sentence."""
    record = next(iter((*view.of(WINDOW), *view.of(DRILL))))
    policy, owned = record.data["policy"], record.data["owned"]
    who = "the suite starts and restarts it" if owned else "its own supervisor restarts it"
    restart = "restarted" if policy["restart"] else "not restarted"
    return (
        f"{record.data['engine']['name']} {record.data['engine']['version']} ({record.data['target']}); {who}: "
        f"{policy['ready_path']} is asked, silence of {number.number(policy['silence_s'])} s ends the process, an "
        f"ended one is {restart} after {number.number(policy['restart_wait_s'])} s."
    )
