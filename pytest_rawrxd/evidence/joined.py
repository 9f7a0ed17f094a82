"""The evidence of several run directories of one identity, read as one; nothing is written and nothing replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import CampaignProblem, UsageProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.ledger import Record
from pytest_rawrxd.evidence.raw import load_raw

RUN = "run_dir"  #: in the raw reference of a record: the directory that its file is in


@dataclass(frozen=True)
class Joined(Evidence):
    """Evidence whose raw arrays lie in several directories."""

    folders: Mapping[str, Path] = field(default_factory=dict, repr=False)

    def raw(self, ref: dict[str, Any]) -> dict[str, npt.NDArray[np.generic]]:
        """The arrays behind a record, from the run that it came from."""
        own = {key: value for key, value in ref.items() if key != RUN}
        return load_raw(self.folders[ref[RUN]], own)


def join(parts: Sequence[Evidence]) -> Evidence:
    """Return all ``parts`` as one; a session is then called ``RUN.s001``, and so are the ids of its records.

    Raises CampaignProblem where two are of different identities, naming each field, and UsageProblem for one run named
    twice: it would count double.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    for other in parts[1:]:
        if differences := first.campaign.identity.differences(other.campaign.identity):
            raise CampaignProblem(
                "these runs are not of one identity; their numbers do not belong into one document",
                where=f"{first.campaign.path} and {other.campaign.path}",
                found="; ".join(differences),
                possible="runs of one profile, model, engine, driver and machine",
            )
    names = [part.campaign.id for part in parts]
    chains = {record.prev for part in parts for record in part.records if record.seq == 2}
    files = [record for part in parts for record in part.records if record.seq == 2]
    if len(set(names)) < len(names) or len(chains) < len(files):
        raise UsageProblem(
            "one run is named twice: it would count double", found=", ".join(names), possible="each RUN_DIR once"
        )
    return Joined(
        campaign=first.campaign,
        records=tuple(_renamed(record, part.campaign.id) for part in parts for record in part.records),
        folders={part.campaign.id: part.campaign.path for part in parts},
    )


def _renamed(record: Record, run: str) -> Record:
    data = record.data
    if isinstance(data.get("raw"), dict):
        data = {**data, "raw": {**data["raw"], RUN: run}}
    return replace(record, id=f"{run}.{record.id}", session=f"{run}.{record.session}", data=data)
