"""A fact: the only thing with a number in it that a document can print, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pytest_rawrxd.report import number
from pytest_rawrxd.report.plain import plain

NOT_MEASURED, NOT_APPLICABLE = "not measured", "not applicable"
CARD = "campaign.json"


@dataclass(frozen=True)
class Fact:
    """``text`` as a document prints it, ``key`` under which it is derived again, ``sources`` that it rests on.

    A source is the id of an evidence record, ``campaign.json``, or the ``file:line`` of a promise.
    """

    key: str
    text: str
    sources: tuple[str, ...]
    known: bool = True  #: False: the text says why there is no value

    def __str__(self) -> str:
        return self.text


def fact(
    key: str, text: str | None, sources: Iterable[str], *, why: str = "nothing was recorded", applies: bool = True
) -> Fact:
    """Return the fact ``text``, or what a reader sees in its place: "not measured: why". No source is no value.

    Blanks of ``key``, which a name of the profile or of a folder may have, become hyphens: a document carries it as a
    word. What cannot exist here, such as the driver of a machine without a device, does not apply.
    """
    found, key = tuple(dict.fromkeys(map(plain, sources))), "-".join(key.split())
    if text is None or text == number.ABSENT or not found:
        return Fact(key, f"{NOT_MEASURED if applies else NOT_APPLICABLE}: {plain(why)}", found or (CARD,), known=False)
    return Fact(key, plain(text), found)


def value(
    key: str,
    estimate: float | None,
    sources: Iterable[str],
    *,
    unit: str = "",
    bounds: tuple[float | None, float | None] = (None, None),
    why: str = "nothing was recorded",
    applies: bool = True,
) -> Fact:
    """Return a measured value with its interval, "24.6 tok/s [24.1, 25.1]", or why there is none."""
    if estimate is None:
        return fact(key, None, sources, why=why, applies=applies)
    said, between = number.measured(estimate, *bounds, unit)
    return fact(key, f"{said} {between}".rstrip(), sources)
