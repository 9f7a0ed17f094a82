"""How an alert is called, and how it says its bound."""

from __future__ import annotations

from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.report.alerts.rule import EARLY, Severity

_STAGE = {EARLY: "Early"}


def alert_name(criterion: Criterion, severity: Severity) -> str:
    """``SLA-LAT-P95`` is watched by ``RawrxdSlaLatP95Early`` and ``RawrxdSlaLatP95Broken``."""
    return f"Rawrxd{''.join(part.capitalize() for part in criterion.id.split('-'))}{_STAGE.get(severity, 'Broken')}"


def said(criterion: Criterion) -> str:
    """The bound in words: ``SLA-LAT-P95 requires <= 50 ms``."""
    unit = "" if criterion.unit == "count" else f" {criterion.unit}"
    return f"{criterion.id} requires {criterion.direction} {criterion.limit:.10g}{unit}"
