"""GPUs are found where the system lists them, and leased to one at a time.

The sysfs trees are constructed from the kernel's documentation of amdgpu; nobody's card was recorded for them.
"""

import pytest

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.gpu import Gpu, detect, find_gpus, lease
from pytest_rawrxd.rig.gpu.detect import from_amdgpu, from_windows_registry


def card(drm, name, **files):
    device = drm / name / "device"
    device.mkdir(parents=True)
    for file, text in files.items():
        (device / file).write_text(f"{text}\n")


def test_an_amd_card_is_described_by_its_files(tmp_path):
    card(
        tmp_path,
        "card1",
        vendor="0x1002",
        device="0x747e",
        mem_info_vram_total=17163091968,
        unique_id="f00d",
        product_name="Radeon RX 7800 XT",
    )
    (tmp_path / "version").write_text("6.12.12\n")

    (gpu,) = from_amdgpu(tmp_path, tmp_path / "version")

    assert gpu.name == "Radeon RX 7800 XT"
    assert gpu.uuid == "f00d"
    assert gpu.vram_bytes == 17163091968
    assert gpu.driver == "amdgpu 6.12.12"


def test_what_is_not_listed_is_absent_and_not_zero(tmp_path):
    card(tmp_path, "card0", vendor="0x1002", device="0x747e")

    (gpu,) = from_amdgpu(tmp_path, tmp_path / "no-version")

    assert gpu.vram_bytes is None
    assert gpu.name == "AMD 0x747e"
    assert gpu.driver == "amdgpu, in the kernel"
    assert gpu.uuid == "device"


def test_other_vendors_and_connectors_are_passed_over(tmp_path):
    card(tmp_path, "card0", vendor="0x8086", device="0x1")
    card(tmp_path, "card1-DP-1", vendor="0x1002", device="0x747e")

    assert from_amdgpu(tmp_path, tmp_path / "version") == ()
    assert from_amdgpu(tmp_path / "nothing", tmp_path / "version") == ()


def test_the_card_comes_before_the_graphics_of_the_processor(monkeypatch):
    sizes = {"graphics of the processor": 512 << 20, "a card": 16 << 30, "its twin": 16 << 30, "unknown": None}
    found = tuple(Gpu(name, name, size, None, "made up") for name, size in sizes.items())
    monkeypatch.setattr(detect, "from_nvml", lambda: found)

    assert [gpu.name for gpu in find_gpus()] == ["a card", "its twin", "graphics of the processor", "unknown"]


def test_the_windows_registry_is_only_read_on_windows(monkeypatch):
    monkeypatch.setattr("platform.system", lambda: "Linux")

    assert from_windows_registry() == ()


def test_a_leased_device_is_refused_to_others_and_free_afterwards(tmp_path):
    with (
        lease("GPU-1", tmp_path, wait_s=0),
        pytest.raises(RigTrouble, match="GPU-1 is in use"),
        lease("GPU-1", tmp_path, wait_s=0),
    ):
        pass

    with lease("GPU-1", tmp_path, wait_s=0), lease("GPU-2", tmp_path, wait_s=0):
        assert len(list(tmp_path.glob("device-*.lock"))) == 2
