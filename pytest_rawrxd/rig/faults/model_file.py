"""The model file cannot be read when the process starts again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.faults.fault import Base, Proof
from pytest_rawrxd.rig.target.service import UNCHANGED, Change

HEAD_BYTES = 4096


@dataclass
class _BadModel(Base, ABC):
    def inject(self) -> None:
        if self.site.model is None:
            raise RigTrouble("the suite does not see the target's model file", possible="a target that it starts")
        bad = self.bad_file(self.site.model)
        process = self.site.process
        self.begin()
        self.site.supervisor.change = Change(model=bad)
        process.kill()

    @abstractmethod
    def bad_file(self, good: Path) -> Path:
        """The file to start again with, instead of ``good``."""

    def proof(self) -> Proof:
        kinds = [event.kind for event in self.site.supervisor.since(self.began_ns)]
        if "ready" in kinds:
            return Proof(False, "the target became ready with a file that it cannot read")
        refused = "started" in kinds and "ended" in kinds[kinds.index("started") :]
        errors = [line for line in self.site.supervisor.log if line.startswith("E ")]
        return Proof(refused, f"it ended with: {errors[-1][2:]}" if refused and errors else "it ended without a word")

    def undo(self) -> None:
        self.site.supervisor.change = UNCHANGED


@dataclass
class CorruptModel(_BadModel):
    """A file that begins like the model and ends too early; the good one is not touched."""

    name: ClassVar[str] = "corrupt model file"

    def bad_file(self, good: Path) -> Path:
        bad = self.site.scratch / "corrupt.gguf"
        with good.open("rb") as source:
            bad.write_bytes(source.read(HEAD_BYTES) + b"\xff" * HEAD_BYTES)
        return bad


@dataclass
class MissingModel(_BadModel):
    """A file that is not there."""

    name: ClassVar[str] = "missing model file"

    def bad_file(self, good: Path) -> Path:
        return self.site.scratch / f"missing-{good.name}"
