"""Shell sessions in documents: commands behind ``$``, what they print below; ``…`` stands for anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Step:
    """One command of a document and the lines that it shows."""

    command: str
    shown: tuple[str, ...]

    def prints(self, printed: str) -> bool:
        """Whether ``printed`` is what the document shows; a line of ``…`` alone stands for any number of lines."""
        pattern = "".join(
            r"(?:.*\n)*?" if line.strip() == "…" else ".*".join(map(re.escape, line.split("…"))) + r"\n"
            for line in self.shown
        )
        return re.fullmatch(pattern, printed.rstrip("\n") + "\n" if printed.strip() else "") is not None


def steps(document: Path) -> list[Step]:
    """Every command of the ``console`` blocks of a document, in order."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            found.append(Step(command, tuple(shown.splitlines())))
    return found


def script(document: Path) -> str:
    """The ``sh`` block of a document."""
    found = re.search(r"^```sh\n(.*?)^```$", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert found is not None, f"{document} has no sh block"
    return found[1]
