"""Charts that cost nothing: curves have tests of their own, and drawing them takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from matplotlib.figure import Figure

#: A conftest.py for a session in a process of its own, which draws the same nothing as this one.
CONFTEST = f"""
import sys

sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from fakes.charts import save_nothing
from matplotlib.figure import Figure

Figure.savefig = save_nothing
"""


def save_nothing(_figure: Figure, file: IO[Any], *, format: str, **_options: object) -> None:  # noqa: A002 - matplotlib's
    """In place of ``Figure.savefig``: a file of the right kind and of one pixel, the same each time."""
    file.write(
        '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"></svg>' if format == "svg" else b"a picture"
    )
