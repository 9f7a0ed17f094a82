"""The journal of a soak: records of the ledger, kept in memory while the disk takes none, and their running count.

soak.begin       a session takes the soak up: terms, machine, and how long nobody observed before it
soak.life        an engine process is ready: planned or not, seconds without an engine
soak.burst       a burst ended: requests, completed, lateness
soak.idle        an idle phase ended
soak.skipped     a step that cannot take place: which, and why
soak.block       a time block: latency histogram, means of the readings under load
soak.sample      every reading at one instant, tagged with what the engine was doing
soak.gap         an interruption: its cause and its seconds; seconds null where nobody can say
soak.log         lines of the engine's log that are more than information
soak.look        a look at the drift while the soak runs
soak.checkpoint  one line for a person
soak.review      a day is over
soak.unwritten   records that waited in memory while the disk was full, and those that were lost
soak.end         the soak is over, or was stopped for good
trouble          of the engine, with during = "soak"
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.measure.sink import Sink

BEGIN, LIFE, END = "soak.begin", "soak.life", "soak.end"
BURST_DONE, IDLE_DONE, BLOCK, SAMPLE = "soak.burst", "soak.idle", "soak.block", "soak.sample"
SKIPPED, GAP, LOG, LOOK = "soak.skipped", "soak.gap", "soak.log", "soak.look"
CHECKPOINT, REVIEW, UNWRITTEN = "soak.checkpoint", "soak.review", "soak.unwritten"
TROUBLE, SOAK = "trouble", "soak"
#: What may be unseen of an engine, beside "restart".
CRASHES, LINES, GAPS = "crashes", "log", "gaps"
FINISHED, STOPPED, FAILED = "finished", "stopped", "failed"
STOP_FILE = "soak.stop"  #: whoever puts it into the run directory asks the soak to stop
Arrays = dict[str, npt.NDArray[Any]]
WAITING_ROOM = 20_000  #: records that wait for a disk: a day of a soak of a minute a block


@dataclass
class Tally:
    """What the records so far add up to. A resumed soak and ``rawrxd soak status`` count the same way."""

    at_s: float = 0.0  #: observed time of the newest record
    next_step: int = 0
    life: int = 0
    restarts: int = 0
    bursts: int = 0
    overruns: int = 0
    requests: int = 0
    completed: int = 0
    tokens: int = 0
    worst_gap_ns: int = 0
    crashes: int = 0
    sessions: int = 0
    interruptions: int = 0
    down_s: float = 0.0
    unknown_gaps: int = 0
    checkpoints: int = 0
    reviews: int = 0
    lost_records: int = 0
    sample: dict[str, Any] = field(default_factory=dict)  #: the newest
    first_sample: dict[str, Any] = field(default_factory=dict)  #: the first settled one of the present life
    line: str = ""  #: of the newest checkpoint
    ended: str | None = None

    @property
    def lost(self) -> int:
        """Requests without every token asked for."""
        return self.requests - self.completed

    def fold(self, kind: str, data: Mapping[str, Any]) -> None:
        """Count one record."""
        if data.get("during") == SOAK and kind == TROUBLE:
            self.crashes += data["type"] in {"EngineCrashed", "EngineHung"}
        if not kind.startswith("soak."):
            return
        self.at_s = max(self.at_s, float(data["at_s"]))
        counted = _FOLDS.get(kind)
        if counted is not None:
            counted(self, data)

    def _begin(self, _data: Mapping[str, Any]) -> None:
        self.sessions += 1
        self.ended = None

    def _life(self, data: Mapping[str, Any]) -> None:
        self.life = int(data["life"])
        self.first_sample = {}
        if data["why"] == "restart":
            self.restarts += 1
            self.next_step = int(data["step"]) + 1

    def _burst(self, data: Mapping[str, Any]) -> None:
        self.bursts += 1
        self.overruns += data["late_s"] > 0
        self.requests += int(data["requests"])
        self.completed += int(data["completed"])
        self.tokens += int(data["tokens"])
        self.worst_gap_ns = max(self.worst_gap_ns, int(data["longest_ns"]))
        self.next_step = int(data["step"]) + 1

    def _step_done(self, data: Mapping[str, Any]) -> None:
        self.next_step = int(data["step"]) + 1

    def _sample(self, data: Mapping[str, Any]) -> None:
        self.sample = dict(data)
        if not self.first_sample and data["settled"]:
            self.first_sample = dict(data)

    def _gap(self, data: Mapping[str, Any]) -> None:
        self.interruptions += 1
        self.down_s += data["seconds"] or 0.0
        self.unknown_gaps += data["seconds"] is None

    def _checkpoint(self, data: Mapping[str, Any]) -> None:
        self.checkpoints, self.line = self.checkpoints + 1, str(data["line"])

    def _review(self, _data: Mapping[str, Any]) -> None:
        self.reviews += 1

    def _unwritten(self, data: Mapping[str, Any]) -> None:
        self.lost_records += int(data["lost"])

    def _end(self, data: Mapping[str, Any]) -> None:
        self.ended = str(data["why"])


_FOLDS: dict[str, Callable[[Tally, Mapping[str, Any]], None]] = {
    BEGIN: Tally._begin,
    LIFE: Tally._life,
    BURST_DONE: Tally._burst,
    IDLE_DONE: Tally._step_done,
    SKIPPED: Tally._step_done,
    SAMPLE: Tally._sample,
    GAP: Tally._gap,
    CHECKPOINT: Tally._checkpoint,
    REVIEW: Tally._review,
    UNWRITTEN: Tally._unwritten,
    END: Tally._end,
}


class Journal:
    """Writes records of one soak to ``sink`` and counts them. ``warn`` gets what a person has to hear at once.

    A disk that takes no record does not end a soak of two days: records wait in memory, in order, and follow when it
    takes them again. What the waiting room cannot hold is lost, and counted.
    """

    def __init__(self, sink: Sink, tally: Tally, *, warn: Callable[[str], None], room: int = WAITING_ROOM) -> None:
        self.tally = tally
        self._sink, self._warn, self._room = sink, warn, room
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque()
        self._since_s: float | None = None
        self._lost = 0

    def write(self, kind: str, at_s: float, **data: Any) -> None:
        """Keep one record at observed time ``at_s``."""
        whole = {"at_s": round(at_s, 3), **data}
        self.tally.fold(kind, whole)
        if len(self._waiting) >= self._room:
            self._waiting.popleft()
            self._lost += 1
        self._waiting.append((kind, whole))
        self._flush(at_s)

    def record(self, kind: str, data: dict[str, Any], arrays: Arrays | None = None) -> str:
        """Keep a record with arrays at once: on a disk that takes none it is lost, and that is said."""
        try:
            return self._sink.record(kind, data, arrays)
        except EvidenceProblem as problem:
            self._warn(f"a record of {kind} is lost: {problem.found}")
            return ""

    @property
    def waiting(self) -> int:
        """Records that are not on disk."""
        return len(self._waiting)

    def _flush(self, at_s: float) -> None:
        try:
            while self._waiting:
                kind, data = self._waiting[0]
                self._sink.record(kind, data if self._since_s is None else {**data, "delayed": True})
                self._waiting.popleft()
        except EvidenceProblem as problem:
            self._stuck(problem, at_s)
            return
        if self._since_s is not None:
            since, lost = self._since_s, self._lost
            self._since_s, self._lost = None, 0
            self._warn(f"the disk takes records again after {at_s - since:.0f} s; {lost} records were lost")
            self.write(UNWRITTEN, at_s, since_s=round(since, 3), lost=lost)

    def _stuck(self, problem: EvidenceProblem, at_s: float) -> None:
        if self._since_s is None:
            self._since_s = at_s
            self._warn(
                f"THE JOURNAL CANNOT BE WRITTEN: {problem.found}. The soak goes on in memory: free the disk. Up to "
                f"{self._room} records wait; a kill or a power cut now loses them, and the gap counts as down time."
            )

    def close(self, at_s: float) -> None:
        """Say what never reached the disk."""
        self._flush(at_s)
        if self._waiting:
            self._warn(
                f"{len(self._waiting)} records of the soak never reached the disk, the first of "
                f"{self._waiting[0][1]['at_s']} s of observed time: what came after it is lost"
            )
