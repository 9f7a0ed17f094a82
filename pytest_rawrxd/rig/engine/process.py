"""An engine process seen from the suite: one answer per question, or the reason why there is none.

Three threads move bytes, so that neither a frozen child nor a full pipe can stop the caller: every wait has an end.
"""

from __future__ import annotations

import contextlib
import queue
import subprocess
import threading
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import IO, TypeVar

from pytest_rawrxd.errors import EngineCrashed, EngineHung, RawrxdError, RigTrouble, UsageProblem
from pytest_rawrxd.rig.engine.messages import understood
from pytest_rawrxd.rig.engine.wire import Frame, WireError, encode, read_frame
from pytest_rawrxd.rig.process import describe_exit, end_tree

KEPT_LINES = 2000
TAIL = 80
INBOX_FRAMES = 16  #: of a process that sends what nobody asked for; further ones wait in its pipe
DRAIN_S = 0.005  #: without a frame: nothing more may be coming
LINE_BYTES = 1 << 14  #: a longer line of a log is several

Said = TypeVar("Said")
Spawn = Callable[..., "subprocess.Popen[bytes]"]
Clock = Callable[[], float]
Pieces = list[bytes | memoryview]


class EngineProcess:
    """A child process that speaks frames. Ends with ``close``, with this object, or with the suite.

    ``end_s`` is how long it may take to end when asked; ``abort_s`` how long one that missed its deadline may take to
    stop when asked: late then, hung otherwise.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        clock: Clock,
        spawn: Spawn = subprocess.Popen,
        end_s: float = 10.0,
        abort_s: float = 2.0,
    ) -> None:
        self._clock, self._end_s, self._abort_s = clock, end_s, abort_s
        pipe = subprocess.PIPE
        self._child = spawn(list(command), stdin=pipe, stdout=pipe, stderr=pipe, env=dict(environment))
        self.pid = self._child.pid
        self._ended: RawrxdError | None = None
        self._asking = False
        self._inbox: queue.Queue[Frame | WireError | None] = queue.Queue(INBOX_FRAMES)
        self._outbox: queue.Queue[Pieces | None] = queue.Queue()
        self._log: deque[str] = deque(maxlen=KEPT_LINES)
        self._finalizer = weakref.finalize(self, end_tree, self._child, end_s)
        self._threads = [
            threading.Thread(target=target, args=arguments, daemon=True, name=f"engine-{self.pid}-{target.__name__}")
            for target, arguments in (
                (_send, (self._child.stdin, self._outbox)),
                (_receive, (self._child.stdout, self._inbox)),
                (_collect, (self._child.stderr, self._log)),
            )
        ]
        for thread in self._threads:
            thread.start()

    @property
    def log(self) -> tuple[str, ...]:
        """What the process said on stderr, last ``KEPT_LINES`` lines, oldest first."""
        return tuple(self._log)

    def ask(
        self,
        question: Frame | None,
        *,
        expects: Sequence[str],
        doing: str,
        deadline_s: float,
        silence_s: float | None = None,
        on_progress: Callable[[Frame], None] | None = None,
    ) -> Frame:
        """Send ``question`` and return an answer that it ``expects``; None waits for a frame that comes by itself.

        Raises EngineCrashed when the process ends or sends anything else, EngineHung when no answer came within
        ``deadline_s``, or no frame at all within ``silence_s``. The process is gone then, and every later call raises
        the same again.
        """
        if self._ended is not None:
            raise self._ended
        if question is not None:
            self._say(question)
        self._asking = True
        began = heard = self._clock()
        beats = 0
        while True:
            ends = began + deadline_s if silence_s is None else min(began + deadline_s, heard + silence_s)
            try:
                frame = self._inbox.get(timeout=max(0.0, ends - self._clock()))
            except queue.Empty:
                raise self._hung(doing, self._clock() - began, beats) from None
            if frame is None:
                raise self._crashed(doing)
            if isinstance(frame, WireError):
                raise self._garbled(doing, str(frame))
            if frame.kind in expects:
                self._asking = False
                return frame
            if frame.kind != "progress":
                raise self._garbled(doing, f"a frame {frame.kind!r}")
            heard, beats = self._clock(), beats + 1
            if on_progress is not None:
                on_progress(frame)

    def understand(self, frame: Frame, parse: Callable[[Frame], Said], doing: str) -> Said:
        """What ``parse`` makes of an answer. Raises EngineCrashed where it is of another shape; the process is gone."""
        try:
            return understood(frame, parse)
        except WireError as problem:
            raise self._garbled(doing, str(problem)) from problem

    def close(self) -> None:
        """Ask the process to end, end it when it does not. Safe to call twice, and after a crash."""
        if self._ended is None and self._child.poll() is None:
            # A caller that was interrupted leaves a question behind, and will not wait long for its end.
            self._say(Frame("abort"))
            self._say(Frame("close"))
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(self._abort_s if self._asking else self._end_s)
        self._release()
        self._ended = self._ended or UsageProblem("the engine is closed", where=f"process {self.pid}")

    def _say(self, frame: Frame) -> None:
        try:
            self._outbox.put(encode(frame))
        except WireError as problem:
            raise UsageProblem("the engine cannot be asked this in one call", found=str(problem)) from problem

    def _release(self) -> None:
        """End the process tree, the threads and the pipes."""
        self._finalizer()
        self._outbox.put(None)
        for thread in self._threads:
            self._drained(thread)
        for stream in (self._child.stdin, self._child.stdout, self._child.stderr):
            with contextlib.suppress(OSError):  # bytes that the dead process never read
                stream.close()  # type: ignore[union-attr]  # all three are pipes

    def _drained(self, thread: threading.Thread) -> None:
        """Wait for a thread whose process is gone; what it still has to hand over, nobody wants."""
        ends = self._clock() + self._end_s
        while thread.is_alive() and self._clock() < ends:
            with contextlib.suppress(queue.Empty):
                while True:
                    self._inbox.get(timeout=DRAIN_S)

    def _hung(self, doing: str, waited_s: float, beats: int) -> RigTrouble:
        self._say(Frame("abort"))
        answered = self._answers_within(self._abort_s)
        state = (
            "it stopped when asked: late, not stuck"
            if answered
            else f"no answer to an abort within {self._abort_s:g} s"
        )
        self._release()
        return self._end_with(
            EngineHung(
                f"the engine missed its deadline while {doing}",
                where=f"process {self.pid}",
                found=f"no result after {waited_s:.1f} s, {beats} signs of progress; {state}; process ended",
                possible="a longer deadline if it was only slow",
                log_tail=self.log[-TAIL:],
            )
        )

    def _answers_within(self, seconds: float) -> bool:
        ends = self._clock() + seconds
        while True:
            try:
                frame = self._inbox.get(timeout=max(0.0, ends - self._clock()))
            except queue.Empty:
                return False
            if not isinstance(frame, Frame):
                return False
            if frame.kind != "progress":
                return True

    def _crashed(self, doing: str) -> RigTrouble:
        try:
            status = self._child.wait(self._end_s)
        except subprocess.TimeoutExpired:
            status = None
        self._release()
        ended = "it closed its pipe and had to be ended" if status is None else describe_exit(status)
        return self._end_with(
            EngineCrashed(
                f"the engine process ended while {doing}",
                where=f"process {self.pid}",
                found=ended,
                log_tail=self.log[-TAIL:],
            )
        )

    def _garbled(self, doing: str, found: str) -> RigTrouble:
        self._release()
        return self._end_with(
            EngineCrashed(
                f"the engine process sent what is no answer while {doing}",
                where=f"process {self.pid}",
                found=f"{found}; process ended",
                log_tail=self.log[-TAIL:],
            )
        )

    def _end_with(self, trouble: RigTrouble) -> RigTrouble:
        self._ended = trouble
        return trouble


def _send(stream: IO[bytes], outbox: queue.Queue[Pieces | None]) -> None:
    with contextlib.suppress(OSError):  # the process is gone; its end arrives through the other pipe
        while (pieces := outbox.get()) is not None:
            stream.writelines(pieces)
            stream.flush()


def _receive(stream: IO[bytes], inbox: queue.Queue[Frame | WireError | None]) -> None:
    try:
        while (frame := read_frame(stream)) is not None:
            inbox.put(frame)
        inbox.put(None)
    except WireError as problem:
        inbox.put(problem)


def _collect(stream: IO[bytes], log: deque[str]) -> None:
    while line := stream.readline(LINE_BYTES):
        log.append(line.decode("utf-8", "replace").rstrip())
