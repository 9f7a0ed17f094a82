# /// script
# requires-python = ">=3.11"
# ///
"""The suite's own memory over a soak with the records of 48 hours, at a hundred bursts a second.

    uv run benchmarks/soak_memory.py

A whole acceptance session, with every plugin that this Python has, holds a scripted engine process and writes as many
records as two days do in a minute. Prints most memory, change over the soak with its interval, and records a second;
fails at 150 MB, or where memory may have changed by 5 MB.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from pytest_rawrxd.evidence.campaign import Evidence  # noqa: E402 - the checkout; installing it would compile an engine
from pytest_rawrxd.verdict.soak import soak_run  # noqa: E402
from pytest_rawrxd.verdict.soak_memory import instrument  # noqa: E402

MOST_MB, FLAT_MB = 150.0, 5.0
PROFILE = """
title = "a soak at a high rate"
kind = "rehearsal"
extends = "embedded"

[protocol.soak]
duration = "60 s"
tokens = 4
burst_every = "0.01 s"
burst_requests = [4, 8]
idle_every = "15 s"
idle = ["0.01 s", "0.02 s"]
restart_every = "15 s"
settle = "0.5 s"
sample_every = "0.1 s"
thermal_every = "0.01 s"
checkpoint_every = "1 s"
review_every = "30 s"

[protocol.phase2]
block = "0.02 s"
"""


def main() -> None:
    with TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        profile = folder / "rate.toml"
        profile.write_text(PROFILE, encoding="utf-8")
        chosen = ["--sla-profile", str(profile), "--sla-engine", "scripted-process:steady"]
        command = [sys.executable, "-m", "pytest", "acceptance/phase2", "-q", "-m", "soak", "-p", "no:cacheprovider"]
        subprocess.run(
            [*command, *chosen, "--sla-run-dir", str(folder / "run")],
            cwd=ROOT,
            env={**os.environ, "RAWRXD_CACHE": str(folder / "cache")},
            stdout=subprocess.DEVNULL,
            check=False,  # a session that leaves most of phase 2 unclaimed is incomplete
        )
        run = soak_run(Evidence.read(folder / "run"))
        found = instrument(run) if run else None
        assert run is not None
        assert found is not None
        written = sum(map(len, run.records.values()))
        print(f"{written} records in {run.observed_s:.0f} s, {written / run.observed_s:.0f} a second")
        print(f"most {found.most:.1f} MB, change over the soak {found.change:+.3f} MB ± {found.half:.3f} MB")
        assert found.most < MOST_MB
        assert abs(found.change) + found.half < FLAT_MB


if __name__ == "__main__":
    main()
