"""A whole profile as its files write it, and pydantic's findings in the words of this project."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from pytest_rawrxd.profile.complaint import Complaint
from pytest_rawrxd.profile.criterion import CriterionEntry, CriterionId
from pytest_rawrxd.profile.gates import Gates
from pytest_rawrxd.profile.hardware import Hardware, Roles, Target
from pytest_rawrxd.profile.locate import Path
from pytest_rawrxd.profile.metrics import METRICS
from pytest_rawrxd.profile.models import Models
from pytest_rawrxd.profile.operation import Energy, Use
from pytest_rawrxd.profile.protocol import Protocol
from pytest_rawrxd.profile.quantities import UNKNOWN_UNIT
from pytest_rawrxd.profile.section import Section, Text
from pytest_rawrxd.profile.suggest import nearest
from pytest_rawrxd.profile.units import units_of


class WrittenProfile(Section):
    """A profile of pytest-rawrxd: what is promised, how it is measured, and when evidence counts."""

    title: Text = Field(description="What is signed off, as the page's title says it.")
    kind: Literal["acceptance", "rehearsal"] = Field(description="A rehearsal can never be signed as accepted.")
    extends: str | None = Field(default=None, description="Name or path of the profile that this one builds on.")
    drop: tuple[str, ...] = Field(
        default=(), description="What this profile leaves out of its base: ids of criteria, or places such as hardware."
    )
    target: Target
    hardware: Hardware = Hardware()
    models: Models
    protocol: Protocol
    gates: Gates
    roles: Roles
    energy: Energy | None = Field(default=None, description="Absent: no cost is printed.")
    uses: dict[Text, Use] = Field(default={}, description="Workloads that a variant is chosen for, by name.")
    criteria: Annotated[dict[CriterionId, CriterionEntry], Field(min_length=1)]


def read_written(data: Mapping[str, Any]) -> tuple[WrittenProfile | None, dict[str, CriterionEntry], list[Complaint]]:
    """The profile, or None with what is wrong; beside it every criterion that is well formed on its own."""
    plain = tuples(data)
    try:
        written = WrittenProfile.model_validate(plain)
    except ValidationError as refused:
        complaints = [_sharper(_complaint(error), plain) for error in refused.errors(include_url=False)]
        return None, _well_formed(plain.get("criteria")), complaints
    return written, written.criteria, []


def _sharper(complaint: Complaint, data: dict[str, Any]) -> Complaint:
    """``complaint`` with the units of the criterion's own metric, where it lists those of all."""
    if complaint.what != UNKNOWN_UNIT or complaint.path[0] != "criteria":
        return complaint
    metric = METRICS.get(str(data["criteria"][complaint.path[1]].get("metric")))
    return complaint if metric is None else replace(complaint, possible=", ".join(units_of(metric.dimension)))


def tuples(value: Any) -> Any:
    """``value`` with tuples for lists: strict models take no list for a tuple, and TOML and JSON have no tuple."""
    if isinstance(value, Mapping):
        return {key: tuples(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(tuples(item) for item in value)
    return value


def _well_formed(criteria: Any) -> dict[str, CriterionEntry]:
    entries: dict[str, CriterionEntry] = {}
    for name, raw in criteria.items() if isinstance(criteria, dict) else ():
        try:
            entries[name] = CriterionEntry.model_validate(raw)
        except ValidationError:
            continue  # its complaints come from the validation of the whole
    return entries


_TYPES = {
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "an array",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}
_SHAPES = {
    "too_short": ("too few values", "one more"),
    "too_long": ("too many values", "one less"),
    "string_too_short": ("an empty text", "a text in quotes"),
    "string_pattern_mismatch": ("no id of a criterion", "P1-, P2-, P3- or SLA- and letters, digits, - and _"),
}
_RANGES = {
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "finite_number": "a finite number",
}


def _complaint(error: ErrorDetails) -> Complaint:
    path: Path = error["loc"]
    kind, context = error["type"], error.get("ctx", {})
    if path and path[-1] == "[key]":
        return _bad_name(path[:-1], kind)
    found = None
    if kind == "missing" and isinstance(path[-1], int):
        path, kind = path[:-1], "too_short"
    match kind:
        case "extra_forbidden":
            what, possible = f"unknown key {path[-1]!r}", nearest(str(path[-1]), _keys_at(path[:-1]))
        case "missing":
            what, possible, found = f"missing key {path[-1]!r}", _description(path), "nothing"
        case "refused":
            what, possible = context["what"], context["possible"]
        case "literal_error":
            what, possible = "unknown value", nearest(str(error["input"]), _choices_of(_annotation(path)))
        case _ if kind in _TYPES:
            what, possible = "wrong type", _TYPES[kind]
        case _ if kind in _SHAPES:
            what, possible = _SHAPES[kind]
        case _ if kind in _RANGES:
            what, possible = "bad number", _RANGES[kind].format_map(context)
        case _:
            what, possible = error["msg"], _description(path)
    return Complaint(path, what, possible, found)


def _bad_name(path: Path, kind: str) -> Complaint:
    name = str(path[-1])
    if kind == "literal_error":
        return Complaint(path, f"unknown name {name!r}", nearest(name, _choices_of(_annotation(path[:-1]))), repr(name))
    what, possible = _SHAPES["string_pattern_mismatch"]
    return Complaint(path, f"{name!r} is {what}", possible, name)


def _annotation(path: Path) -> Any:
    """The type that the models ask for at ``path``; None outside them."""
    kind: Any = WrittenProfile
    for part in path:
        if isinstance(kind, type) and issubclass(kind, Section):
            field = kind.model_fields.get(str(part))
            kind = None if field is None else field.annotation
        elif get_origin(kind) is dict:
            kind = get_args(kind)[1]
        elif get_origin(kind) is tuple:
            kind = get_args(kind)[0]
        else:
            return None
        kind = _bare(kind)
    return kind


def _bare(kind: Any) -> Any:
    while get_origin(kind) in (Annotated, Union, types.UnionType):
        kind = next(part for part in get_args(kind) if part is not type(None))
    return kind


def _keys_at(path: Path) -> tuple[str, ...]:
    kind = _annotation(path)
    return tuple(kind.model_fields) if isinstance(kind, type) and issubclass(kind, Section) else ()


def _choices_of(kind: Any) -> tuple[str, ...]:
    if get_origin(kind) is dict:
        kind = _bare(get_args(kind)[0])
    return tuple(map(str, get_args(kind))) if get_origin(kind) is Literal else ()


def _description(path: Path) -> str:
    kind = _annotation(path[:-1])
    if isinstance(kind, type) and issubclass(kind, Section) and (field := kind.model_fields.get(str(path[-1]))):
        return field.description or f"a table [{'.'.join(map(str, path))}]"
    return "another value"
