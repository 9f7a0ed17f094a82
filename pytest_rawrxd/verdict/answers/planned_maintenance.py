"""``planned_maintenance``: what whoever walked through the guide has declared and signed; nothing measures a plan."""

from __future__ import annotations

from dataclasses import replace

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.walkthrough import WALKTHROUGH
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.answers.operator_walkthrough import AGAIN, METHOD, unusable
from pytest_rawrxd.verdict.counts import declaration, value_range
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.outcome import Answer


def planned_maintenance(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the hours a month of the newest walk through the guide; NOT MEASURED where it declares none."""
    walks = evidence.of(WALKTHROUGH)
    hours = walks[-1].data["statement"].get("maintenance_hours") if walks else None
    if hours is None:
        return replace(declaration(None, by=None, of="planned maintenance"), next=AGAIN), ()
    record = walks[-1]
    if problems := list(unusable(record.data, evidence.campaign.id)):
        return invalid("; ".join(problems), next_step=AGAIN), (record.id,)
    assert not isinstance(criterion.limit, bool)  # noqa: S101 - the metric is a time
    found = value_range(float(hours), direction=criterion.direction, limit=criterion.limit, unit=criterion.unit)
    statement = record.data["statement"]
    said = f"{statement['role']} declared it on {statement['at']}: {found.reason}"
    return replace(found, reason=said, method=METHOD), (record.id,)
