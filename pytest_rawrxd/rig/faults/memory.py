"""Out of memory: a context too large for the cache, a cache that fills up, a process that gets no memory."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import psutil

from pytest_rawrxd.rig.faults.fault import Base, Proof
from pytest_rawrxd.rig.faults.wire import at_once
from pytest_rawrxd.rig.target.service import UNCHANGED, Change

#: Words with which engines tell that the cells or the memory were not enough.
EXHAUSTED = re.compile(r"context|kv cache|memory|alloc", re.IGNORECASE)
LIMIT_BYTES = 64 << 20  #: less than any server of language models needs beside its mapped files


@dataclass
class ContextExhaustion(Base):
    """One prompt larger than the whole cache, then prompts of all streams that fill it together."""

    name: ClassVar[str] = "context exhaustion"

    def inject(self) -> None:
        site = self.site
        self.begin()
        self.talks.append(
            site.ask("a prompt larger than the context", prompt="word " * 4 * site.context, tokens=1, expects="error")
        )
        each = max(1, site.context * 2 // 5)
        fill = partial(site.ask, "prompts that fill the cache", prompt="word " * each, tokens=each, expects="any")
        self.talks += at_once([fill] * max(2, site.streams))

    def proof(self) -> Proof:
        told = [talk for talk in self.talks if talk.clear and EXHAUSTED.search(str((talk.error or {})["message"]))]
        if not told:
            return Proof(False, "no answer speaks of context or memory")
        return Proof(True, f"{len(told)} of {len(self.talks)} requests: {(told[-1].error or {})['message']}")


@dataclass
class MemoryLimit(Base):
    """The process is killed, and the next one gets less memory than any model needs."""

    name: ClassVar[str] = "memory limit"

    def inject(self) -> None:
        site = self.site
        process = site.process
        self.begin()
        site.supervisor.change = Change(memory_limit=LIMIT_BYTES)
        process.kill()

    def proof(self) -> Proof:
        events = self.site.supervisor.since(self.began_ns)
        starts = [event.at_ns for event in events if event.kind == "started"]
        for event in events:
            if starts and event.at_ns > starts[0] and event.kind == "ended":
                log = self.site.supervisor.log
                errors = [line[2:] for line in log if line.startswith("E ")] or [line[2:] for line in log[-1:]]
                return Proof(
                    True, f"with {LIMIT_BYTES >> 20} MiB it ended: {event.said}, {(errors or ['no word'])[-1]}"
                )
            if event.kind == "ready":
                return Proof(False, "the process became ready under the limit")
        return Proof(False, "no process has ended under the limit yet")

    def undo(self) -> None:
        self.site.supervisor.change = UNCHANGED
        with contextlib.suppress(psutil.Error):  # one that still hangs under the limit
            if self.site.supervisor.pid is not None and not self.site.supervisor.ready:
                self.site.process.kill()
