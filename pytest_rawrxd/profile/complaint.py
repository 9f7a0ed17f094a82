"""What is wrong with a profile: collected, put in the file's order, and raised as one ProfileProblem."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_rawrxd.errors import ProfileProblem
from pytest_rawrxd.profile.inherit import Chain
from pytest_rawrxd.profile.locate import Path, dotted


@dataclass(frozen=True)
class Complaint:
    """One thing that is wrong at one key."""

    path: Path
    what: str
    possible: str
    found: str | None = None  #: None: the value as it is written


def raise_complaints(complaints: Sequence[Complaint], chain: Chain) -> None:
    """Raise every complaint as one ProfileProblem, in the order of the files; nothing to raise is fine."""
    if not complaints:
        return
    placed = sorted(complaints, key=lambda complaint: chain.place(complaint.path))
    problems = [
        ProfileProblem(
            complaint.what,
            where=f"{chain.at(complaint.path)}, {dotted(complaint.path)}",
            found=complaint.found or _as_written(complaint.path, chain),
            possible=complaint.possible,
        )
        for complaint in placed
    ]
    raise ProfileProblem.of(problems)


def _as_written(path: Path, chain: Chain) -> str:
    value = chain.value(path)
    try:
        text = json.dumps(value, ensure_ascii=False)
    except TypeError:  # a date
        text = str(value)
    shortened = text if len(text) <= 80 else f"{text[:77]}..."
    return shortened if isinstance(path[-1], int) else f"{path[-1]} = {shortened}"
