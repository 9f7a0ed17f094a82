"""The engine's side of the pipe: frames in, one answer each, and the end of the process when the suite is gone."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Protocol

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.engine import messages
from pytest_rawrxd.rig.engine.protocol import Device, EngineInfo, LoadOptions, LoadReport, Progress, ProgressListener
from pytest_rawrxd.rig.engine.wire import Frame, WireError, read_frame, write_frame
from pytest_rawrxd.rig.engine.work import Outcome, ScoreWork, Work
from pytest_rawrxd.rig.models.quality import Scores


class Served(Protocol):
    """An engine in this process. ``abort`` is called from another thread while ``decode`` or ``score`` runs."""

    @property
    def info(self) -> EngineInfo: ...
    def load(self, model: Path, options: LoadOptions) -> LoadReport: ...
    def tokenize(self, text: str) -> list[int]: ...
    def devices(self) -> tuple[Device, ...]: ...
    def decode(self, work: Work, listener: ProgressListener) -> Outcome: ...
    def score(self, work: ScoreWork, listener: ProgressListener) -> Scores: ...
    def abort(self) -> None: ...
    def close(self) -> None: ...


def take_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Keep stdin and stdout for frames; what a library prints to fd 1 goes to stderr from now on.

    A Ctrl-C in the terminal reaches this process too: it is the suite that decides when an engine ends.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    incoming, outgoing = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415  # exists on Windows only

        for descriptor in (incoming, outgoing):
            msvcrt.setmode(descriptor, os.O_BINARY)
    # Unbuffered in: a daemon thread sits in its read, and a buffer's lock would stop the interpreter from ending.
    return os.fdopen(incoming, "rb", buffering=0), os.fdopen(outgoing, "wb")


def serve(start: Callable[[], Served], incoming: IO[bytes], outgoing: IO[bytes]) -> None:
    """Start the engine, say hello and answer until ``close``. The end of ``incoming`` ends the process at once."""
    inbox: queue.SimpleQueue[Frame] = queue.SimpleQueue()
    engine = start()
    threading.Thread(target=_receive, args=(incoming, inbox, engine.abort), daemon=True).start()
    write_frame(outgoing, messages.hello_to_frame(engine.info))
    while (frame := inbox.get()).kind != "close":
        write_frame(outgoing, _answer(engine, frame, outgoing))
    engine.close()


def _receive(incoming: IO[bytes], inbox: queue.SimpleQueue[Frame], abort: Callable[[], None]) -> None:
    """Hand frames to the main thread; end the process when there will be no more.

    Nobody would read a result then, and the main thread may be inside a call that never returns.
    """
    try:
        while frame := read_frame(incoming):
            if frame.kind == "abort":
                abort()
            else:
                inbox.put(frame)
    except WireError as error:
        os.write(2, f"{error}\n".encode())
        os._exit(1)
    os._exit(0)


def _answer(engine: Served, frame: Frame, outgoing: IO[bytes]) -> Frame:
    """The answer to one question; the engine's refusal to load or score is one."""

    def listener(progress: Progress) -> None:
        write_frame(outgoing, messages.progress_to_frame(progress))

    try:
        match frame.kind:
            case "load":
                report = engine.load(*messages.load_from_frame(frame))
                return messages.report_to_frame(report, engine.info)
            case "tokenize":
                return messages.tokens_to_frame(engine.tokenize(frame.body["text"]))
            case "devices":
                return messages.devices_to_frame(engine.devices())
            case "generate":
                return messages.outcome_to_frame(engine.decode(messages.work_from_frame(frame), listener))
            case "score":
                return messages.scores_to_frame(engine.score(messages.score_work_from_frame(frame), listener))
    except RigTrouble as trouble:
        return messages.refused_to_frame(trouble)
    raise ValueError(f"no answer to a frame {frame.kind!r}")
