"""``own_*``: a quantity that an acceptance test of somebody else recorded, judged by the rules of everything else."""

from __future__ import annotations

import math

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import UNITS, convert
from pytest_rawrxd.verdict.counts import value_range
from pytest_rawrxd.verdict.decide import decide
from pytest_rawrxd.verdict.floor import floor
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict

#: Record of one value: its ``name``, ``value`` and ``unit``.
QUANTITY = "quantity"


def own_quantity(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge every recorded value of ``where.name``: a floor by their mean, a range by the worst of them."""
    name = criterion.where["name"]
    records = evidence.of(QUANTITY, name=name)
    sources = tuple(record.id for record in records)
    if not records:
        return Finding(
            Verdict.NOT_MEASURED, f"no test recorded {name!r} in this campaign", next=f'record_quantity("{name}", ...)'
        ), ()
    values = [_value(record.data, record.id, criterion.unit) for record in records]
    gates = evidence.campaign.profile.gates
    if criterion.kind == "floor":
        assert isinstance(criterion.limit, float)  # noqa: S101 - a floor is one number
        found = floor(
            values,
            limit=criterion.limit,
            unit=criterion.unit,
            confidence=criterion.confidence,
            min_runs=gates.min_runs.floor,
            max_cv=gates.cv_max.to("ratio"),
        )
        return found, sources
    assert not isinstance(criterion.limit, bool)  # noqa: S101 - a quantity is never promised as yes or no
    limit = criterion.limit
    verdicts = {value: decide(value, value, direction=criterion.direction, limit=limit) for value in values}
    order = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)
    worst = next(verdict for verdict in order if verdict in verdicts.values())
    candidates = [value for value, verdict in verdicts.items() if verdict is worst]
    shown = min(candidates) if criterion.direction == ">=" else max(candidates)
    found = value_range(shown, direction=criterion.direction, limit=limit, unit=criterion.unit)
    return Finding(
        found.verdict,
        f"the worst of {len(values)}: {found.reason}",
        found.estimate,
        found.lower,
        found.upper,
        n=len(values),
        method="every value inside the bound",
        next=found.next,
    ), sources


def _value(data: dict[str, object], where: str, unit: str) -> float:
    value, recorded = data["value"], str(data["unit"])
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise EvidenceProblem("a recorded quantity is not a number", where=where, found=repr(value))
    if recorded not in UNITS:
        raise EvidenceProblem("a recorded quantity has an unknown unit", where=where, found=recorded)
    return convert(float(value), recorded, unit)
