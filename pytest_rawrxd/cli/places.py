"""``--runs DIR``: where the run directories are that a pool or a publication was made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def add_places(verb: Any) -> None:
    """Give ``verb`` the option of every verb that takes a pool where it takes a run."""
    verb.add_argument(
        "--runs",
        metavar="DIR",
        type=Path,
        nargs="+",
        default=[],
        help="of a pool or a published run: the run directories that it was made of, or folders of them; default: "
        "beside it, and above reports/signed/",
    )
