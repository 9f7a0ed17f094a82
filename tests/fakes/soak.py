"""A soak of the real runner in a made-up world: days in seconds, with every misfortune at its hour.

Constructed: memory is what the test says, latencies are drawn. Time moves when the runner sleeps or a burst works.
"""

import math
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from pytest_rawrxd.errors import EngineCrashed, EvidenceProblem
from pytest_rawrxd.evidence.campaign import Campaign, Evidence
from pytest_rawrxd.evidence.identity import Identity
from pytest_rawrxd.evidence.ledger import Record
from pytest_rawrxd.measure.canary.song import Sung
from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.soak.journal import Journal, Tally
from pytest_rawrxd.measure.soak.latencies import Answers
from pytest_rawrxd.measure.soak.plan import SoakTerms, schedule_of
from pytest_rawrxd.measure.soak.resume import soak_so_far
from pytest_rawrxd.measure.soak.runner import run_soak
from pytest_rawrxd.measure.soak.surroundings import Surroundings
from pytest_rawrxd.rig.engine.protocol import LoadOptions

READY_S = 12.0
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Killed(BaseException):
    """SIGKILL of the suite: no handler of it runs."""


@dataclass(frozen=True)
class Held:
    """What the memory depends on: hours since the start, the number of the process life, hours in it."""

    hours: float
    life: int
    age: float


class MemorySink:
    """A ledger in memory."""

    def __init__(self, world, session, kept):
        self.world, self.session, self.kept, self.seq = world, session, kept, 0

    def record(self, kind, data, arrays=None):
        if self.world.disk_full():
            raise EvidenceProblem("the ledger cannot be written", found="[Errno 28] No space left on device")
        self.seq += 1
        at = self.world.clock.wall().isoformat()
        identifier = f"{self.session}-main-{self.seq}"
        record = Record(identifier, self.seq, "", at, self.world.now_ns, self.session, "main", "", kind, {**data})
        if arrays is not None:
            record.data["raw"] = arrays
        self.kept.append(record)
        return identifier


class InMemory(Evidence):
    """Evidence whose arrays lie in its records."""

    def raw(self, ref):
        return ref


class World:
    """Clock, signals and engine of a soak. ``memory`` gives MB for a `Held`; ``events`` are (hour, what to do)."""

    sources = dict.fromkeys(
        ("process_memory_bytes", "memory_used_bytes", "temperature_c", "utilisation_percent"), "made up"
    )
    memory = ("process_memory_bytes", "memory_used_bytes")
    problem = None

    def __init__(
        self, memory=lambda held: 9000.0, *, device=None, events=(), gap_ms=12.0, tokens=8, noise_mb=1.0, seed=7
    ):
        self.memory_mb, self.device_mb = memory, device or memory
        self.events = sorted(events, key=lambda event: event[0])
        self.gap_ms, self.tokens, self.noise = gap_ms, tokens, noise_mb
        self.now_ns, self.slept_ns, self.set_s, self.boot = 10**12, 0, 0.0, "first boot"
        self.lives, self.life_began_ns, self.pids = 0, None, ()
        self.full_until_ns = 0
        self.random = np.random.default_rng(seed)
        self.clock = Clock(lambda: self.now_ns, self.wall, self.sleep)
        self.records, self.sessions = [], 0
        self.warnings = []
        self.crash_next = False
        self.absent = {"shared_used_bytes": "made up"}
        self.log = ()
        self.still = ()
        self.wrong = 0
        self.song_s, self.dies_singing = 0.0, False
        self.load = {"load_s": READY_S, "buffers": [{"device": "made up", "kind": "model", "bytes": 8_000_000_000}]}

    def wall(self):
        return START + timedelta(seconds=(self.now_ns + self.slept_ns) / 1e9 - 1000 + self.set_s)

    @property
    def hours(self):
        return (self.now_ns - 10**12) / 3.6e12

    def sleep(self, seconds):
        self.now_ns += math.ceil(seconds * 1e9)
        while self.events and self.hours >= self.events[0][0]:
            self.events.pop(0)[1](self)

    def disk_full(self):
        return self.now_ns < self.full_until_ns

    def read(self, pids):
        if not pids:
            return {"memory_used_bytes": 500e6}
        age = (self.now_ns - self.life_began_ns) / 3.6e12
        held = Held(self.hours, self.lives, age)
        noise = self.random.normal(0, self.noise, 2) * 1e6
        return {
            "process_memory_bytes": self.memory_mb(held) * 1e6 + noise[0],
            "memory_used_bytes": self.device_mb(held) * 1e6 + noise[1],
            "temperature_c": 71.0,
            "utilisation_percent": 94.0,
        }

    def distrust(self, empty, pids, loaded_bytes):
        self.asked_to_distrust = (empty, pids, loaded_bytes)
        return dict.fromkeys(self.still, "not trusted: made up")

    # -- the engine

    @contextmanager
    def open_held(self, tick):
        self.tick = tick
        self.now_ns += round(READY_S * 1e9)
        self.lives, self.life_began_ns, self.pids = self.lives + 1, self.now_ns, (1000 + self.lives,)
        try:
            yield self
        finally:
            self.pids = ()

    def burst(self, requests, number):
        if self.crash_next:
            self.crash_next = False
            raise EngineCrashed("the engine process ended", found="signal SIGSEGV", log_tail=("E device lost",))
        streams = 12
        gaps = np.maximum(self.random.normal(self.gap_ms, 0.3, (requests, self.tokens)), 0.1) * 1e6
        turn = np.arange(requests) // streams
        begins = self.now_ns + turn * round(self.gap_ms * 1e6 * self.tokens * 1.2)
        stamps = (begins[:, np.newaxis] + np.cumsum(gaps, axis=1)).astype(np.int64)
        ended = stamps[:, -1]
        seconds = max(10.0, float(ended.max() - self.now_ns) / 1e9)
        self.sleep(seconds / 2)
        self.tick()
        self.sleep(seconds / 2)
        return Answers(
            begins.astype(np.int64),
            ended,
            np.arange(requests + 1) * self.tokens,
            stamps.ravel(),
            np.ones(requests, np.bool_),
            {"length": requests},
        )

    def choir(self):
        return self

    def sing(self, birds, *, together):
        """Each canary has an answer of its own; the last ``self.wrong`` have another one when asked all at once."""
        if self.dies_singing and self.records[-1].kind != "soak.begin":
            raise EngineCrashed("the engine process ended", found="signal SIGSEGV")
        if self.song_s and self.records[-1].kind != "soak.begin":
            self.sleep(self.song_s / 2)
            self.tick()
        answers = []
        for number, _bird in enumerate(birds):
            first = 100 * number + (7 if together and number >= len(birds) - self.wrong else 0)
            ids = tuple(range(first, first + 3))
            answers.append(
                Sung(200, "", ids, tuple(((token, -0.1), (token + 1, -3.0)) for token in ids), 3, self.now_ns)
            )
        return answers

    # -- the soak

    def run(self, profile, *, resume=False, look=lambda _samples: None, **more):
        """Run the soak of ``profile`` until it ends or is killed; returns how it ended, None when it was killed."""
        self.sessions += 1
        earlier = soak_so_far(self.records) if resume else None
        sink = MemorySink(self, f"s{self.sessions:03d}", self.records)
        journal = Journal(sink, earlier.tally if earlier else Tally(), warn=self.warnings.append)
        surroundings = Surroundings(
            journal,
            self.clock,
            lambda: self.slept_ns,
            self,
            self.boot,
            {"pid": 1},
            look=look,
            threaded=False,
            tick_s=60.0,
            **more,
        )
        try:
            return run_soak(terms_of(profile), self.open_held, surroundings, earlier)
        except Killed:
            return None

    def evidence(self, profile, tmp_path):
        identity = Identity(profile.digest, {}, {"name": "made up", "version": "1", "backend": "vulkan"}, None, {})
        return InMemory(Campaign(tmp_path, "made-up", START.isoformat(), identity, profile), tuple(self.records))


def terms_of(profile, **more):
    return SoakTerms(
        **{**vars(schedule_of(profile)), **more},
        prompt_tokens=16,
        load_deadline_s=60.0,
        request_deadline_s=60.0,
        texts=("a text",),
        options=LoadOptions(n_ctx=4096, n_streams=12),
    )


def kill(_world):
    raise Killed


def away(hours):
    """Killed, and nobody comes back for so many hours."""

    def happens(world):
        world.now_ns += round(hours * 3.6e12)
        raise Killed

    return happens


def reboot(hours, *, wall_s=0.0):
    def happens(world):
        world.set_s += hours * 3600 + (world.now_ns - 5 * 10**9) / 1e9 + wall_s
        world.now_ns, world.boot = 5 * 10**9, "second boot"
        raise Killed

    return happens


def suspend(hours):
    def happens(world):
        world.slept_ns += round(hours * 3.6e12)

    return happens


def set_clock(seconds):
    def happens(world):
        world.set_s += seconds

    return happens


def fill_disk(hours):
    def happens(world):
        world.full_until_ns = world.now_ns + round(hours * 3.6e12)

    return happens


def crash(world):
    world.crash_next = True
