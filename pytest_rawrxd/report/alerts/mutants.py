"""What could be wrong with a rule: one small change at a time, each of which the rule's tests have to notice.

A mutant that behaves as its original for every input is equivalent; it is listed with the reason and not counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pytest_rawrxd.report.alerts.rule import BROKEN, EARLY, Alert, Recording, duration, figure

RATIO_AT_BOUND = "a ratio of two rates, or of two times, is a real number: it does not meet the bound exactly"

_COMPARISON = re.compile(r" (>|<|==) ([0-9.e+-]+)")
_WINDOW = re.compile(r"\[(\d+(?:ms|s|m|h))\]")
_EDGE = re.compile(r'le="([^"]+)"')
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Mutant:
    """An alert with one change. ``equivalent`` says why no input can tell it from its original; None: one can."""

    alert: Alert
    change: str
    equivalent: str | None = None


def mutants(alert: Alert) -> Iterator[Mutant]:
    """Every mutant of ``alert`` and of the recording rules that it reads."""
    seen = {(alert.expr, alert.records, alert.hold_s, alert.severity, alert.criterion, alert.summary)}
    for mutant in _all(alert):
        changed = mutant.alert
        state = (changed.expr, changed.records, changed.hold_s, changed.severity, changed.criterion, changed.summary)
        if state not in seen:
            seen.add(state)
            yield mutant


def _all(alert: Alert) -> Iterator[Mutant]:
    yield from _comparisons(alert)
    yield from _holds(alert)
    yield from _operands(alert)
    for place, text in (("expr", alert.expr), *((record.name, record.expr) for record in alert.records)):
        for change, changed in _texts(text):
            yield Mutant(_with(alert, place, changed), f"{place}: {change}")
    other = EARLY if alert.severity == BROKEN else BROKEN
    yield Mutant(replace(alert, severity=other), f"severity {other}")
    yield Mutant(replace(alert, criterion="P2-OTHER"), "criterion of another promise")
    yield Mutant(replace(alert, summary=alert.summary.rpartition(";")[0] or "an alert"), "summary without the bound")
    yield Mutant(replace(alert, expr=f"({alert.expr}) and vector(0) > 1"), "never")
    yield Mutant(replace(alert, expr="vector(1)"), "always")


def _comparisons(alert: Alert) -> Iterator[Mutant]:
    for found in _COMPARISON.finditer(alert.expr):
        sign, limit = found[1], float(found[2])
        for other in {">": ("<", ">=", "=="), "<": (">", "<=", "=="), "==": ("!=", "<", ">=")}[sign]:
            smooth = bool(alert.records) and other == f"{sign}=" and limit != 0
            # A count of requests in a window, and whether a server is up, are never below zero.
            yield Mutant(
                replace(alert, expr=_spliced(alert.expr, found, f" {other} {found[2]}")),
                f"{sign} {found[2]} -> {other}",
                RATIO_AT_BOUND if smooth else None,
            )
        for changed in (limit * 1.25, limit * 0.8) if limit else (10.0,):
            expr = _spliced(alert.expr, found, f" {sign} {figure(changed)}")
            yield Mutant(replace(alert, expr=expr), f"{sign} {found[2]} -> {figure(changed)}")


def _holds(alert: Alert) -> Iterator[Mutant]:
    for factor in (0, 0.5, 2):
        yield Mutant(replace(alert, hold_s=alert.hold_s * factor), f"for {duration(alert.hold_s or 1)} x {factor}")


def _operands(alert: Alert) -> Iterator[Mutant]:
    """Without one side of an ``and``."""
    sides = alert.expr.split(" and ")
    for side in sides if len(sides) > 1 else ():
        yield Mutant(replace(alert, expr=side), f"only {side}")


def _texts(text: str) -> Iterator[tuple[str, str]]:
    for found in _WINDOW.finditer(text):
        seconds = _seconds(found[1])
        for factor in (0.5, 2):
            other = duration(round(seconds * factor, 3))
            every = text.replace(found[0], f"[{other}]")
            yield f"window {found[1]} -> {other}", every
    edges = _EDGE.findall(text)
    for own in edges:
        yield f"edge {own} -> +Inf", text.replace(f'le="{own}"', 'le="+Inf"')
        yield f"edge {own} -> 0.001", text.replace(f'le="{own}"', 'le="0.001"')
    yield "one rate -> increase", re.sub(r"\brate\(", "increase(", text, count=1)
    yield "without 1 -", text.removeprefix("1 - ")
    yield "without ignoring (le)", text.replace(" ignoring (le)", "")
    yield "without sum", text.replace("sum without (reason) ", "")
    yield "another histogram", text.replace("inter_token", "time_to_first_token")
    yield "max instead of mean", text.replace("avg_over_time", "max_over_time")
    yield "swapped operands", _swapped(text)
    yield "absent of another", text.replace("absent(rawrxd_", "absent(rawrxd_other_")


def _swapped(text: str) -> str:
    left, sign, right = text.partition(" / ")
    bare = right.removeprefix("ignoring (le) ")
    if not sign:
        return text
    head = "1 - " if left.startswith("1 - ") else ""
    return f"{head}{bare} / {right[: len(right) - len(bare)]}{left.removeprefix('1 - ')}"


def _with(alert: Alert, place: str, text: str) -> Alert:
    if place == "expr":
        return replace(alert, expr=text)
    records = tuple(Recording(r.name, text) if r.name == place else r for r in alert.records)
    return replace(alert, records=records)


def _spliced(text: str, found: re.Match[str], new: str) -> str:
    return text[: found.start()] + new + text[found.end() :]


def _seconds(text: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", text).groups()  # type: ignore[union-attr]  # the pattern that found it
    return int(number) * _UNITS[unit]
