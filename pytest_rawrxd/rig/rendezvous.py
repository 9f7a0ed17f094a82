"""Lanes that begin at the same instant, or wait for each other's end: each says where it is, and waits for the others.

A lane that has died or gone on to something else is known by it, so that nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytest_rawrxd.errors import Absent

POLL_S = 0.005


class Rendezvous:
    """One lane's side. ``folder`` is shared by the lanes of one session and belongs to it alone."""

    def __init__(
        self,
        folder: Path,
        lane: int,
        lanes: int,
        *,
        is_alive: Callable[[int], bool],
        sleep: Callable[[float], None],
        now_ns: Callable[[], int],
    ) -> None:
        self._folder = folder
        self._lane = lane
        self._others = [other for other in range(lanes) if other != lane]
        self._is_alive = is_alive
        self._sleep = sleep
        self._now_ns = now_ns

    def meet(self, name: str, *, wait_s: float) -> None:
        """Return when every lane has called this with ``name``. Raises Absent where one does not come."""
        self._say(name, self._lane)
        ends = self._now_ns() + round(wait_s * 1e9)
        for other in self._others:
            while not self._said(name, other):
                # In this order: a lane that came, and then died or left, has come.
                gone = self._said("left", other) or not self._is_alive(other)
                if (gone or self._now_ns() > ends) and not self._said(name, other):
                    raise Absent(
                        f"lane {other} did not come",
                        where=name,
                        found="it died or went on" if gone else f"not within {wait_s:g} s",
                    )
                self._sleep(POLL_S)

    def leave(self) -> None:
        """Say that this lane comes to nothing any more."""
        self._say("left", self._lane)

    def outlast(self, until_ended: Callable[[int], None], *, back_within_s: float) -> None:
        """Return when every other lane has left, or has died and nobody took its place within ``back_within_s``.

        ``until_ended`` returns when nothing of a lane lives any more.
        """
        for other in self._others:
            until_ended(other)
            while not self._said("left", other) and self._comes_back(other, back_within_s):
                until_ended(other)

    def _comes_back(self, other: int, within_s: float) -> bool:
        ends = self._now_ns() + round(within_s * 1e9)
        while not self._is_alive(other):
            if self._now_ns() > ends:
                return False
            self._sleep(POLL_S)
        return True

    def _say(self, name: str, lane: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / f"{name}-{lane}").touch()

    def _said(self, name: str, lane: int) -> bool:
        return (self._folder / f"{name}-{lane}").exists()
