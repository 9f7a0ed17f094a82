"""Looks at every process below one: its command line and its environment, for as long as it lives."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Self

import psutil

EVERY_S = 0.05
STARTING_S = 0.5  #: a process that was just forked shows its parent's words until it has become another program


@dataclass(frozen=True)
class Seen:
    """A process as it was last seen."""

    command: tuple[str, ...]
    environment: dict[str, str]

    def __str__(self) -> str:
        return f"{' '.join(self.command)}\n{self.environment}"


class Watch:
    """Use as a context manager around the life of ``root``; ``seen`` holds the processes below it, not itself."""

    def __init__(self, root: int) -> None:
        self.seen: dict[tuple[int, float], Seen] = {}
        self._root = psutil.Process(root)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True, name="watch")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(EVERY_S):
            try:
                below = self._root.children(recursive=True)
            except psutil.NoSuchProcess:
                return
            for process in below:
                try:
                    self._note(process)
                except psutil.Error:  # it ended meanwhile
                    continue

    def _note(self, process: psutil.Process) -> None:
        command = tuple(process.cmdline())
        parent = process.parent()
        young = time.time() - process.create_time() < STARTING_S
        if command and not (young and parent is not None and tuple(parent.cmdline()) == command):
            self.seen[process.pid, process.create_time()] = Seen(command, dict(process.environ()))
