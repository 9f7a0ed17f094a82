"""The cards of a session with several GPUs, and the evidence of one card alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.ledger import Record

CARDS = "cards"  #: in ``session.start``: the cards that the profile puts to the test, in the order of their lanes
MOST = 64  #: GPUs that a profile can name
DEVICE = "device"  #: on every record of a lane: the card that it is about


@dataclass(frozen=True)
class Card:
    """One GPU under test. ``device`` is its UUID."""

    lane: int
    device: str
    name: str

    def __str__(self) -> str:
        """The card as a verdict names it."""
        return f"gpu{self.lane} ({self.name}, {self.device})"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def cards_of(evidence: Evidence) -> tuple[Card, ...]:
    """The cards of every run of ``evidence``, as its newest session names them; () where one device is under test."""
    return evidence.once("cards", lambda: tuple(card for part in evidence.parts for card in _named(part)))


def _named(evidence: Evidence) -> tuple[Card, ...]:
    named = [record for record in evidence.of("session.start") if record.data.get(CARDS)]
    return tuple(_read(named[-1], each) for each in named[-1].data[CARDS]) if named else ()


def _read(record: Record, each: Any) -> Card:
    """One card as a record names it. Its lane names a folder, so that it is a number or nothing."""
    match each:
        case {"lane": int(lane), "device": str(device), "name": str(name)} if 0 <= lane < MOST and lane is not True:
            return Card(lane, device, name)
    raise EvidenceProblem(
        "a session names a card that is none", where=record.id, found=repr(each)[:80], possible="lane, device, name"
    )


def of_card(evidence: Evidence, device: str) -> Evidence:
    """What was recorded of one card, with what is about no card: sessions, claims, waivers."""

    def alone() -> Evidence:
        records = tuple(record for record in evidence.records if record.data.get(DEVICE, device) == device)
        return replace(evidence, records=records, card=device, _known={})

    return evidence.once(("card", device), alone)


def by_card(evidence: Evidence) -> tuple[Evidence, ...]:
    """The evidence of each card alone, of all of it where one device is under test."""
    devices = dict.fromkeys(card.device for card in cards_of(evidence))
    if evidence.card is not None or not devices:
        return (evidence,)
    return tuple(of_card(evidence, device) for device in devices)


def around(evidence: Evidence, data: Mapping[str, Any]) -> Evidence:
    """What was recorded of the card that a record with ``data`` is about; all of it where one device is under test."""
    device = data.get(DEVICE)
    return of_card(evidence, device) if isinstance(device, str) and evidence.card is None else evidence
