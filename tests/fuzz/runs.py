"""Run directories from strangers: recorded ones whose records were replaced, with a chain that holds again.

An input is JSON lines: ``{"base": NAME}``, then ``{"seq", "kind", "data"}`` for a record that stands in the place
of the recorded one, or behind the last one.
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from fuzz.target import Target
from pytest_rawrxd.errors import EvidenceProblem, RawrxdError
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.canonical import canonical, strict_loads
from pytest_rawrxd.evidence.ledger import FIRST
from pytest_rawrxd.places import package_data
from pytest_rawrxd.report.render import view_of
from pytest_rawrxd.report.terminal import table
from pytest_rawrxd.verdict.judge import judge

BASES = ("h100-load-cuda", "h100-pilot-vulkan")
LEDGER = "s001-main.jsonl"


@functools.cache
def recorded(base: str) -> tuple[dict[str, Any], ...]:
    """The records of a base, as they lie in its ledger."""
    lines = (package_data("fixtures") / "recordings" / base / "ledger" / LEDGER).read_bytes().splitlines()
    return tuple(json.loads(line) for line in lines)


def _patched(data: bytes) -> tuple[str, list[dict[str, Any]]]:
    """The base and its records with those of the input; raises EvidenceProblem for an input of another form."""
    try:
        head, *rest = [strict_loads(line) for line in data.splitlines() if line.strip()]
        base = BASES[BASES.index(head["base"])]
        records = [dict(record) for record in recorded(base)]
        for patch in rest:
            at = patch["seq"] if type(patch["seq"]) is int else len(records)
            new = {"kind": str(patch["kind"]), "data": dict(patch["data"])}
            if 1 <= at <= len(records):
                records[at - 1] |= new
            else:
                records.append(records[-1] | new)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise EvidenceProblem("the input describes no run") from error
    return base, records


def lay(data: bytes, place: Path) -> Path:
    """The run directory that ``data`` describes, below ``place``; its raw arrays are the recorded ones."""
    base, records = _patched(data)
    source, run_dir = package_data("fixtures") / "recordings" / base, place / "run"
    for path in source.rglob("*"):
        if path.is_file() and path.parent.name != "ledger":
            copy = run_dir / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            try:
                copy.hardlink_to(path)
            except OSError:  # another file system
                shutil.copyfile(path, copy)
    (run_dir / "ledger").mkdir()
    previous, lines = FIRST, []
    for number, record in enumerate(records, 1):
        line = json.dumps(
            record | {"seq": number, "prev": previous, "id": f"s001-main-{number}"}, sort_keys=True
        ).encode()
        previous = hashlib.sha256(line).hexdigest()
        lines.append(line + b"\n")
    (run_dir / "ledger" / LEDGER).write_bytes(b"".join(lines))
    return run_dir


def _judged(data: bytes, place: Path) -> None:
    evidence = Evidence.read(lay(data, place))
    verdicts = judge(evidence)
    canonical(verdicts)
    for entry in verdicts["criteria"]:
        assert entry["verdict"] != "PASS" or entry["evidence"], entry["id"]


def _viewed(data: bytes, place: Path) -> None:
    evidence = Evidence.read(lay(data, place))
    view = view_of(evidence, judge(evidence))
    shown = table(view, width=100, colour=False)
    assert "\x1b" not in shown
    assert "\u202e" not in shown


RUNS = (Target("run", _judged, (RawrxdError,)), Target("view", _viewed, (RawrxdError,), shares="run"))
