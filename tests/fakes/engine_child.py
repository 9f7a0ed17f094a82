"""A child process that speaks the frames of an engine and then does one thing wrong: ``engine_child.py MODE``.

Constructed, not recorded: each mode is one way in which a real engine process has been seen to end, or could.
"""

import os
import sys
import threading

import numpy as np

from pytest_rawrxd.rig.engine import messages
from pytest_rawrxd.rig.engine.protocol import EngineInfo, LoadReport, Progress, RunCost
from pytest_rawrxd.rig.engine.serve import serve, take_pipes
from pytest_rawrxd.rig.engine.wire import Frame, write_frame
from pytest_rawrxd.rig.engine.work import Outcome
from pytest_rawrxd.rig.models.quality import Scores

MODE = sys.argv[1]


def forever() -> None:
    while True:
        threading.Event().wait()


class FakeEngine:
    """One token per request, at once; ``decode`` does what the mode says."""

    info = EngineInfo("fake engine", "1", "", "fake", "none", "")

    def __init__(self, outgoing) -> None:
        self.outgoing = outgoing
        self.asked_to_stop = threading.Event()

    def load(self, model, options) -> LoadReport:
        if MODE == "dies loading":
            os.write(2, b"ggml_vulkan: device lost\n")
            os._exit(7)
        return LoadReport(0.0, 0.0, 1, 0, (), options.n_ctx, ())

    def tokenize(self, text) -> list[int]:
        return list(text.encode())

    def devices(self) -> tuple:
        return ()

    def decode(self, work, listener) -> Outcome:
        listener(Progress(1, 1, 0, len(work)))
        match MODE:
            case "aborts generating":
                os.write(2, b"GGML_ASSERT(n_tokens <= n_batch) failed\n")
                os.abort()
            case "hangs":
                forever()
            case "late":
                self.asked_to_stop.wait()
            case "prints":
                os.write(1, b"a library prints to stdout\n")
            case "garbage":
                self.outgoing.write(b"\x1b[31mnot a frame at all, but long enough\n")
                self.outgoing.flush()
            case "another answer":
                write_frame(self.outgoing, Frame("loaded"))
            case "half a frame":
                self.outgoing.write(b"RXW1\xff\x00")
                self.outgoing.flush()
                os._exit(0)
            case "closes its pipe":
                os.close(self.outgoing.fileno())
                forever()
        n, ones = len(work), np.arange(len(work) + 1)
        return Outcome(
            np.zeros(n, np.int32), np.zeros(n, np.int64), ones, np.zeros(n, np.int64), ("length",) * n, RunCost(1, 2, 1)
        )

    def score(self, work, listener) -> Scores:
        return Scores(np.zeros((len(work.chunks), 1)))

    def abort(self) -> None:
        self.asked_to_stop.set()

    def close(self) -> None:
        if MODE == "does not close":
            forever()


if MODE == "dies at once":
    os.write(2, b"ImportError: libvulkan.so.1\n")
    sys.exit(3)
if MODE == "silent":
    forever()
incoming, outgoing = take_pipes()
if MODE == "does not listen":
    write_frame(outgoing, messages.hello_to_frame(FakeEngine.info))
    forever()
serve(lambda: FakeEngine(outgoing), incoming, outgoing)
