"""The live line: what is measured, what is left, when it ends; one line on a terminal, now and then one in a log."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from pytest_rawrxd.measure.clock import Clock

LOG_EVERY_S = 30.0
TERMINAL_EVERY_S = 0.2


class Progress:
    """Tells a person how far a piece of work is.

    ``uncaptured`` is a context in which stderr is the real one; ``fresh_line`` is called before each line of a log.
    """

    def __init__(
        self,
        clock: Clock,
        uncaptured: Callable[[], AbstractContextManager[None]] = nullcontext,
        fresh_line: Callable[[], None] = lambda: None,
    ) -> None:
        self._fresh_line = fresh_line
        self._clock = clock
        self._uncaptured = uncaptured
        self._last_ns: int | None = None
        self._began_ns = clock.monotonic_ns()
        self._width = 0

    def begin(self) -> None:
        """Start a new piece of work: the ETA counts from here."""
        self._began_ns = self._clock.monotonic_ns()
        self._last_ns = None

    def show(self, done: float, total: float, what: str) -> None:
        """Show that ``done`` of ``total`` units are finished and ``what`` is going on, as often as it can be read.

        A ``total`` of one is a single step without an end in sight: only ``what`` is said.
        """
        now = self._clock.monotonic_ns()
        elapsed = (now - self._began_ns) / 1e9
        with self._uncaptured():
            terminal = sys.stderr.isatty()
            pause = TERMINAL_EVERY_S if terminal else LOG_EVERY_S
            if self._last_ns is not None and (now - self._last_ns) / 1e9 < pause:
                return
            self._last_ns = now
            far = f"; {done:.0f} of {total:.0f} done, {eta(done, total, elapsed)}" if total > 1 else ""
            line = f"rawrxd: {what}{far}"
            if terminal:
                # A line that wraps could not be taken back.
                line = line[: shutil.get_terminal_size().columns - 1]
                sys.stderr.write(f"\r{line:<{self._width}}")
                self._width = len(line)
            else:
                self._fresh_line()
                sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    def say(self, line: str) -> None:
        """Write a line that stays."""
        self.end()
        with self._uncaptured():
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    def end(self) -> None:
        """Take the line away."""
        if self._width:
            with self._uncaptured():
                sys.stderr.write(f"\r{'':<{self._width}}\r")
                sys.stderr.flush()
            self._width = 0


def eta(done: float, total: float, elapsed_s: float) -> str:
    """``about 2 min left``: proportional to what is done; unknown until something is."""
    if done <= 0:
        return "time left not known yet"
    left = elapsed_s * max(total - done, 0) / done
    return f"about {left:.0f} s left" if left < 90 else f"about {left / 60:.0f} min left"
