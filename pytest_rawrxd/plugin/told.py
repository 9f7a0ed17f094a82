"""Verdicts on a test report: one pair a criterion, plain text, because a report crosses process borders."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pytest_rawrxd.report.judged import Judged

PREFIX = "rawrxd:"
Properties = list[tuple[str, Any]]


def attach(properties: Properties, entry: dict[str, Any]) -> None:
    """Add one criterion's entry of verdicts.json: whole for programs, and in a sentence for readers of JUnit."""
    properties.append((f"{PREFIX}{entry['id']}", json.dumps(entry, sort_keys=True)))
    properties.append((entry["id"], sentence(Judged.from_record(entry))))


def told(properties: Iterable[tuple[str, Any]]) -> list[Judged]:
    """The criteria that a report's properties carry, in their order."""
    return [Judged.from_record(json.loads(value)) for name, value in properties if name.startswith(PREFIX)]


def sentence(judged: Judged) -> str:
    """``PASS: measured 80.1 tok/s [79.9, 80.3], required >= 75 tok/s, margin +6.8 %``."""
    value, between = judged.measured
    measured = "not measured" if judged.estimate is None else f"measured {value} {between}".rstrip()
    return f"{judged.verdict}: {measured}, required {judged.required}, margin {judged.margin}"
