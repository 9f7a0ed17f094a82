"""An AMD card is read through its driver's files; what they do not hold is absent with the reason."""

import shutil

import pytest
from fakes.amdgpu import PCI, UUID, card, client, metrics

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.telemetry.amd_throttle import reasons_of_metrics
from pytest_rawrxd.rig.telemetry.amdgpu import AmdgpuProbe
from pytest_rawrxd.rig.telemetry.clocks import words


@pytest.fixture
def proc(tmp_path):
    (tmp_path / "proc").mkdir()
    return tmp_path / "proc"


@pytest.fixture
def drm(tmp_path):
    return tmp_path / "drm"


def test_every_reading_of_a_card_that_has_all_of_them(drm, proc):
    card(drm)
    probe = AmdgpuProbe(UUID, drm, proc)

    assert probe.absent == {}
    assert probe.read(()) == {
        "memory_used_bytes": 9_000_000_000,
        "shared_used_bytes": 50_000_000,
        "utilisation_percent": 97,
        "memory_utilisation_percent": 61,
        "temperature_c": 61.5,
        "hotspot_c": 78,
        "core_clock_mhz": 2430,
        "memory_clock_mhz": 1218.5,
        "power_mw": 212_000,
        "clock_reasons": 0,
        "process_memory_bytes": None,
    }


@pytest.mark.parametrize(
    ("leave_out", "name", "said"),
    [
        ("gpu_busy_percent", "utilisation_percent", "gpu_busy_percent: No such file or directory"),
        ("temp2_label", "hotspot_c", "hwmon has no temp labelled junction"),
        ("freq1_label", "core_clock_mhz", "hwmon has no freq labelled sclk"),
        ("power1_average", "power_mw", "hwmon has no power1_input"),
    ],
)
def test_a_missing_file_is_absent_and_not_zero(drm, proc, leave_out, name, said):
    card(drm, leave_out=(leave_out,))
    probe = AmdgpuProbe(UUID, drm, proc)

    assert probe.absent == {name: said}
    assert name not in probe.read(())


def test_a_card_with_one_sensor_needs_no_label(drm, proc):
    card(drm, leave_out=("temp1_label", "temp2_label", "temp2_input"))

    assert AmdgpuProbe(UUID, drm, proc).read(())["temperature_c"] == 61.5


def test_power_of_this_instant_serves_where_the_firmware_does_not_average(drm, proc):
    device = card(drm, leave_out=("power1_average",))
    (device / "hwmon" / "hwmon4" / "power1_input").write_text("90000000\n")

    assert AmdgpuProbe(UUID, drm, proc).read(())["power_mw"] == 90_000


@pytest.mark.parametrize(
    ("change", "name", "said"),
    [
        ({"mem_info_vram_used": 0}, "memory_used_bytes", "not reported: free equals total"),
        ({"gpu_busy_percent": "n/a"}, "utilisation_percent", "invalid literal"),
        ({"throttle": (1 << 64) - 1}, "clock_reasons", "not reported"),
        ({"throttle": None}, "clock_reasons", "gpu_metrics: No such file"),
    ],
)
def test_an_answer_that_is_none_is_absent(drm, proc, change, name, said):
    card(drm, **change)

    assert said in AmdgpuProbe(UUID, drm, proc).absent[name]


def test_the_right_card_is_read_among_several(drm, proc):
    card(drm, 0, unique_id="beef", mem_info_vram_used=1)
    card(drm, 1)
    (drm / "card1-DP-1").mkdir()

    assert AmdgpuProbe(UUID, drm, proc).read(())["memory_used_bytes"] == 9_000_000_000
    with pytest.raises(RigTrouble, match="does not show this GPU"):
        AmdgpuProbe("another", drm, proc)


def test_one_file_that_fails_later_is_one_missing_value(drm, proc):
    device = card(drm)
    probe = AmdgpuProbe(UUID, drm, proc)
    (device / "gpu_busy_percent").unlink()

    values = probe.read(())

    assert values["utilisation_percent"] is None
    assert values["temperature_c"] == 61.5


def test_a_card_that_leaves_the_bus_is_trouble(drm, proc):
    device = card(drm)
    probe = AmdgpuProbe(UUID, drm, proc)
    shutil.rmtree(device)

    with pytest.raises(RigTrouble, match="no longer answers"):
        probe.read(())


@pytest.mark.parametrize(
    ("lines", "size"),
    [
        (["drm-memory-vram:\t2048 KiB"], 2 << 20),
        (["drm-resident-vram:\t2 MiB"], 2 << 20),
        (["drm-total-vram:\t4 MiB", "drm-memory-vram:\t3 MiB", "drm-resident-vram:\t2 MiB"], 3 << 20),
        (["drm-memory-vram:\t0"], 0),
        (["drm-memory-gtt:\t5 KiB"], None),
        (["drm-memory-vram:\t"], None),
        (["drm-memory-vram:\t-5 KiB"], None),
        (["drm-memory-vram:\t5 parsecs"], None),
    ],
    ids=["older kernels", "newer kernels", "both", "nothing held", "not listed", "empty", "negative", "no unit"],
)
def test_the_memory_of_a_process_stands_in_its_descriptors(drm, proc, lines, size):
    card(drm)
    client(proc, 7, 3, 30, *lines)

    assert AmdgpuProbe(UUID, drm, proc).read((7,))["process_memory_bytes"] == size


def test_a_client_counts_once_and_only_on_this_card(drm, proc):
    card(drm)
    for descriptor, identity in ((3, 30), (4, 30), (5, 31)):
        client(proc, 7, descriptor, identity, "drm-memory-vram:\t1 KiB")
    client(proc, 7, 6, 32, "drm-memory-vram:\t100 KiB", pci="0000:0c:00.0")
    client(proc, 8, 3, 33, "drm-memory-vram:\t1000 KiB")
    probe = AmdgpuProbe(UUID, drm, proc)

    assert probe.pci_address == PCI
    assert probe.read((7,))["process_memory_bytes"] == 2 << 10
    assert probe.read((7, 8))["process_memory_bytes"] == 1002 << 10
    assert probe.read((9,))["process_memory_bytes"] is None


@pytest.mark.parametrize(
    ("bits", "reasons"),
    [
        ((), 0x0),
        ((0,), 0x4),
        ((22,), 0x4),
        ((31,), 0x4),
        ((32,), 0x40),
        ((36,), 0x40),
        ((43,), 0x40),
        ((44,), 0x8),
        ((47,), 0x8),
        ((56,), 0x0),
        ((0, 36, 47), 0x4C),
    ],
)
def test_throttle_bits_become_those_of_the_schema(bits, reasons):
    assert reasons_of_metrics(metrics(sum(1 << bit for bit in bits))) == reasons


@pytest.mark.parametrize(
    ("reasons", "said"), [(0x0, "none"), (0x1, "none"), (0x44, "power cap, heat"), (0x80, "power brake")]
)
def test_reasons_have_words_and_idleness_is_none(reasons, said):
    assert words(reasons) == said


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (b"", "0 bytes long"),
        (metrics(0, revision=(1, 2)), "v1.2 has no throttle status"),
        (metrics(0, revision=(2, 2)), "v2.2 has no throttle status"),
        (metrics(0)[:119], "119 bytes long"),
    ],
)
def test_a_table_of_another_layout_is_refused(table, said):
    with pytest.raises(ValueError, match=said):
        reasons_of_metrics(table)
