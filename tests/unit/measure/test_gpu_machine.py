"""A GPU machine measures in process with what `ci/gpu.sh` asks for, and with nothing that only a load client needs."""

from __future__ import annotations

import subprocess
import sys

CLIENTS_ONLY = (
    "httptools",
    "aiohttp",
    "distributed",
    "prometheus_client",
    "securesystemslib",
    "weasyprint",
    "keyring",
    "sphinx",
)
WITHOUT = """
import sys
sys.modules |= dict.fromkeys(sys.argv[1:])  # None: importing it is an ImportError
import pytest_rawrxd.cli
import pytest_rawrxd.measure.cells
import pytest_rawrxd.measure.concurrency
import pytest_rawrxd.plugin.acceptance
import pytest_rawrxd.verdict.judge
"""


def test_measuring_and_judging_need_nothing_that_only_clients_and_signers_use() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *CLIENTS_ONLY], capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stderr
