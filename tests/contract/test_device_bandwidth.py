"""The libraries of llama.cpp measure the memory that they compute on."""

import json
import subprocess
import sys


def test_the_cpu_device_reads_the_whole_matrix_in_a_plausible_time():
    command = [sys.executable, "-m", "pytest_rawrxd.rig.engine.bandwidth_child", "CPU", str(64 << 20)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)

    found = json.loads(done.stdout)
    assert found["device"] == "CPU"
    assert found["working_set"] == 64 << 20
    assert 1e8 < found["bytes_per_s"] < 1e13
    assert len(found["methods"]) == 2
    assert found["bytes_per_s"] == max(found["methods"].values()) == found["methods"][found["method"]]
