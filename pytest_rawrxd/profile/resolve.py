"""From an entry to a criterion: the bound followed to the place where its number stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from pytest_rawrxd.profile.bounds import Band, Reference
from pytest_rawrxd.profile.criterion import Criterion, CriterionEntry, Phase
from pytest_rawrxd.profile.exemptions import EXEMPTIONS
from pytest_rawrxd.profile.inherit import Chain
from pytest_rawrxd.profile.kinds import BOUND_KEYS, DIRECTIONS, BoundKey
from pytest_rawrxd.profile.locate import Path
from pytest_rawrxd.profile.section import Section
from pytest_rawrxd.profile.units import Quantity
from pytest_rawrxd.profile.written import WrittenProfile

Value = Quantity | Reference | Band | bool


class LostBoundError(LookupError):
    """A bound that leads nowhere: ``path`` is the key, ``target`` what it names, ``choices`` what it could name."""

    def __init__(self, path: Path, why: str, target: str, choices: Iterable[str]) -> None:
        super().__init__(why)
        self.path = path
        self.target = target
        self.choices = tuple(choices)


@dataclass(frozen=True)
class WrittenBound:
    """A bound, the key that carries it, and where that key stands."""

    key: BoundKey
    value: Value
    path: Path


def own_bound(name: str, entry: CriterionEntry) -> WrittenBound | None:
    """The bound that the entry itself carries."""
    for key in BOUND_KEYS:
        value = getattr(entry, key)
        if value is not None:
            return WrittenBound(cast("BoundKey", key), value, ("criteria", name, key))
    return None


def follow(name: str, entries: Mapping[str, CriterionEntry]) -> WrittenBound | None:
    """The bound of ``name``, through ``bound_of``; None where the last has none, LostBoundError where it is lost."""
    seen = [name]
    while (target := entries[seen[-1]].bound_of) is not None:
        if target in seen:
            circle = [*seen[seen.index(target) :], target]
            outside = [other for other in entries if other not in circle and own_bound(other, entries[other])]
            # One place for the whole circle, whoever leads into it.
            path = ("criteria", min(circle), "bound_of")
            raise LostBoundError(path, f"a circle: {' -> '.join(circle)}", target, outside)
        if target not in entries:
            path = ("criteria", seen[-1], "bound_of")
            raise LostBoundError(path, f"there is no criterion {target!r}", target, entries)
        seen.append(target)
    return own_bound(seen[-1], entries[seen[-1]])


def referred(place: str, written: WrittenProfile) -> Quantity:
    """The quantity or count at a dotted place of the protocol; raises LookupError where there is none."""
    value: object = written
    for part in place.split("."):
        if not isinstance(value, Section) or part not in type(value).model_fields:
            raise LookupError(place)
        value = getattr(value, part)
    if isinstance(value, Quantity):
        return value
    if isinstance(value, int):
        return Quantity(float(value), "count")
    raise LookupError(place)


def phase_of(name: str, entry: CriterionEntry) -> Phase | None:
    """The phase that the id carries, or the entry's own for a row of the SLA."""
    return entry.phase if name.startswith("SLA-") else cast("Phase", int(name[1]))


def resolve(name: str, written: WrittenProfile, chain: Chain) -> Criterion:
    """The complete criterion; the profile has been checked."""
    entry = written.criteria[name]
    bound, phase = follow(name, written.criteria), phase_of(name, entry)
    assert bound is not None and phase is not None, name  # noqa: S101, PT018 - the checks came before
    value, path = bound.value, bound.path
    if isinstance(value, Reference):
        path = tuple(value.place.split("."))
        value = referred(value.place, written)
    limit, unit = _limit(value)
    expected = entry.expected or (value.centre if isinstance(value, Band) else None)
    excuse = entry.not_applicable
    return Criterion(
        id=name,
        phase=phase,
        title=entry.title,
        source=entry.source,
        kind=entry.kind,
        metric=entry.metric,
        where=entry.where.model_dump(exclude_none=True),
        unit=unit,
        direction=DIRECTIONS[bound.key],
        limit=limit,
        expected=None if expected is None else expected.to(unit),
        bound_of=entry.bound_of,
        quantile=entry.quantile,
        confidence=entry.confidence or written.gates.confidence,
        informative=entry.informative,
        not_applicable=None if excuse is None else EXEMPTIONS[excuse].reason,
        bound_at=chain.at(path),
    )


def _limit(value: Quantity | Band | bool) -> tuple[float | tuple[float, float] | bool, str]:
    if isinstance(value, bool):
        return value, "yes/no"
    if isinstance(value, Band):
        return (value.lower.value, value.upper.to(value.lower.unit)), value.lower.unit
    return value.value, value.unit
