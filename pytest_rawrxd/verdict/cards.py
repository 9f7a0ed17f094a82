"""One promise, several cards: a verdict on each, and the worst of them is the verdict.

Nothing is pooled over cards: a thousand good gaps of one would hide the slow ones of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.cards import Card, cards_of, of_card
from pytest_rawrxd.measure.shares import Scope, scope
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.outcome import Verdict

Entry = dict[str, Any]
JudgeOne = Callable[[Evidence], Entry]

WORST_FIRST = (Verdict.FAIL, Verdict.INVALID, Verdict.INCONCLUSIVE, Verdict.NOT_MEASURED, Verdict.PASS)
SHOWN = ("verdict", "estimate", "lower", "upper", "n", "reason")
EVERY_LANE = "one lane for each card: pytest acceptance/ -n"


def judged_on_cards(evidence: Evidence, criterion: Criterion, judge_one: JudgeOne) -> Entry:
    """The entry of ``criterion``: of its cards where the session put several to the test, as it stands otherwise."""
    cards = cards_of(evidence)
    if evidence.card is not None:
        mine = [card for card in cards if card.device == evidence.card]
        return _of_one(mine[0], judge_one(evidence)) if mine else judge_one(evidence)
    where = scope(evidence.campaign.profile, criterion)
    if not cards or where in {Scope.HOST, Scope.TOGETHER} or criterion.not_applicable is not None:
        return judge_one(evidence)
    if len({card.device for card in cards}) < len(cards):
        return _one_card_twice(cards, judge_one(evidence))
    asked = cards[:1] if where is Scope.FIRST else cards
    alone = {card: judge_one(of_card(evidence, card.device)) for card in asked}
    measured = {card: entry for card, entry in alone.items() if entry["verdict"] != Verdict.NOT_MEASURED}
    if not measured:
        return alone[cards[0]]  # as it stands: nothing of it is about one card more than about another
    return _worst(measured if where is Scope.PLACED else alone, len(cards))


def _of_one(card: Card, entry: Entry) -> Entry:
    return {**entry, "reason": f"{card}: {entry['reason']}", "cards": [_shown(card, entry)]}


def _worst(alone: Mapping[Card, Entry], asked: int) -> Entry:
    verdict = next(each for each in WORST_FIRST if each in {entry["verdict"] for entry in alone.values()})
    card, entry = min(
        ((card, entry) for card, entry in alone.items() if entry["verdict"] == verdict), key=lambda one: _room(one[1])
    )
    each = ", ".join(f"gpu{one.lane} {found['verdict']}" for one, found in alone.items())
    missing = verdict is Verdict.NOT_MEASURED and len({found["verdict"] for found in alone.values()}) > 1
    return {
        **entry,
        "reason": f"{card}: {entry['reason']}" + (f"; {each}" if len(alone) > 1 else ""),
        "next": f"{EVERY_LANE} {asked}" if missing else entry["next"],
        "evidence": [record for found in alone.values() for record in found["evidence"]],
        "cards": [_shown(one, found) for one, found in alone.items()],
    }


def _room(entry: Entry) -> float:
    """What orders entries of one verdict: how far the bound that decides is on the kept side; 0 without one."""
    lower, upper = entry["lower"], entry["upper"]
    if entry["direction"] == ">=" and lower is not None:
        return float(lower)
    return -float(upper) if entry["direction"] == "<=" and upper is not None else 0.0


def _one_card_twice(cards: Sequence[Card], entry: Entry) -> Entry:
    """Two lanes on one card measured one card: of the others that the profile names there is nothing."""
    named = ", ".join(map(str, cards))
    return {
        **entry,
        "verdict": str(Verdict.NOT_MEASURED),
        "reason": f"{len({card.device for card in cards})} of {len(cards)} cards was measured, one is listed twice: "
        f"{named}",
        "next": "a machine with as many cards as the profile names",
    }


def _shown(card: Card, entry: Entry) -> dict[str, Any]:
    return {**card.to_dict(), **{key: entry[key] for key in SHOWN}}
