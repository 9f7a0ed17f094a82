"""A run directory is a campaign: one profile and one identity, one or more sessions, nothing replaced."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from pytest_rawrxd.errors import CampaignProblem, EvidenceProblem
from pytest_rawrxd.evidence.canonical import plain, strict_loads
from pytest_rawrxd.evidence.identity import Identity
from pytest_rawrxd.evidence.isolated import refuse_hostile
from pytest_rawrxd.evidence.ledger import Record, read_ledger
from pytest_rawrxd.evidence.raw import load_raw, refuse_more_than_fits
from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.profile import Profile

SCHEMA = 1
CARD = "campaign.json"
MAX_CARD = 16 << 20
SIGNATURES = "signatures"
LOCK = ".session.lock"
Derived = TypeVar("Derived")


@dataclass(frozen=True)
class Campaign:
    """The card of a run directory: what all its sessions have in common."""

    path: Path
    id: str
    created: str
    identity: Identity
    profile: Profile = field(repr=False)

    def new_session(self) -> str:
        """The next free session name: ``s001``, ``s002``..."""
        taken = [int(m[1]) for p in (self.path / "ledger").glob("s*.jsonl") if (m := re.match(r"s(\d+)-", p.name))]
        return f"s{max(taken, default=0) + 1:03d}"


class SessionLock:
    """Only one session at a time measures into a run directory. Use as a context manager."""

    def __init__(self, run_dir: Path) -> None:
        try:
            run_dir.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise _unwritable(run_dir, problem) from problem
        self._run_dir = run_dir
        self._lock = FileLock(run_dir / LOCK)

    def __enter__(self) -> Self:
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise CampaignProblem(
                "another session is measuring into this run directory",
                where=str(self._run_dir),
                possible="wait for it to end, or name another directory with --sla-run-dir",
            ) from None
        except OSError as problem:
            raise _unwritable(self._run_dir, problem) from problem
        return self

    def __exit__(self, *exc: object) -> None:
        self._lock.release()


def _unwritable(run_dir: Path, problem: OSError) -> CampaignProblem:
    return CampaignProblem(
        "the run directory cannot be written",
        where=str(run_dir),
        found=problem.strerror,
        possible="a folder that you may write to, with --sla-run-dir",
    )


def refuse_signed(run_dir: Path) -> None:
    """Raise CampaignProblem where the run is signed: its evidence is closed."""
    if any((run_dir / SIGNATURES).glob("*")):
        raise CampaignProblem(
            "this run is signed, and its evidence is closed",
            where=str(run_dir / SIGNATURES),
            possible="a new run directory; or a copy of this one without its signatures, to be signed anew",
        )


def check_joinable(run_dir: Path, identity: Identity) -> None:
    """Raise CampaignProblem unless ``run_dir`` is empty, new, or of this identity (naming each field) and unsigned."""
    refuse_signed(run_dir)
    if not (run_dir / CARD).exists():
        if run_dir.is_dir() and any(p.name != LOCK for p in run_dir.iterdir()):
            raise CampaignProblem(
                "the run directory holds other files but no campaign",
                where=str(run_dir),
                possible="an empty or new directory, or one made by an earlier session",
            )
        return
    there = read_card(run_dir).identity
    if differences := there.differences(identity):
        raise CampaignProblem(
            "the run directory belongs to another identity; its evidence cannot be joined",
            where=str(run_dir),
            found="; ".join(differences),
            possible="a new directory (--sla-run-dir), or the model, engine and machine of the earlier sessions",
        )


def open_campaign(run_dir: Path, identity: Identity, profile: Profile, clock: Clock) -> Campaign:
    """Join the campaign in ``run_dir`` or begin one. Raises CampaignProblem as ``check_joinable`` does."""
    check_joinable(run_dir, identity)
    card = run_dir / CARD
    if not card.exists():
        body = {
            "schema": SCHEMA,
            "id": run_dir.resolve().name,
            "created": clock.wall().isoformat(timespec="seconds"),
            "identity": identity.to_dict(),
            "profile": profile.to_resolved(),
        }
        run_dir.mkdir(parents=True, exist_ok=True)
        temporary = card.with_suffix(".tmp")
        temporary.write_text(json.dumps(plain(body), indent=1, allow_nan=False) + "\n", encoding="utf-8")
        temporary.replace(card)
    return read_card(run_dir)


def read_card(run_dir: Path) -> Campaign:
    """The campaign of a run directory. Raises EvidenceProblem when there is none or it cannot be read."""
    card = run_dir / CARD
    if not card.is_file():
        raise EvidenceProblem(
            "this is not a run directory", where=str(run_dir), found=f"no {CARD}", possible="a folder below reports/"
        )
    refuse_hostile(run_dir)
    if card.stat().st_size > MAX_CARD:
        raise EvidenceProblem("the campaign card is too large", where=str(card), possible=f"at most {MAX_CARD} bytes")
    try:
        body = strict_loads(card.read_bytes())
        if body["schema"] != SCHEMA:
            raise EvidenceProblem(
                "the campaign was written by another version",
                where=str(card),
                found=str(body["schema"]),
                possible=str(SCHEMA),
            )
        return Campaign(
            path=run_dir,
            id=str(body["id"]),
            created=str(body["created"]),
            identity=Identity.from_dict(body["identity"]),
            profile=Profile.from_resolved(body["profile"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvidenceProblem("the campaign card cannot be read", where=str(card), found=repr(error)) from error


def _refuse_foreign(campaign: Campaign, records: Iterable[Record]) -> None:
    """A ledger of another profile, model, engine, driver or machine says nothing about this campaign."""
    identity = campaign.identity
    if identity.profile != campaign.profile.digest:
        raise EvidenceProblem(
            "the campaign's identity names another profile than the campaign carries",
            where=str(campaign.path / CARD),
            found=identity.profile,
            possible=campaign.profile.digest,
        )
    expected = identity.digest
    for record in records:
        if record.identity != expected:
            raise EvidenceProblem(
                "a record belongs to another identity (profile, model, engine, driver or machine)",
                where=f"ledger/{record.session}-{record.worker}.jsonl:{record.seq}",
                found=record.identity,
                possible=f"{expected}, the identity in {CARD}",
            )


@dataclass(frozen=True)
class Evidence:
    """Everything that may decide: the campaign's card and its records. Raw arrays are read when asked for."""

    campaign: Campaign
    records: tuple[Record, ...] = field(repr=False)
    _known: dict[object, Any] = field(default_factory=dict, repr=False, compare=False)
    card: str | None = None  #: the device that all of it is about; None: every device of the campaign

    def once(self, key: object, derive: Callable[[], Derived]) -> Derived:
        """What ``derive`` makes of this evidence, made once: thirty criteria read one cell."""
        if key not in self._known:
            self._known[key] = derive()
        derived: Derived = self._known[key]
        return derived

    @classmethod
    def read(cls, run_dir: Path) -> Evidence:
        """The evidence of a run directory.

        Raises EvidenceProblem where a record is of another identity, or there is more than a run can write.
        """
        campaign = read_card(run_dir)
        records = tuple(read_ledger(run_dir / "ledger"))
        _refuse_foreign(campaign, records)
        refuse_more_than_fits(run_dir, (record.data.get("raw") for record in records))
        return cls(campaign=campaign, records=records)

    @property
    def parts(self) -> tuple[Evidence, ...]:
        """The evidence of each run directory that this is made of: one."""
        return (self,)

    def folder(self, ref: Mapping[str, Any]) -> Path:  # noqa: ARG002 - evidence of several runs looks at it
        """The run directory that a raw reference of these records is relative to."""
        return self.campaign.path

    def of(self, kind: str, **where: Any) -> list[Record]:
        """Records of one kind whose data hold all of ``where``."""
        wanted = self.once("records by kind", self._by_kind).get(kind, [])
        return [record for record in wanted if all(record.data.get(key) == value for key, value in where.items())]

    def _by_kind(self) -> dict[str, list[Record]]:
        """A soak leaves ten thousand records, and every criterion asks for a few of them."""
        found: dict[str, list[Record]] = {}
        for record in self.records:
            found.setdefault(record.kind, []).append(record)
        return found

    def raw(self, ref: dict[str, Any]) -> dict[str, npt.NDArray[np.generic]]:
        """The arrays behind a record. Raises EvidenceProblem when they are missing or changed."""
        return load_raw(self.folder(ref), ref)
