"""A recorded run as another run: what it measured, written anew by the real ledger under another identity."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pytest_rawrxd.evidence.campaign import CARD, Evidence
from pytest_rawrxd.evidence.identity import Identity
from pytest_rawrxd.evidence.ledger import LedgerWriter, Record
from pytest_rawrxd.profile.profile import digest_of


class Replayed:
    """A clock that says what the record said that is written next."""

    def __init__(self) -> None:
        self.record: Record | None = None

    def wall(self):
        return datetime.fromisoformat(self.record.at)

    def monotonic_ns(self):
        return self.record.mono_ns


def second_run(recording: Path, first: Path, path: Path) -> Path:
    """Write ``recording`` into ``path`` as a run of ``first``'s identity and profile; return ``path``.

    Without its manifests: the models of an identity are those that the first run describes.
    """
    records = [record for record in Evidence.read(recording).records if record.kind != "model"]
    stored = json.loads((first / CARD).read_text(encoding="utf-8"))["profile"]
    return _written(recording, path, Evidence.read(first).campaign.identity, stored, records)


def accepting_run(recording: Path, path: Path) -> Path:
    """Write ``recording`` into ``path`` as if its profile were one of acceptance, which excuses nothing."""
    evidence = Evidence.read(recording)
    there = evidence.campaign
    criteria = {name: each.model_copy(update={"not_applicable": None}) for name, each in there.profile.criteria.items()}
    profile = there.profile.model_copy(update={"kind": "acceptance", "criteria": criteria})
    profile = profile.model_copy(update={"digest": digest_of(profile)})
    identity = replace(there.identity, profile=profile.digest)
    return _written(recording, path, identity, profile.to_resolved(), list(evidence.records))


def _written(recording: Path, path: Path, identity: Identity, profile: dict[str, Any], records: list[Record]) -> Path:
    card = json.loads((recording / CARD).read_text(encoding="utf-8"))
    card |= {"id": path.name, "identity": identity.to_dict(), "profile": profile}
    path.mkdir()
    (path / CARD).write_text(json.dumps(card), encoding="utf-8")
    shutil.copytree(recording / "raw", path / "raw")
    clock = Replayed()
    for worker in dict.fromkeys(record.worker for record in records):
        own = [record for record in records if record.worker == worker]
        with LedgerWriter(
            path / "ledger", session=own[0].session, worker=worker, identity=identity.digest, clock=clock
        ) as ledger:
            for clock.record in own:
                ledger.write(clock.record.kind, clock.record.data)
    return path
