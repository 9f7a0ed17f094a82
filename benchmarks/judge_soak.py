"""``rawrxd judge`` of a 48 h soak: 138 million latencies in histograms, 576 samples of 20 signals, on disk.

    uv run benchmarks/judge_soak.py

The journal is written by the soak's own runner in a made-up world (``tests/fakes/soak.py``) through the real ledger,
every record durable. Then ``rawrxd judge RUN_DIR`` runs in a process of its own, as an operator runs it. Prints the
rate of the journal, its size, the seconds and the peak memory of judging; fails beyond 5 s of processor time, which a
busy machine does not stretch, 300 MB or 20 MB of journal.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "tests")]

from fakes.soak import World, terms_of  # noqa: E402 - the checkout; installing it would compile an engine

from pytest_rawrxd.evidence.campaign import open_campaign  # noqa: E402
from pytest_rawrxd.evidence.identity import Identity  # noqa: E402
from pytest_rawrxd.evidence.ledger import LedgerWriter  # noqa: E402
from pytest_rawrxd.evidence.recorder import Recorder  # noqa: E402
from pytest_rawrxd.measure.soak.journal import Journal, Tally  # noqa: E402
from pytest_rawrxd.measure.soak.latencies import Answers  # noqa: E402
from pytest_rawrxd.measure.soak.runner import run_soak  # noqa: E402
from pytest_rawrxd.measure.soak.surroundings import Surroundings  # noqa: E402
from pytest_rawrxd.places import package_data  # noqa: E402
from pytest_rawrxd.plugin.claims import claims  # noqa: E402
from pytest_rawrxd.profile import load_profile  # noqa: E402
from pytest_rawrxd.verdict.selfcheck import self_check  # noqa: E402

MOST_S, MOST_MB, MOST_JOURNAL_MB = 5.0, 300.0, 20.0
STREAMS, TOKENS_A_BURST = 12, 24_000
SIGNALS = 20


class Full(World):
    """A world whose bursts have all their tokens: 12 streams for 30 s at 800 tok/s, and whose probe has 20 signals."""

    def read(self, pid: int | None) -> dict[str, float]:
        found = super().read(pid)
        return {**{f"signal{number}": 50.0 for number in range(SIGNALS - len(found))}, **found}

    def burst(self, requests: int, number: int) -> Answers:  # noqa: ARG002 - as any engine is asked
        each = TOKENS_A_BURST // STREAMS
        gaps = np.maximum(self.random.normal(12.3e6, 0.3e6, (STREAMS, each)), 1_000)
        slow = self.random.integers(0, gaps.size, gaps.size // 50)
        gaps.ravel()[slow] = self.random.gamma(9, 3e6, slow.size)
        stamps = (self.now_ns + np.cumsum(gaps, axis=1)).astype(np.int64)
        began = np.full(STREAMS, self.now_ns, np.int64)
        self.sleep(12.0)
        self.tick()
        self.sleep(14.0)
        offsets = np.arange(STREAMS + 1) * each
        return Answers(began, stamps[:, -1], offsets, stamps.ravel(), np.ones(requests, np.bool_), {"length": requests})


def write(run_dir: Path) -> tuple[int, float]:
    """Write a campaign with a finished soak; returns its records and the seconds that writing them took."""
    profile, world = load_profile("rx7800xt"), Full()
    identity = Identity(profile.digest, {}, {"name": "made up", "version": "1", "backend": "vulkan"}, None, {})
    campaign = open_campaign(run_dir, identity, profile, world.clock)
    ledger = LedgerWriter(
        run_dir / "ledger", session="s001", worker="main", identity=identity.digest, clock=world.clock
    )
    spent = [0, 0.0]
    with ledger:
        recorder = Recorder(run_dir, "s001", "main", ledger)
        recorder.record("session.start", {"suite": "benchmark", "argv": [], "profile": {"name": profile.name}})
        recorder.record("claims", {"tests": claims([package_data("acceptance")], Path.cwd())})
        recorder.record("self-check", self_check().to_dict())

        class Timed:
            def record(self, kind: str, data: dict[str, Any], arrays: Any = None) -> str:
                began = time.perf_counter()
                found = recorder.record(kind, data, arrays)
                spent[0], spent[1] = spent[0] + 1, spent[1] + time.perf_counter() - began
                return found

        journal = Journal(Timed(), Tally(), warn=print)
        surroundings = Surroundings(
            journal,
            world.clock,
            lambda: 0,
            world,
            "boot",
            {"pid": 1, "process_started": 0.0},
            threaded=False,
            tick_s=60.0,
        )
        assert run_soak(terms_of(profile), world.open_held, surroundings) == "finished"
    assert campaign.id
    return int(spent[0]), float(spent[1])


def judge(run_dir: Path) -> tuple[float, float, str]:
    """Processor seconds, peak MB and output of ``rawrxd judge`` in a process of its own."""
    began = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "pytest_rawrxd", "judge", str(run_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"},
        cwd=Path(__file__).parents[1],
    )
    peak = [0.0]
    used = [0.0]

    def look() -> None:
        while child.poll() is None:
            try:
                process = psutil.Process(child.pid)
                peak[0] = max(peak[0], process.memory_info().rss / 1e6)
                used[0] = sum(process.cpu_times()[:2])
            except psutil.Error:
                return
            time.sleep(0.01)

    watcher = threading.Thread(target=look)
    watcher.start()
    output = child.communicate()[0]
    seconds = time.perf_counter() - began
    watcher.join()
    print(f"rawrxd judge: {seconds:.2f} s, {used[0]:.2f} s of processor time, peak {peak[0]:.0f} MB")
    return used[0], peak[0], output


def main() -> int:
    """Return 0 when judging and the journal stay inside their bounds."""
    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder) / "soak"
        began = time.perf_counter()
        records, writing = write(run_dir)
        print(f"48 h in {time.perf_counter() - began:.1f} s")
        size = sum(path.stat().st_size for path in (run_dir / "ledger").iterdir()) / 1e6
        print(f"journal: {records:,} durable records, {records / writing:,.0f} a second, {size:.1f} MB")
        runs = [judge(run_dir) for _ in range(2)]
        print("\n".join(line for line in runs[0][2].splitlines() if "SOAK" in line and ";" not in line))
        seconds, peak = max(run[0] for run in runs), max(run[1] for run in runs)
    return int(seconds > MOST_S or peak > MOST_MB or size > MOST_JOURNAL_MB)


if __name__ == "__main__":
    sys.exit(main())
