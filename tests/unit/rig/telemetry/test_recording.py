"""What a machine's sources answered is read again on another one: same signals, same values, same reasons."""

import json
from dataclasses import replace

import pytest
from fakes.amdgpu import UUID as AMD
from fakes.amdgpu import card
from fakes.nvml import UUID as NVIDIA
from fakes.nvml import NVMLError, ScriptedNvml
from fakes.pdh import LUID, ScriptedQuery

from pytest_rawrxd.rig.gpu.detect import AMDGPU, NVML, WINDOWS_REGISTRY, Gpu
from pytest_rawrxd.rig.telemetry import open_probes
from pytest_rawrxd.rig.telemetry.access import Access, this_machine
from pytest_rawrxd.rig.telemetry.recording import Recorder, replayed
from pytest_rawrxd.rig.telemetry.signal import names
from pytest_rawrxd.rig.telemetry.sources import sources
from pytest_rawrxd.rig.telemetry.windows import DEDICATED, ENGINE

GPU_SIGNALS = (*names("device"), "process_memory_bytes")
LIBRE = {
    "Text": "Sensor",
    "Children": [
        {
            "Text": "a card",
            "Children": [
                {
                    "Text": "Temperatures",
                    "Children": [{"Text": "GPU Core", "Value": "48,5 °C", "SensorId": "/gpu-amd/0/temperature/0"}],
                }
            ],
        }
    ],
}


def nothing():
    raise ImportError("not installed")


@pytest.fixture
def machine(tmp_path):
    """``machine(...)``: a machine that has only what is named."""

    def make(**changes):
        bare = Access("Linux", nothing, nothing, nothing, nothing, tmp_path / "no-drm", tmp_path / "no-proc")
        return replace(bare, **changes)

    return make


def read(gpu, access, times=1):
    with open_probes((7,), gpu=gpu, candidates=sources(gpu, access)) as telemetry:
        values = [telemetry.read(GPU_SIGNALS) for _ in range(times)]
        return values, [reading for reading in telemetry.readings if reading.signal.name in GPU_SIGNALS]


def again(gpu, access, folder, times=1):
    """What was read through a recorder, and what its recording says."""
    recorder = Recorder(access)
    live = read(gpu, recorder.access, times)
    recorder.save(folder)
    return live, read(gpu, replayed(folder, access.system), times)


def test_nvml_answers_again_in_its_order_and_its_errors_too(machine, tmp_path):
    nvml = ScriptedNvml(
        temperature=[40, 41, 42],
        energy=NVMLError("Not Supported"),
        processes=(("compute", 7, 500), ("graphics", 8, None)),
    )
    gpu = Gpu("H100", NVIDIA, 80 << 30, None, NVML)

    live, recorded = again(gpu, machine(nvml=lambda: nvml), tmp_path / "recording", times=2)

    assert [values["temperature_c"] for values in live[0]] == [41, 42]
    assert live[0][0]["process_memory_bytes"] == 500
    assert recorded == live


def test_the_files_of_an_amd_card_are_copied_and_nothing_else(machine, tmp_path):
    device = card(tmp_path / "drm", leave_out=("gpu_busy_percent", "unique_id"))
    (device / "pp_table").write_text("not ours to copy")
    card(tmp_path / "drm", 2, vendor="0x8086")
    gpu = Gpu("a card", "0000:03:00.0", 16 << 30, None, AMDGPU)

    live, recorded = again(gpu, machine(drm=tmp_path / "drm"), tmp_path / "recording")

    assert live[0][0]["temperature_c"] == 61.5
    assert live[0][0]["utilisation_percent"] is None
    assert recorded[0] == live[0]
    assert [path.name for path in (tmp_path / "recording" / "drm").iterdir()] == ["card1"]
    assert not list((tmp_path / "recording").rglob("pp_table"))
    assert gpu.uuid != AMD


def test_counters_and_the_monitor_of_windows_answer_again(machine, tmp_path):
    told = [{DEDICATED: {f"{LUID}_phys_0": 9e9 + step}, ENGINE: {}} for step in range(3)]
    query = ScriptedQuery(*told, refused={"a": "error 1"})
    gpu = Gpu("a card", "pci#0000", 16 << 30, None, WINDOWS_REGISTRY)
    windows = machine(system="Windows", counters=lambda: query, fetch=lambda: json.dumps(LIBRE).encode())

    live, recorded = again(gpu, windows, tmp_path / "recording", times=3)

    assert [values["memory_used_bytes"] for values in live[0]] == [9_000_000_000, 9_000_000_001, 9_000_000_002]
    assert live[0][0]["temperature_c"] == 48.5
    assert recorded == live


def test_a_machine_without_any_source_leaves_an_empty_recording(machine, tmp_path):
    gpu = Gpu("H100", NVIDIA, None, None, NVML)

    live, recorded = again(gpu, machine(), tmp_path / "recording")

    assert list((tmp_path / "recording").iterdir()) == []
    assert set(live[0][0].values()) == {None}
    assert "not installed" in live[1][0].why_not
    assert "no answers of pynvml" in recorded[1][0].why_not


def test_this_machine_names_its_system():
    assert this_machine().system
