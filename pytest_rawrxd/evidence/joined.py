"""The evidence of several run directories, read as one; nothing is written and nothing replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pytest_rawrxd.errors import CampaignProblem, UsageProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.identity import Identity
from pytest_rawrxd.evidence.ledger import Record
from pytest_rawrxd.evidence.publication import PUBLICATION
from pytest_rawrxd.evidence.waivers import WAIVERS
from pytest_rawrxd.evidence.walkthrough import WALKTHROUGH
from pytest_rawrxd.rig.server.target import LOOPBACK

SAID_LATER = frozenset({PUBLICATION, WAIVERS, WALKTHROUGH})  #: records about a run that measure nothing
RUN = "run_dir"  #: in the raw reference of a record: the directory that its file is in


@dataclass(frozen=True)
class Joined(Evidence):
    """Evidence whose raw arrays lie in several directories."""

    folders: Mapping[str, Path] = field(default_factory=dict, repr=False)
    joined: tuple[Evidence, ...] = field(default=(), repr=False)

    @property
    def parts(self) -> tuple[Evidence, ...]:
        """The evidence of each run, its records named as they are here. A card is in one of them."""
        return self.joined if self.joined and self.card is None else (self,)

    def folder(self, ref: Mapping[str, Any]) -> Path:
        """The run directory that a raw reference was made in."""
        return self.folders[ref[RUN]]


def join(parts: Sequence[Evidence]) -> Evidence:
    """Return all ``parts`` as one; a session is then called ``RUN.s001``, and so are the ids of its records.

    Raises CampaignProblem where two are of different identities, naming each field, and UsageProblem for one run named
    twice: it would count double.
    """
    return _join(parts, lambda identity: identity)


def pool(parts: Sequence[Evidence]) -> Evidence:
    """As ``join``, of several hosts: equal in everything but which cards they have and where their server listens.

    Raises UsageProblem also where two of them measured one server at the same time: its hours would count double.
    """
    pooled = _join(parts, Identity.kind)
    for one, other in combinations(parts, 2):
        if (shared := _servers(one) & _servers(other)) and any(
            begin <= their_end and their_begin <= end
            for begin, end in _windows(one)
            for their_begin, their_end in _windows(other)
        ):
            raise UsageProblem(
                "these runs measured one server at the same time: its hours would count double",
                where=f"{one.campaign.path} and {other.campaign.path}",
                found=", ".join(sorted(shared)),
                possible="one run of it; from several hosts, one session with --sla-load-hosts",
            )
    return pooled


def _servers(part: Evidence) -> set[str]:
    """The addresses of running servers that other hosts reach as well."""
    details = part.campaign.identity.engine.get("details")
    urls = str(details.get("url") or "").split(", ") if isinstance(details, dict) else []
    return {url for url in urls if url and urlsplit(url).hostname not in LOOPBACK}


def _windows(part: Evidence) -> list[tuple[datetime, datetime]]:
    """From the first to the last thing that each session measured."""
    instants: dict[str, list[datetime]] = {}
    for record in part.records:
        if record.kind not in SAID_LATER:
            instants.setdefault(record.session, []).append(datetime.fromisoformat(record.at))
    return [(min(each), max(each)) for each in instants.values()]


def _join(parts: Sequence[Evidence], seen: Callable[[Identity], Identity]) -> Evidence:
    first = parts[0]
    if len(parts) == 1:
        return first
    for other in parts[1:]:
        if differences := seen(first.campaign.identity).differences(seen(other.campaign.identity)):
            raise CampaignProblem(
                "these runs are not of one identity; their numbers do not belong together",
                where=f"{first.campaign.path} and {other.campaign.path}",
                found="; ".join(differences),
                possible="runs of one profile, model, engine, driver and kind of machine",
            )
    chains = [record.prev for part in parts for record in part.records if record.seq == 2]
    names = _names([part.campaign.id for part in parts])
    if len(set(chains)) < len(chains) or len({part.campaign.path.resolve() for part in parts}) < len(parts):
        raise UsageProblem(
            "one run is named twice: it would count double", found=", ".join(names), possible="each RUN_DIR once"
        )
    folders = {name: part.campaign.path for name, part in zip(names, parts, strict=True)}
    joined = tuple(
        Joined(
            campaign=replace(part.campaign, id=name),
            records=tuple(_renamed(record, name) for record in part.records),
            folders=folders,
        )
        for name, part in zip(names, parts, strict=True)
    )
    # Each run was read as its own; together they are of the kind that was compared above, which the first one names.
    one = first.campaign.identity.digest
    records = tuple(replace(record, identity=one) for part in joined for record in part.records)
    return Joined(campaign=first.campaign, records=records, folders=folders, joined=joined)


def _names(ids: Sequence[str]) -> list[str]:
    """A name for each run: two hosts may have called their directories the same."""
    return [f"{name}~{ids[:at].count(name) + 1}" if name in ids[:at] else name for at, name in enumerate(ids)]


def _renamed(record: Record, run: str) -> Record:
    data = record.data
    if isinstance(data.get("raw"), dict):
        data = {**data, "raw": {**data["raw"], RUN: run}}
    return replace(record, id=f"{run}.{record.id}", session=f"{run}.{record.session}", data=data)
