"""Where the files that travel with the package lie, and how a path is written in a report."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def package_data(folder: str) -> Path:
    """The folder ``fixtures`` or ``acceptance`` of this installation.

    A wheel carries it inside the package, a checkout has it beside the package. Raises FileNotFoundError naming both
    places when the installation has neither.
    """
    places = (_PACKAGE / "_data" / folder, _PACKAGE.parent / folder)
    for place in places:
        if place.is_dir():
            return place
    raise FileNotFoundError(f"the package data {folder!r} is in neither {places[0]} nor {places[1]}")


def shown(path: Path) -> str:
    """``path`` as a report prints it: relative to the checkout, the installation or the working directory.

    Files of the installation read the same from every working directory, so that a report does not depend on it.
    """
    absolute = path.resolve()
    for root in (_PACKAGE.parent, Path.cwd().resolve()):
        if absolute.is_relative_to(root):
            return absolute.relative_to(root).as_posix()
    return path.as_posix()
