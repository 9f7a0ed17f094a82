"""A verdict in sentences, the same in terminal, JUnit, pytest-html, Allure and on the page."""

from __future__ import annotations

from pytest_rawrxd.report.judged import Judged
from pytest_rawrxd.report.plain import plain
from pytest_rawrxd.verdict.outcome import Verdict

UNSTATED = "not stated"


def explain(judged: Judged) -> list[str]:
    """Return the lines that say what was measured, what was required, why that is the verdict and what to do next."""
    middle = {
        Verdict.PASS: _kept,
        Verdict.FAIL: _missed,
        Verdict.WAIVED: _waived,
    }.get(judged.verdict, _undecided)(judged)
    lines = [_head(judged), *middle]
    if judged.cards:
        lines.append(f"on {'; '.join(map(str, judged.each_card))}")
    if judged.bound_at:
        lines.append(f"bound from {judged.bound_at}")
    return [plain(line) for line in lines]


def _head(judged: Judged) -> str:
    value, between = judged.measured
    said = "" if judged.estimate is None else f" measured {value} {between}".rstrip()
    note = " (informative, decides nothing)" if judged.informative else ""
    return f"{judged.id}: {judged.title}{said}, required {judged.required}{note}"


def _kept(judged: Judged) -> list[str]:
    said = f"kept with {judged.distance} to spare" if (judged.room or 0) > 0 else _reason("kept", judged)
    return ["; ".join(filter(None, [said, judged.sample])), *_decided(judged)]


def _missed(judged: Judged) -> list[str]:
    # A floor can be broken by one run while the mean is above it: then only the reason says what happened.
    said = f"missed by {judged.distance}" if (judged.room or 0) < 0 else _reason("missed", judged)
    return ["; ".join(filter(None, [said, judged.sample])), *_decided(judged)]


def _reason(word: str, judged: Judged) -> str:
    return f"{word}: {judged.reason}" if judged.reason else word


def _waived(judged: Judged) -> list[str]:
    waiver = judged.waiver or {}
    return [
        f"WAIVED until {waiver.get('expiry', UNSTATED)} by {waiver.get('owner', UNSTATED)}"
        f" ({waiver.get('ticket', UNSTATED)}): {waiver.get('reason', judged.reason)}",
        f"instead: {waiver.get('compensating_measure', UNSTATED)}",
        *_decided(judged),
    ]


def _undecided(judged: Judged) -> list[str]:
    sample = f"; {judged.sample}" if judged.estimate is not None and judged.sample else ""
    step = "fix" if judged.verdict is Verdict.INVALID else "next"
    return [
        f"{judged.verdict}: {judged.reason}{sample}",
        *_decided(judged),
        *([f"{step}: {judged.next}"] if judged.next else []),
    ]


def _decided(judged: Judged) -> list[str]:
    return [f"decided by {judged.decided_by}"] if judged.decided_by else []
