"""``evidence.html``: from each number to the records it rests on, and from each record to its raw file."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_rawrxd.evidence.joined import RUN, raw_name
from pytest_rawrxd.report.documents import render_document
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.groups import groups, single_sources
from pytest_rawrxd.report.judged import Judged
from pytest_rawrxd.report.runs import RecordLike

ABOUT = (
    "device",
    "variant",
    "target",
    "beside",
    "part",
    "streams",
    "tokens",
    "process",
    "run",
    "during",
    "type",
    "what",
)


@dataclass(frozen=True)
class Shown:
    """A record that a number rests on: what it is about, its raw file, and the criteria that use it."""

    record: RecordLike
    about: str
    file: str
    link: str  #: "" where the file lies in a run that the page is not part of
    sha256: str
    criteria: tuple[str, ...]


@dataclass(frozen=True)
class Session:
    """A session that measured, and the proxies of its environment."""

    record: RecordLike
    proxies: str


def render_evidence(view: RunView) -> str:
    """Return the page that every number of the dossier links to; each record has its id as anchor."""
    return render_document(
        view,
        "evidence",
        "Evidence: from each number to its records",
        judged=[judged for judged in view.criteria if judged.evidence],
        groups=groups(view),
        records=_records(view, view.criteria),
        sessions=[Session(record, _proxies(record)) for record in view.of("session.start")],
    )


def _proxies(record: RecordLike) -> str:
    """What a session recorded of the proxies that its environment names; their values are not in the evidence."""
    named = record.data.get("proxies_not_used")
    if named is None:
        return "not recorded"
    return f"{', '.join(map(str, named))}: named in the environment, not used" if named else "none in the environment"


def _records(view: RunView, criteria: tuple[Judged, ...]) -> list[Shown]:
    users: dict[str, list[str]] = {}
    for judged in criteria:
        for identifier in judged.evidence:
            users.setdefault(identifier, []).append(judged.id)
    linked = {record.id for record in single_sources(view)}.union(*(group.records for group in groups(view)))
    return [
        Shown(
            record,
            ", ".join(f"{key} {record.data[key]}" for key in ABOUT if record.data.get(key) is not None),
            raw_name(raw),
            "" if RUN in raw else raw_name(raw),
            str(raw.get("sha256", "")),
            tuple(users.get(record.id, ())),
        )
        for record in view.records
        for raw in [record.data.get("raw") or {}]
        if raw or record.id in users or record.id in linked
    ]
