"""Waivers: promises that somebody answers for not being kept, each with an owner, a ticket and a last day."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from pydantic import Field, ValidationError

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.profile.criterion import Criterion
from pytest_rawrxd.profile.locate import Path, locate
from pytest_rawrxd.profile.parse import MAX_FILE, parse
from pytest_rawrxd.profile.section import Section, Text
from pytest_rawrxd.profile.suggest import nearest

_TABLE: Final = "waiver"
_EXAMPLE: Final = "[[waiver]] with criterion, owner, reason, ticket, expiry = 2026-02-28 and compensating_measure"


class Waiver(Section):
    """One table ``[[waiver]]``. It is in force through the day ``expiry``."""

    criterion: Text = Field(description="Id of the criterion that it excuses.")
    owner: Text = Field(description="Who answers for it.")
    reason: Text = Field(description="Why the promise is not kept.")
    ticket: Text = Field(description="Where the repair is followed.")
    expiry: date = Field(description="The last day that it holds, as a TOML date.")
    compensating_measure: Text = Field(description="What protects the user meanwhile.")

    def expired(self, day: date) -> bool:
        """Whether ``day`` lies behind its last day."""
        return day > self.expiry


def read_waivers(content: bytes, where: str, criteria: Mapping[str, Criterion]) -> dict[str, Waiver]:
    """Return the waivers of a TOML file by the id of their criterion.

    ``where`` names the file in messages. Raises UsageProblem, with the line, where the file is no TOML, lacks a key,
    or excuses a criterion that is unknown, decides nothing or is excused twice.
    """
    try:
        if len(content) > MAX_FILE:
            raise UsageProblem("the waivers are too large", where=where, possible=f"at most {MAX_FILE} bytes")
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        data = parse(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as trouble:
        raise UsageProblem(
            "the waivers cannot be read", where=where, found=str(trouble), possible=f"TOML: {_EXAMPLE}"
        ) from trouble
    lines = locate(text).lines
    tables = data.get(_TABLE)
    if set(data) - {_TABLE} or not isinstance(tables, list) or not tables:
        raise UsageProblem(
            "the file holds other things than waivers",
            where=where,
            found=", ".join(sorted(data)) or "nothing",
            possible=_EXAMPLE,
        )
    found: dict[str, Waiver] = {}
    for index, table in enumerate(tables):
        waiver = _waiver(table, where, lines, index)
        place = _at(where, lines, index, "criterion")
        if waiver.criterion in found:
            raise UsageProblem(f"{waiver.criterion} is waived twice", where=place, possible="one waiver a criterion")
        _check(waiver, place, criteria)
        found[waiver.criterion] = waiver
    return found


def _waiver(table: Any, where: str, lines: Mapping[Path, int], index: int) -> Waiver:
    try:
        return Waiver.model_validate(table)
    except ValidationError as refused:
        first = refused.errors(include_url=False)[0]
        key = str(first["loc"][0]) if first["loc"] else ""
        field = Waiver.model_fields.get(key)
        what = {"missing": f"a waiver lacks {key!r}", "extra_forbidden": f"unknown key {key!r} in a waiver"}.get(
            first["type"], f"{key!r} of a waiver: {_plainly(first['msg'])}"
        )
        raise UsageProblem(
            what,
            where=_at(where, lines, index, key),
            found=None if first["type"] == "missing" else repr(first["input"]),
            possible=field.description if field else nearest(key, Waiver.model_fields),
        ) from refused


def _check(waiver: Waiver, place: str, criteria: Mapping[str, Criterion]) -> None:
    known = criteria.get(waiver.criterion)
    if known is None:
        raise UsageProblem(
            "a waiver excuses a criterion that the profile does not promise",
            where=place,
            found=waiver.criterion,
            possible=nearest(waiver.criterion, criteria),
        )
    if known.informative or known.not_applicable:
        why = "is informative" if known.informative else "is not applicable here"
        raise UsageProblem(
            "a waiver excuses a criterion that decides nothing",
            where=place,
            found=f"{waiver.criterion} {why}",
            possible="leave it out",
        )


def _at(where: str, lines: Mapping[Path, int], index: int, key: str) -> str:
    return f"{where}:{lines.get((_TABLE, index, key)) or lines[_TABLE, index]}"


def _plainly(message: str) -> str:
    return re.sub(r"^Input ", "it ", message)
