"""The processor time of all that one process started, which several lanes share."""

import os
import subprocess
import sys

import pytest

from pytest_rawrxd.rig.cpu import FamilyCpu

BURN = "import time\nwhile time.process_time() < 0.2: pass"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows forgets what an ended process has used")
def test_what_an_ended_child_has_used_is_ours():
    family = FamilyCpu(os.getpid())
    before = family.own_s(())

    subprocess.run([sys.executable, "-c", BURN], check=True)

    assert family.own_s(()) - before >= 0.1  # the counters tick at 10 ms


def test_a_family_that_is_gone_has_used_nothing_that_is_known():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()

    assert FamilyCpu(gone.pid).own_s(()) == 0.0
