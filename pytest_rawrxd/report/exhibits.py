"""The exhibits of a dossier: the evidence files in groups short enough to print, each with one digest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_rawrxd.evidence.joined import raw_name
from pytest_rawrxd.report.dossier import EvidenceFile, RunView
from pytest_rawrxd.report.judged import Judged
from pytest_rawrxd.report.runs import RecordLike


@dataclass(frozen=True)
class Exhibit:
    """Files that belong together. Of several, the digest is that of their lines in SHA256SUMS, sorted by name."""

    ref: str
    what: str
    sha256: str
    bytes: int
    files: int
    records: frozenset[str]


def exhibits(view: RunView) -> tuple[Exhibit, ...]:
    """Return the raw files of the records in groups, then the other files of the run one by one."""
    groups: dict[str, list[tuple[str, EvidenceFile]]] = {}
    for record in view.records:
        raw = record.data.get("raw")
        if raw:
            file = EvidenceFile(raw_name(raw), str(raw["sha256"]), int(raw["bytes"]))
            groups.setdefault(_group(record), []).append((record.id, file))
    found = [
        _exhibit(f"E{position}", name, [file for _, file in group], frozenset(record for record, _ in group))
        for position, (name, group) in enumerate(groups.items(), start=1)
    ]
    others = [
        _exhibit(f"F{position}", file.name, [file], frozenset()) for position, file in enumerate(view.files, start=1)
    ]
    return (*found, *others)


def references(judged: Judged, shown: Sequence[Exhibit]) -> str:
    """Return the exhibits a criterion rests on: "E1, E3"; the first and the last of more than three."""
    refs = [exhibit.ref for exhibit in shown if exhibit.records & set(judged.evidence)]
    return f"{refs[0]} … {refs[-1]}" if len(refs) > 3 else ", ".join(refs)


def listing(files: Sequence[EvidenceFile]) -> str:
    """Return lines as sha256sum writes them, sorted by name."""
    return "".join(f"{file.sha256}  {file.name}\n" for file in sorted(files, key=lambda file: file.name))


def _group(record: RecordLike) -> str:
    """Kind and variant; the quality of all variants together, because what is shown compares them."""
    kind = record.kind.partition(".")[0]
    if kind == "quality":
        return kind
    return " ".join(str(part) for part in (record.kind, record.data.get("variant", "")) if part)


def _exhibit(ref: str, name: str, files: Sequence[EvidenceFile], records: frozenset[str]) -> Exhibit:
    alone = len(files) == 1
    return Exhibit(
        ref=ref,
        what=files[0].name if alone else f"{name}: {len(files)} files",
        sha256=files[0].sha256 if alone else hashlib.sha256(listing(files).encode()).hexdigest(),
        bytes=sum(file.bytes for file in files),
        files=len(files),
        records=records,
    )
