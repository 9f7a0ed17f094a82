"""The continuous batching loop, as an instrument: its own cost is what it keeps small, and it says what it was.

One step carries one token of every running stream and up to ``prefill_chunk`` prompt tokens of streams that are
starting. Between two events (a stream starts, ends or is late) it touches preallocated arrays only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.rig.engine.protocol import Progress, ProgressListener, RunCost
from pytest_rawrxd.rig.engine.reasons import ABORTED, FAILURES, LENGTH, NO_CELLS, NOT_ADMITTED, TIMEOUT, UNSAMPLED
from pytest_rawrxd.rig.engine.work import Outcome, Said, Work, gathered

BEAT_NS = 300_000_000
NEVER: int = np.iinfo(np.int64).max


class Rows(Protocol):
    """What the loop needs of a batch; ``batch.TokenBatch`` describes each."""

    n_streams: int
    rows: int
    n_vocab: int
    n_ctx: int
    token: npt.NDArray[np.int32]
    position: npt.NDArray[np.int32]
    wanted: npt.NDArray[np.int8]
    stream_of_row: npt.NDArray[np.uintp]
    stream_at: npt.NDArray[np.uintp]

    def forward(self, rows: int, /) -> int: ...
    def pick(self, rows: range | list[int], into: npt.NDArray[np.intp], /) -> None: ...
    def release(self, stream: int) -> None: ...
    def clear(self) -> None: ...
    def stopped(self) -> bool: ...


def decode_all(batch: Rows, work: Work, *, clock: Callable[[], int], listener: ProgressListener) -> Outcome:
    """Answer every request of ``work``; what goes wrong with one is its reason, never an exception.

    ``clock`` gives nanoseconds and is read after the tokens of a step are known. ``listener`` is called a few times a
    second between two steps. The KV cache is empty afterwards.
    """
    try:
        return _Run(batch, work, clock, listener).answer()
    finally:
        batch.clear()


class _Run:
    """State of one ``decode_all``: which request sits in which stream, and how far each is."""

    def __init__(self, batch: Rows, work: Work, clock: Callable[[], int], listener: ProgressListener) -> None:
        self.batch, self.work, self.clock, self.listener = batch, work, clock, listener
        k, n = len(work), batch.n_streams
        self.said: list[Said] = []
        self.counts, self.submitted_ns = np.zeros(k, np.int64), np.zeros(k, np.int64)
        self.reasons = [""] * k
        self.next = self.finished = self.tokens = self.steps = 0
        self.wall_ns = self.engine_ns = self.picking_ns = 0

        self.free = list(range(n))[::-1]
        self.starting: list[int] = []  # streams whose prompt is not all in, first come first served
        self.running: list[int] = []  # streams that get a token each step, in row order
        self.request_in = [0] * n
        self.fed = [0] * n  # prompt tokens decoded
        self.late_at = [NEVER] * n
        # Lists: a dozen numbers are read and written in less time than a cold numpy call takes to begin.
        self.last, self.position, self.left = [0] * n, [0] * n, [0] * n
        self.address = batch.stream_at.tolist()
        self.counting = np.arange(batch.n_ctx, dtype=np.int32)
        self.began_ns = clock()
        self.beat_at = self.began_ns + BEAT_NS
        self.wake_at = self.beat_at

    def answer(self) -> Outcome:
        while True:
            self._admit()
            if not (self.running or self.starting):
                return self._outcome()
            code = self._mixed_step() if self.starting else self._steady_steps()
            for stream in [stream for stream in self.running if not self.left[stream]]:
                self._end(stream, LENGTH)
            if code or self.batch.stopped():
                self._fail(code or ABORTED)
            if (now := self.clock()) >= self.wake_at:
                self._look_round(now)

    def _admit(self) -> None:
        """Give free streams to the next requests; in lock step only to a whole new group."""
        work = self.work
        if not self.free or self.next == len(work) or (work.lock_step and len(self.free) < self.batch.n_streams):
            return
        now = self.clock()
        if work.admit_for_ns is not None and now - self.began_ns >= work.admit_for_ns:
            self._end_waiting(NOT_ADMITTED)
        while self.free and self.next < len(work):
            request, self.next = self.next, self.next + 1
            self.submitted_ns[request] = now
            if reason := self._refusal(request):
                self.reasons[request] = reason
                self.finished += 1
                continue
            stream = self.free.pop()
            self.starting.append(stream)
            self.request_in[stream] = request
            self.fed[stream] = self.position[stream] = 0
            self.left[stream] = int(work.max_tokens[request])
            timeout = int(work.timeouts_ns[request])
            self.late_at[stream] = now + timeout if timeout else NEVER
            self.wake_at = min(self.wake_at, self.late_at[stream])

    def _refusal(self, request: int) -> str | None:
        """Why this request must not reach the engine: one bad row ends the whole batch, or the process."""
        prompt = self._prompt(request)
        cells = len(prompt) + int(self.work.max_tokens[request])
        if cells > self.batch.n_ctx:
            return f"error: {cells} tokens do not fit the context of {self.batch.n_ctx}"
        if prompt.min() < 0 or prompt.max() >= self.batch.n_vocab:
            return f"error: a prompt token is outside the vocabulary of {self.batch.n_vocab}"
        return None

    def _prompt(self, request: int) -> npt.NDArray[np.int32]:
        begin, end = self.work.offsets[request : request + 2]
        return self.work.prompts[begin:end]

    def _steady_steps(self) -> int:
        """Decode the running streams until one is done or late, or all is over. Returns the code.

        What a decode call of tens of milliseconds leaves of the caches is little, so that each kind of numpy call in
        here costs about 10 us and not its usual 1: one argmax and plain copies, everything else before and after.
        """
        batch, clock, streams = self.batch, self.clock, self.running
        began = clock()
        forward, pick, stopped = batch.forward, batch.pick, batch.stopped
        n = self._place(streams)
        rows, token, position = range(n), batch.token[:n], batch.position[:n]
        planned = min(self.left[stream] for stream in streams)
        picked, stamps_ns = np.empty((planned, n), np.intp), []
        ahead = position + self.counting[1 : planned + 1, np.newaxis]
        late_at = min(self.late_at)
        wake_at = min(self.beat_at, late_at)
        steps = code = engine_ns = picking_ns = told_ns = 0
        while steps < planned:
            before = clock()
            code = forward(n)
            if code:
                break
            decoded = clock()
            row = picked[steps]
            pick(rows, row)
            now = clock()
            engine_ns += decoded - before
            picking_ns += now - decoded
            token[:] = row
            position[:] = ahead[steps]
            stamps_ns.append(now)
            steps += 1
            if now >= wake_at or stopped():
                if now >= late_at or stopped():
                    break
                self._beat(now, self.tokens + steps * n)
                wake_at = min(self.beat_at, late_at)
                told_ns += clock() - now
        self._say(streams, picked, stamps_ns)
        self.engine_ns += engine_ns
        self.picking_ns += picking_ns
        self.wall_ns += clock() - began - told_ns
        return code

    def _place(self, streams: list[int]) -> int:
        """Put the latest token of each stream into the first rows; how many these are."""
        batch, n = self.batch, len(streams)
        batch.token[:n] = [self.last[stream] for stream in streams]
        batch.position[:n] = [self.position[stream] for stream in streams]
        batch.stream_of_row[:n] = [self.address[stream] for stream in streams]
        batch.wanted[:n] = 1
        return n

    def _say(self, streams: list[int], picked: npt.NDArray[np.intp], stamps_ns: list[int]) -> None:
        """Note the tokens (steps, streams) of the steps that ended at ``stamps_ns``; who said them is one further."""
        steps = len(stamps_ns)
        if not steps:
            return
        for stream, token in zip(streams, picked[steps - 1].tolist(), strict=True):
            self.last[stream] = token
            self.position[stream] += steps
            self.left[stream] -= steps
        self.said.append(Said([self.request_in[stream] for stream in streams], picked[:steps], stamps_ns))
        self.steps += steps
        self.tokens += steps * len(streams)

    def _mixed_step(self) -> int:
        """One step with prompt tokens in it, beside the running streams (in lock step: without them)."""
        batch, clock = self.batch, self.clock
        began = clock()
        streams = [] if self.work.lock_step else list(self.running)
        n = beside = self._place(streams)
        rows, fed = list(range(n)), []
        for stream in self.starting:
            prompt = self._prompt(self.request_in[stream])
            begin = self.fed[stream]
            end = min(len(prompt), begin + batch.rows - batch.n_streams - (n - beside))
            last = n + end - begin
            batch.token[n:last] = prompt[begin:end]
            batch.position[n:last] = self.counting[begin:end]
            batch.stream_of_row[n:last] = self.address[stream]
            batch.wanted[n:last] = 0
            n = last
            fed.append((stream, end))
            if end < len(prompt):
                break
            batch.wanted[n - 1] = 1
            streams.append(stream)
            rows.append(n - 1)
        before = clock()
        if code := batch.forward(n):
            return code
        decoded = clock()
        picked = np.empty((1, len(rows)), np.intp)
        batch.pick(rows, picked[0])
        now = clock()
        self.engine_ns += decoded - before
        self.picking_ns += now - decoded
        for stream, end in fed:
            self.fed[stream], self.position[stream] = end, end - 1
        self._say(streams, picked, [now])
        self.running += streams[beside:]
        self.starting = [stream for stream in self.starting if stream not in streams]
        self.wall_ns += clock() - began
        return 0

    def _end(self, stream: int, reason: str) -> None:
        request = self.request_in[stream]
        (self.running if stream in self.running else self.starting).remove(stream)
        self.batch.release(stream)
        self.counts[request] = int(self.work.max_tokens[request]) - self.left[stream]
        self.reasons[request] = reason
        self.finished += 1
        self.late_at[stream] = NEVER
        self.free.append(stream)

    def _end_waiting(self, reason: str) -> None:
        self.submitted_ns[self.next :] = self.clock()
        self.reasons[self.next :] = [reason] * (len(self.work) - self.next)
        self.finished += len(self.work) - self.next
        self.next = len(self.work)

    def _fail(self, code: int) -> None:
        """End whom a failed step concerns: the youngest when cells ran out, everybody in it otherwise."""
        reason = FAILURES.get(code, f"error: decode returned {code}")
        active = self.running + self.starting
        if code == NO_CELLS:
            active = [max(active, key=self.request_in.__getitem__)]
        for stream in active:
            self._end(stream, reason)
        if code != NO_CELLS:
            self.batch.clear()  # a failed decode leaves part of its cells behind
        if code == ABORTED:
            self._end_waiting(reason)

    def _look_round(self, now: int) -> None:
        """End late requests, tell the listener, decide when to look again."""
        for stream in [stream for stream in self.running + self.starting if self.late_at[stream] <= now]:
            self._end(stream, TIMEOUT)
        if now >= self.beat_at:
            self._beat(now, self.tokens)
        self.wake_at = min(self.beat_at, *self.late_at)

    def _beat(self, now: int, tokens: int) -> None:
        """Tell the listener: that much is done."""
        active = len(self.running) + len(self.starting)
        self.listener(Progress(tokens, active, self.finished, len(self.work)))
        self.beat_at = now + BEAT_NS

    def _outcome(self) -> Outcome:
        token_ids, stamps_ns, offsets = gathered(self.said, self.counts)
        for request in np.unique(np.searchsorted(offsets, np.flatnonzero(token_ids < 0), "right") - 1):
            self.reasons[request] = UNSAMPLED
        cost = RunCost(self.steps, self.wall_ns, self.engine_ns, self.picking_ns)
        return Outcome(token_ids, stamps_ns, offsets, self.submitted_ns, tuple(self.reasons), cost)
