"""The disk is full when the suite's own journal wants to write."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pytest_rawrxd.errors import RawrxdError, RigTrouble
from pytest_rawrxd.rig.faults.fault import Base, Journal, Proof

FULL = Path("/dev/full")  #: every write to it ends with "no space left on device"


@dataclass
class JournalFull(Base):
    """A journal of the suite's own kind, on a disk that takes a record, then none, then takes them again."""

    name: ClassVar[str] = "journal on a full disk"
    full: Path = FULL
    refusal: str | None = None

    def inject(self) -> None:
        if self.site.open_journal is None or not self.full.exists():
            raise RigTrouble("this system has no device that is always full", where=str(self.full), possible="Linux")
        self.begin()
        folder = self.site.scratch / "journal"
        journal = self.site.open_journal(folder)
        try:
            journal.write("before", {})
            self._write_refused(journal)
            journal.write("after", {})
        finally:
            journal.close()
        if (kept := journal.readable()) != 2:
            self.wrong.append(f"{kept} of the 2 records around the full disk can be read")

    def _write_refused(self, journal: Journal) -> None:
        descriptor = journal.fileno()
        good, full = os.dup(descriptor), os.open(self.full, os.O_WRONLY)
        try:
            os.dup2(full, descriptor)
            journal.write("refused", {})
        except RawrxdError as problem:
            self.refusal = f"{problem.what}: {problem.found}"
        except OSError as problem:
            self.wrong.append(f"the journal raises {type(problem).__name__} without saying what is kept")
            self.refusal = str(problem)
        finally:
            os.dup2(good, descriptor)
            os.close(good)
            os.close(full)

    def proof(self) -> Proof:
        return Proof(self.refusal is not None, self.refusal or "the journal took a record on a full disk")
