"""What types cannot say about a criterion: a bound that fits its metric, a condition that is measured, an excuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pytest_rawrxd.profile.bounds import Band, Reference
from pytest_rawrxd.profile.complaint import Complaint
from pytest_rawrxd.profile.criterion import CriterionEntry
from pytest_rawrxd.profile.exemptions import EXEMPTIONS
from pytest_rawrxd.profile.kinds import BOUND_KEYS, RULES
from pytest_rawrxd.profile.locate import Path
from pytest_rawrxd.profile.metrics import METRICS, Metric
from pytest_rawrxd.profile.protocol_checks import check_protocol
from pytest_rawrxd.profile.resolve import LostBoundError, WrittenBound, follow, phase_of, referred
from pytest_rawrxd.profile.suggest import nearest
from pytest_rawrxd.profile.units import UNITS, Quantity, units_of
from pytest_rawrxd.profile.written import WrittenProfile


def check(written: WrittenProfile | None, entries: Mapping[str, CriterionEntry]) -> Iterator[Complaint]:
    """Everything that contradicts itself. Without a whole profile, what each criterion says on its own is checked."""
    for name, entry in entries.items():
        path: Path = ("criteria", name)
        metric = METRICS.get(entry.metric)
        if metric is None:
            yield Complaint((*path, "metric"), f"unknown metric {entry.metric!r}", nearest(entry.metric, METRICS))
            continue
        yield from _shape(name, entry, metric)
        if entry.kind in metric.kinds:
            yield from _bound(name, entries, metric, written)
        if written is not None:
            yield from _measured(name, entry, written)
            yield from _exemption(name, entry, written)
    if written is not None:
        yield from check_protocol(written)
        for role in written.roles.signatures:
            if role not in written.roles.sign_off:
                place: Path = ("roles", "signatures", role)
                yield Complaint(place, f"{role!r} does not sign", nearest(role, written.roles.sign_off))


def _shape(name: str, entry: CriterionEntry, metric: Metric) -> Iterator[Complaint]:
    path: Path = ("criteria", name)
    if entry.kind not in metric.kinds:
        yield Complaint((*path, "kind"), f"{metric.name} is not judged as {entry.kind!r}", ", ".join(metric.kinds))
    if (entry.kind == "quantile") != (entry.quantile is not None):
        what = "quantile without kind quantile" if entry.quantile else "kind quantile without a quantile"
        yield Complaint((*path, "quantile"), what, "quantile = 0.95 beside kind = 'quantile', and only there")
    given = entry.where.model_dump(exclude_none=True)
    for key in given:
        if key not in metric.where:
            possible = ", ".join(metric.where) or "no condition"
            yield Complaint((*path, "where", key), f"{metric.name} is not taken per {key}", possible)
    for key in metric.required_where:
        if key not in given:
            yield Complaint((*path, "where"), f"{metric.name} needs where.{key}", f"where = {{ {key} = ... }}")
    phase = phase_of(name, entry)
    if phase is None:
        yield Complaint(
            (*path, "phase"), "missing key 'phase'", "1, 2 or 3: a row of the SLA names its phase", "nothing"
        )
    elif entry.phase not in (None, phase):
        yield Complaint((*path, "phase"), f"the id says phase {phase}", f"{phase}, or no key 'phase'")


def _bound(
    name: str, entries: Mapping[str, CriterionEntry], metric: Metric, written: WrittenProfile | None
) -> Iterator[Complaint]:
    entry = entries[name]
    path: Path = ("criteria", name)
    given = [key for key in (*BOUND_KEYS, "bound_of") if getattr(entry, key) is not None]
    allowed = RULES[entry.kind].bounds
    shape = f"{' or '.join(allowed)} {_amount(metric)}, or bound_of another criterion"
    if len(given) != 1:
        what = f"{len(given)} bounds: {', '.join(given)}" if given else "missing bound"
        yield Complaint((*path, given[1]) if given else path, what, shape, None if given else "nothing")
        return
    try:
        bound = follow(name, entries)
    except LostBoundError as lost:
        # Reported where it is written; without a whole profile the criterion it leads to may only be malformed.
        if lost.path[1] == name and written is not None:
            yield Complaint(lost.path, f"the bound leads nowhere: {lost}", nearest(lost.target, lost.choices))
        return
    if bound is None:
        return
    here: Path = (*path, given[0])
    if bound.key not in allowed:
        yield Complaint(here, f"kind {entry.kind!r} takes no {bound.key}", shape)
        return
    owner = str(bound.path[1])
    if owner == name:
        yield from _values(here, bound, metric, written, shape)
    elif (lender := METRICS.get(entries[owner].metric)) and lender.dimension != metric.dimension:
        what = f"wrong unit: {owner} bounds {lender.dimension}, {metric.name} is {metric.dimension}"
        yield Complaint(here, what, shape)
    if entry.expected is not None and entry.expected.dimension != metric.dimension:
        yield _wrong_unit((*path, "expected"), entry.expected, metric, ", ".join(units_of(metric.dimension)))
    if entry.kind == "zero" and owner == name and bound.value != Quantity(0.0, "count"):
        yield Complaint(here, "kind 'zero' has one bound", "equals = 0")


def _amount(metric: Metric) -> str:
    match metric.dimension:
        case "yes or no":
            return "= true or false"
        case "count":
            return "as a whole number"
        case _:
            return f"in {', '.join(units_of(metric.dimension))}"


def _values(
    path: Path, bound: WrittenBound, metric: Metric, written: WrittenProfile | None, shape: str
) -> Iterator[Complaint]:
    value = bound.value
    if isinstance(value, Reference):
        if written is None:
            return
        try:
            value = referred(value.place, written)
        except LookupError:
            yield Complaint(
                path, "the bound leads nowhere", "the dotted place of a duration or a count of the protocol"
            )
            return
    if isinstance(value, bool):
        if metric.dimension != "yes or no":
            yield Complaint(path, f"{metric.name} is a number", shape)
        return
    for quantity in (value.lower, value.upper) if isinstance(value, Band) else (value,):
        base = quantity.value * UNITS[quantity.unit].factor
        if quantity.dimension != metric.dimension:
            yield _wrong_unit(path, quantity, metric, shape)
            return
        if base < 0 and not metric.signed:
            yield Complaint(path, f"bad number: {metric.name} is never negative", "zero or more")
        if metric.ceiling is not None and base > metric.ceiling:
            yield Complaint(path, f"bad number: {metric.name} is never above {metric.ceiling:.0%}", "100 % or less")


def _wrong_unit(path: Path, quantity: Quantity, metric: Metric, possible: str) -> Complaint:
    what = f"wrong unit: {quantity.unit} measures {quantity.dimension}, {metric.name} is {metric.dimension}"
    if metric.dimension == "yes or no":
        what = f"a number: {metric.name} is {metric.dimension}"
    elif quantity.unit == "count":
        what = f"a number without a unit: {metric.name} is {metric.dimension}"
    return Complaint(path, what, possible)


def _measured(name: str, entry: CriterionEntry, written: WrittenProfile) -> Iterator[Complaint]:
    """A condition under which nothing is measured would stay NOT MEASURED for ever."""
    if entry.not_applicable is not None:
        return
    where, protocol = entry.where, written.protocol
    path: Path = ("criteria", name, "where")
    if where.variant is not None and where.variant not in written.models.variants:
        possible = nearest(where.variant, written.models.variants)
        yield Complaint((*path, "variant"), f"{where.variant} is not among the variants", possible)
    elif where.variant is not None and where.tokens is not None:
        lengths = sorted({cell.tokens for cell in protocol.phase1.cells(where.variant)})
        if where.tokens not in lengths:
            possible = ", ".join(map(str, lengths))
            yield Complaint((*path, "tokens"), f"no cell of {where.tokens} tokens for {where.variant}", possible)
    if where.streams is not None and where.streams not in protocol.phase2.levels:
        possible = ", ".join(map(str, protocol.phase2.levels))
        yield Complaint((*path, "streams"), f"nothing is measured at {where.streams} streams", possible)
    injected = (*protocol.faults.kinds, *protocol.faults.drills)
    if where.fault is not None and where.fault not in injected:
        yield Complaint((*path, "fault"), "the fault is not injected", nearest(where.fault, injected))


def _exemption(name: str, entry: CriterionEntry, written: WrittenProfile) -> Iterator[Complaint]:
    if entry.not_applicable is None:
        return
    path: Path = ("criteria", name, "not_applicable")
    exemption = EXEMPTIONS.get(entry.not_applicable)
    if written.kind == "acceptance":
        yield Complaint(path, "an acceptance profile excuses nothing", "drop the criterion, or kind = 'rehearsal'")
    elif exemption is None:
        yield Complaint(path, "no such entry in the closed list", nearest(entry.not_applicable, EXEMPTIONS))
    elif entry.metric not in exemption.metrics or (exemption.kinds and entry.kind not in exemption.kinds):
        reached = f"{', '.join(sorted(exemption.metrics))}"
        yield Complaint(path, f"{exemption.name!r} does not excuse {entry.metric} as {entry.kind}", f"one of {reached}")
