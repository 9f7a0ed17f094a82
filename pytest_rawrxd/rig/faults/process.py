"""Faults of the process: killed, frozen."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import ClassVar

import psutil

from pytest_rawrxd.rig.faults.fault import Base, Proof


@dataclass
class Kill(Base):
    """The process ends at once, without a chance to say anything."""

    name: ClassVar[str] = "kill"

    def inject(self) -> None:
        process = self.site.process
        self.begin()
        process.kill()

    def proof(self) -> Proof:
        said = self.saw("ended")
        return Proof(said is not None, said or "the process lives on")


@dataclass
class Freeze(Base):
    """The process stands still: its sockets stay open and nothing comes."""

    name: ClassVar[str] = "freeze"
    stopped: psutil.Process | None = None
    stood: bool = False

    def inject(self) -> None:
        self.stopped = self.site.process
        self.begin()
        self.stopped.suspend()

    def proof(self) -> Proof:
        said = self.saw("silent")
        with contextlib.suppress(psutil.Error):  # ended by its supervisor meanwhile
            # A moment passes until the system has stopped every thread: whoever asks again sees it.
            self.stood = self.stood or (self.stopped is not None and self.stopped.status() == psutil.STATUS_STOPPED)
        stood = "it stood still" if self.stood else "nobody saw it stand still"
        return Proof(self.stood and said is not None, f"{stood}; {said or 'the supervisor saw no silence'}")

    def undo(self) -> None:
        with contextlib.suppress(psutil.Error):  # ended by its supervisor meanwhile
            if self.stopped is not None and self.stopped.is_running():
                self.stopped.resume()
