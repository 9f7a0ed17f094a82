"""Earlier runs of the same profile, engine and device, as their own ``verdicts.json`` beside this run say them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.canonical import strict_loads
from pytest_rawrxd.report.allure.results import is_metric, milliseconds, scaled
from pytest_rawrxd.report.allure.settings import case_id
from pytest_rawrxd.report.allure.wording import criterion_status, title
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.judged import Judged
from pytest_rawrxd.report.plain import plain
from pytest_rawrxd.report.publish import VERDICTS

MOST = 50  #: earlier runs that a curve shows
NO_PARAMETERS = hashlib.md5(b"", usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class History:
    """Earlier runs as Allure reads them, oldest first, and the folders that could not be read."""

    points: tuple[dict[str, Any], ...]
    unread: tuple[str, ...]

    @property
    def said(self) -> str:
        """How much of the past is shown."""
        lacking = f"; not readable: {', '.join(self.unread)}" if self.unread else ""
        where = "of the same profile, engine and device beside this one, as their verdicts.json say"
        return f"{len(self.points)} {where}{lacking}"

    def to_jsonl(self) -> bytes:
        """One line a run."""
        return "".join(json.dumps(point, sort_keys=True) + "\n" for point in self.points).encode()


def earlier(run_dir: Path, view: RunView) -> History:
    """Read the runs beside ``run_dir`` with the same profile, engine and device that ended before ``view`` did."""
    points, unread = [], []
    for path in sorted(run_dir.resolve().parent.glob(f"*/{VERDICTS}")):
        if path.parent == run_dir.resolve():
            continue
        try:
            verdicts = strict_loads(path.read_bytes())
            if _precedes(verdicts, view):
                points.append(_point(verdicts, view))
        except (OSError, ValueError, KeyError, TypeError, EvidenceProblem):
            unread.append(path.parent.name)
    points.sort(key=lambda point: (point["timestamp"], point["uuid"]))
    return History(tuple(points[-MOST:]), tuple(unread))


def _precedes(verdicts: dict[str, Any], view: RunView) -> bool:
    mine, run = view.verdicts, verdicts["run"]
    same = _subject(verdicts) == _subject(mine)
    ended, own = run["ended"], mine["run"]["ended"]
    return same and ended is not None and own is not None and milliseconds(ended) < milliseconds(own)


def _subject(verdicts: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a line from run to run is about: one profile, one kind of engine, one device. Its version may change."""
    profile, engine = verdicts["profile"], verdicts["run"]["identity"].get("engine") or {}
    return (profile["name"], profile["kind"], *(engine.get(key) for key in ("name", "backend", "device")))


def _point(verdicts: dict[str, Any], view: RunView) -> dict[str, Any]:
    run = verdicts["run"]
    at = milliseconds(run["ended"])
    units = {each.id: each.unit for each in view.criteria}
    # A criterion that changed its unit is another quantity: no line leads from one to the other.
    found = [each for each in map(Judged.from_record, verdicts["criteria"]) if units.get(each.id) == each.unit]
    return {
        "uuid": hashlib.sha256(f"{run['id']} {run['ended']}".encode()).hexdigest()[:32],
        "name": plain(run["id"]),
        "timestamp": at,
        "knownTestCaseIds": [case_id(each.id) for each in found],
        "testResults": {f"{case_id(each.id)}.{NO_PARAMETERS}": _result(each, at) for each in found},
        "metrics": {each.id: scaled(each) for each in found if is_metric(each)},
        "url": "",
    }


def _result(judged: Judged, at: int) -> dict[str, Any]:
    return {
        "id": case_id(judged.id),
        "name": title(plain(judged.title), [judged]),
        "status": criterion_status(judged),
        "error": {"message": f"{judged.verdict}: {plain(judged.reason)}"},
        "start": at,
        "stop": at,
        "duration": 0,
        "historyId": f"{case_id(judged.id)}.{NO_PARAMETERS}",
        "url": "",
        "reportLinks": [],
    }
