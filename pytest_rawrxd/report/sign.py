"""The sign of a verdict: a symbol beside every colour, so that neither is needed to read the other."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_rawrxd.verdict.outcome import State, Verdict


@dataclass(frozen=True)
class Sign:
    """How one verdict looks: a symbol, its ASCII stand-in, a terminal style and a CSS class."""

    symbol: str
    ascii: str
    style: str
    css: str


SIGNS = {
    Verdict.PASS: Sign("✔", "+", "green", "pass"),
    Verdict.FAIL: Sign("✘", "x", "bold red", "fail"),
    Verdict.INCONCLUSIVE: Sign("?", "?", "yellow", "open"),
    Verdict.INVALID: Sign("⊘", "!", "magenta", "invalid"),
    Verdict.NOT_MEASURED: Sign("○", "o", "cyan", "absent"),
    Verdict.WAIVED: Sign("△", "w", "yellow", "waived"),
    Verdict.NOT_APPLICABLE: Sign("–", "-", "dim", "none"),
}

STATE_CSS = {
    State.APPROVED: "pass",
    State.APPROVED_WITH_WAIVERS: "waived",
    State.INCOMPLETE: "open",
    State.REJECTED: "fail",
}
