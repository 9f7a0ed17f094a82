"""The folder that Allure reads: one result a criterion, one a phase, the pages, the environment and the metrics."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pytest_rawrxd.report import number
from pytest_rawrxd.report.allure.wording import criterion_status, labels, phase_status, phase_title, table, title
from pytest_rawrxd.report.dossier import PHASES, Phase, RunView
from pytest_rawrxd.report.explain import explain
from pytest_rawrxd.report.judged import Judged
from pytest_rawrxd.report.plain import plain
from pytest_rawrxd.verdict.outcome import Verdict

SUITE = "rawrxd"
PHASE_VERDICT = "phase verdict"
MEDIA = {".html": "text/html", ".json": "application/json"}
#: What was measured under INVALID cannot be used: such a number is in no curve.
USABLE = frozenset({Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.WAIVED})


def results(view: RunView, attachments: Mapping[str, bytes], *, said: Mapping[str, str]) -> dict[str, bytes]:
    """Return the result files of ``view`` by name; ``attachments`` are shown on the report itself.

    ``said`` are further lines of the environment. Instants are those of the evidence: the same view gives the same
    bytes.
    """
    at = {record.id: milliseconds(record.at) for record in view.records}
    last = ended(view)
    files = {}
    for judged in view.criteria:
        instants = [at[identifier] for identifier in judged.evidence if identifier in at] or [last]
        files[f"{judged.id}-result.json"] = _written(_criterion(judged, min(instants), max(instants)))
    for phase in view.phases:
        # After every criterion, where Allure sorts by time.
        files[f"phase{phase.number}-result.json"] = _written(_phase(phase, last + phase.number))
    files |= _attached(attachments, last)
    files["environment.properties"] = _properties({**_environment(view), **said})
    if found := [sample(each, last) for each in view.criteria if is_metric(each)]:
        files["run-perf.json"] = _written(found)
    return files


def milliseconds(instant: str) -> int:
    """Milliseconds since 1970 of an instant as the ledger writes it."""
    return round(datetime.fromisoformat(instant).timestamp() * 1000)


def ended(view: RunView) -> int:
    """The last instant of the evidence in milliseconds since 1970, 0 where nothing was recorded."""
    last = view.verdicts["run"]["ended"]
    return milliseconds(last) if last else 0


def case_of(identifier: str) -> str:
    """What makes a criterion the same test in every run: its id alone, no measured value and no run."""
    return f"{SUITE}#{identifier}"


def is_metric(judged: Judged) -> bool:
    """Whether a criterion's estimate is a number that can be compared from run to run."""
    return judged.estimate is not None and judged.verdict in USABLE and judged.unit not in number.FACT_UNITS


def scaled(judged: Judged) -> float:
    """The estimate in the unit that is printed: a share as a percentage."""
    assert judged.estimate is not None  # noqa: S101 - what is_metric asks
    return round(judged.estimate * 100, 6) if judged.unit == number.SHARE else judged.estimate


def sample(judged: Judged, at: int) -> dict[str, Any]:
    """One measured value as Allure's ``*-perf.json`` holds it."""
    return {"id": _digest(judged.id)[:32], "key": judged.id, "value": scaled(judged), "start": at, "stop": at}


def _criterion(judged: Judged, start: int, stop: int) -> dict[str, Any]:
    pairs = [*labels([judged]), ("verdict", str(judged.verdict)), ("tag", str(judged.verdict))]
    pairs += [("severity", "minor" if judged.informative else "critical"), ("suite", f"phase {judged.phase}")]
    pairs += [("test", plain(test)) for test in judged.claimed_by]
    page = f"signoff-phase{judged.phase}.html#s-{judged.id}"
    links = [{"name": f"{judged.id} on the sign-off page", "url": page, "type": "requirement"}]
    ticket = (judged.waiver or {}).get("ticket", "")
    if ticket:
        pairs.append(("ticket", plain(ticket)))
    if ticket.startswith(("https://", "http://")):
        links.append({"name": plain(ticket), "url": ticket, "type": "issue"})
    return _result(
        judged.id,
        title(plain(judged.title), [judged]),
        criterion_status(judged),
        _message(judged),
        [judged],
        lead=f"{judged.verdict}: {plain(judged.reason)}",
        pairs=pairs,
        start=start,
        stop=stop,
        links=links,
    )


def _message(judged: Judged) -> list[str]:
    """The sentences of a verdict with its word before them, and its reason once."""
    lines, verdict, reason = explain(judged), str(judged.verdict), plain(judged.reason)
    if not any(reason in line for line in lines):
        return [f"{verdict}: {reason}", *lines]
    return lines if any(line.startswith(verdict) for line in lines) else [verdict, *lines]


def _phase(phase: Phase, at: int) -> dict[str, Any]:
    number_and_name = f"phase {phase.number}"
    pairs = [("epic", number_and_name), ("feature", PHASE_VERDICT), ("verdict", phase.said)]
    pairs += [("severity", "blocker"), ("suite", number_and_name), ("tag", PHASE_VERDICT)]
    return _result(
        f"phase{phase.number}",
        f"{phase_title(phase)} – {PHASES.get(phase.number, '')}".removesuffix(" – "),
        phase_status(phase),
        [plain(phase.sentence)],
        phase.criteria,
        lead=plain(phase.sentence),
        pairs=pairs,
        start=at,
        stop=at,
    )


def _result(
    identifier: str,
    name: str,
    status: str,
    message: Sequence[str],
    criteria: Sequence[Judged],
    *,
    lead: str,
    pairs: Iterable[tuple[str, str]],
    start: int,
    stop: int,
    links: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    case = case_of(identifier)
    return {
        "uuid": _digest(case),
        "name": name,
        "fullName": case,
        "testCaseId": case,
        "historyId": case,
        "status": status,
        "statusDetails": {"message": "\n".join(message)},
        "descriptionHtml": f"<p>{_escaped(lead)}</p>{table(criteria)}",
        # Excluded: a measured value in a test's identity would make every run a test of its own.
        "parameters": [
            {"name": each.id, "value": f"{each.verdict}, margin {each.margin}", "excluded": True} for each in criteria
        ],
        "labels": [{"name": label, "value": value} for label, value in pairs],
        "links": list(links),
        "start": start,
        "stop": stop,
        "stage": "finished",
    }


def _attached(attachments: Mapping[str, bytes], at: int) -> dict[str, bytes]:
    files, listed = {}, []
    for name, content in attachments.items():
        stem, dot, ending = name.rpartition(".")
        source = f"{stem}-attachment{dot}{ending}"
        files[source] = content
        listed.append({"name": name, "source": source, "type": MEDIA[f".{ending}"], "timestamp": at})
    return {**files, "run-globals.json": _written({"attachments": listed, "errors": []})}


def _environment(view: RunView) -> dict[str, str]:
    run, target, profile = view.verdicts["run"], view.verdicts["target"], view.verdicts["profile"]
    machine = run["identity"].get("machine") or {}
    gpus = "; ".join(
        str(gpu.get("name", gpu)) if isinstance(gpu, dict) else str(gpu) for gpu in machine.get("gpus", [])
    )
    found = {f"Phase {phase.number}": phase_title(phase).partition(": ")[2] for phase in view.phases}
    found |= {
        "Measured": target["measured"] + ("" if target["matches"] else " (not the target)"),
        "Target": target["item"],
        "Profile": f"{profile['name']} ({profile['kind']}), sha256 {profile['digest']}",
        "Run": f"{run['id']}, sessions {', '.join(map(str, run['sessions']))}",
        "Test window": f"{run['started']} to {run['ended']}",
        "System": str(machine.get("os", "not reported")),
        "CPU": str(machine.get("cpu", "not reported")),
        "GPU": gpus or "none",
        "Driver": str(run["identity"].get("driver") or "none"),
        "Suite": str(run["suite"] or "not reported"),
        "verdicts.json": f"sha256 {view.digest}",
    }
    return found


def _properties(lines: Mapping[str, str]) -> bytes:
    """A Java properties file in ASCII: nothing in a machine's name can begin a line or a key of its own."""
    return "".join(f"{_key(name)}={_ascii(plain(value))}\n" for name, value in lines.items()).encode("ascii")


def _key(text: str) -> str:
    return "".join(f"\\{character}" if character in " :=#!" else character for character in _ascii(text))


def _ascii(text: str) -> str:
    units = text.replace("\\", "\\\\").encode("utf-16-be")
    codes = [int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2)]
    return "".join(chr(code) if 0x20 <= code < 0x7F else f"\\u{code:04x}" for code in codes)


def _escaped(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _written(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, allow_nan=False, sort_keys=True).encode()
