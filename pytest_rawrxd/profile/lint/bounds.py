"""Criteria looked up by what they promise, and their bounds as plain numbers."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_rawrxd.profile.criterion import Criterion
from pytest_rawrxd.profile.profile import Profile
from pytest_rawrxd.profile.units import convert, number_text


def promising(profile: Profile, metric: str, *kinds: str, **where: str | int) -> Iterator[Criterion]:
    """The applicable criteria of ``metric``, of one of ``kinds`` (none: any), under at least the conditions given."""
    for criterion in profile.criteria.values():
        if (
            criterion.metric == metric
            and criterion.not_applicable is None
            and (not kinds or criterion.kind in kinds)
            and where.items() <= criterion.where.items()
        ):
            yield criterion


def ends(criterion: Criterion, unit: str) -> tuple[float | None, float | None]:
    """Lower and upper end of what the criterion accepts, in ``unit``; None where it is open."""
    limit = criterion.limit
    if isinstance(limit, tuple):
        return convert(limit[0], criterion.unit, unit), convert(limit[1], criterion.unit, unit)
    value = convert(limit, criterion.unit, unit)
    if criterion.direction == "<=":
        return None, value
    return value, None if criterion.direction == ">=" else value


def low(criterion: Criterion, unit: str) -> float:
    """The end nearest to zero that the criterion names, in ``unit``."""
    lower, upper = ends(criterion, unit)
    value = lower if lower is not None else upper
    assert value is not None  # noqa: S101 - a bound has at least one end
    return value


def high(criterion: Criterion, unit: str) -> float:
    """The end farthest from zero that the criterion names, in ``unit``."""
    lower, upper = ends(criterion, unit)
    value = upper if upper is not None else lower
    assert value is not None  # noqa: S101 - a bound has at least one end
    return value


def point(criterion: Criterion, unit: str) -> float:
    """The value that is expected, or else the middle of what is accepted, in ``unit``."""
    if criterion.expected is not None:
        return convert(criterion.expected, criterion.unit, unit)
    return (low(criterion, unit) + high(criterion, unit)) / 2


def written(value: float, unit: str) -> str:
    """A number of the profile as it is written there, whatever conversions it went through."""
    return f"{number_text(float(f'{value:.10g}'))} {unit}"
