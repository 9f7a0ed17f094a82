"""What is fuzzed: a reader, what it may raise, and what must hold of everything that it accepts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
#: Of CPU time that one input may take; the slowest seed takes 2.
SECONDS = 10


@dataclass(frozen=True)
class Target:
    """``read`` gets an input and an empty folder of its own. It returns whether the input was accepted; it raises
    AssertionError where something was accepted that does not hold together, and otherwise only what ``allowed`` names.
    """

    name: str
    read: Callable[[bytes, Path], object]
    allowed: tuple[type[Exception], ...]
    shares: str = ""  #: the target whose corpus it reads too

    def seeds(self) -> list[bytes]:
        """The committed corpus of this target, in the order of the names."""
        return [path.read_bytes() for path in sorted((CORPUS / (self.shares or self.name)).iterdir())]

    def accepts(self, data: bytes, place: Path) -> bool:
        """Whether ``data`` is accepted; False where it is refused in the way that it may be refused."""
        try:
            self.read(data, place)
        except self.allowed:
            return False
        return True
