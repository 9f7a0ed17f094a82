"""What the waivers of a run change in its verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.raw import checked
from pytest_rawrxd.evidence.waivers import WAIVERS
from pytest_rawrxd.profile.waivers import Waiver, read_waivers
from pytest_rawrxd.verdict.outcome import Verdict

#: What a waiver can excuse. Evidence that cannot be used cannot be excused either: it has to be measured again.
WAIVABLE = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.NOT_MEASURED)


class Standing(StrEnum):
    """What became of one waiver. The spellings are part of the published schema."""

    IN_FORCE = "in force"
    EXPIRED = "expired"
    NOT_NEEDED = "not needed"
    REFUSED = "refused"


@dataclass(frozen=True)
class Waivers:
    """The waivers of a run by criterion, and the day they are judged on; empty where none was given."""

    day: date | None = None
    ref: Mapping[str, Any] = field(default_factory=dict)
    by_criterion: Mapping[str, Waiver] = field(default_factory=dict)

    def expired(self, day: date) -> tuple[Waiver, ...]:
        """The waivers that no longer hold on ``day``."""
        return tuple(waiver for waiver in self.by_criterion.values() if waiver.expired(day))

    def to_dict(self) -> dict[str, Any] | None:
        """What ``verdicts.json`` says about the file, None without one."""
        if self.day is None:
            return None
        return {"day": self.day.isoformat(), "file": self.ref["file"], "sha256": self.ref["sha256"]}


def waivers_of(evidence: Evidence) -> Waivers:
    """The newest waivers that were recorded in the run. Raises EvidenceProblem when the kept file was changed."""
    records = evidence.of(WAIVERS)
    if not records:
        return Waivers()
    newest = records[-1].data
    content = checked(evidence.folder(newest["raw"]), newest["raw"]).read_bytes()
    found = read_waivers(content, newest["raw"]["file"], evidence.campaign.profile.criteria)
    return Waivers(date.fromisoformat(newest["day"]), newest["raw"], found)


def waived(entry: dict[str, Any], waivers: Waivers) -> dict[str, Any]:
    """The criterion's entry of ``verdicts.json`` under ``waivers``: unchanged where none names it."""
    waiver = waivers.by_criterion.get(entry["id"])
    if waiver is None or waivers.day is None:
        return entry
    standing = _standing(waiver, waivers.day, Verdict(entry["verdict"]))
    said = {
        "owner": waiver.owner,
        "reason": waiver.reason,
        "ticket": waiver.ticket,
        "expiry": waiver.expiry.isoformat(),
        "compensating_measure": waiver.compensating_measure,
        "standing": str(standing),
        "waives": entry["verdict"],
    }
    if standing is not Standing.IN_FORCE:
        return {**entry, "waiver": said}
    reason = f"{entry['verdict']}, waived until {waiver.expiry} by {waiver.ticket}: {entry['reason']}"
    return {**entry, "waiver": said, "verdict": str(Verdict.WAIVED), "reason": reason}


def has_expired(entry: Mapping[str, Any]) -> bool:
    """Whether an expired waiver names this entry; it rejects the phase whatever else was found."""
    return (entry.get("waiver") or {}).get("standing") == Standing.EXPIRED


def _standing(waiver: Waiver, day: date, verdict: Verdict) -> Standing:
    if waiver.expired(day):
        return Standing.EXPIRED
    if verdict in WAIVABLE:
        return Standing.IN_FORCE
    return Standing.REFUSED if verdict is Verdict.INVALID else Standing.NOT_NEEDED
