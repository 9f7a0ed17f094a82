"""Shared memory is read where a driver shows it, and absent with the reason elsewhere."""

import pytest

from pytest_rawrxd.rig.gpu.detect import Gpu
from pytest_rawrxd.rig.gpu.shared import shared_memory


def card(drm, number, unique, gtt):
    device = drm / f"card{number}" / "device"
    device.mkdir(parents=True)
    (device / "unique_id").write_text(f"{unique}\n")
    if gtt is not None:
        (device / "mem_info_gtt_used").write_text(f"{gtt}\n")
    return device


def gpu(uuid="abc", source="amdgpu sysfs"):
    return Gpu("a card", uuid, 16 << 30, None, source)


def test_the_counter_of_the_right_card_is_read_again_each_time(tmp_path):
    card(tmp_path, 0, "other", 1)
    device = card(tmp_path, 1, "abc", 4096)
    found = shared_memory(gpu(), tmp_path)

    assert (found.source, found.used_bytes()) == ("amdgpu GTT", 4096)
    (device / "mem_info_gtt_used").write_text("8192\n")
    assert found.used_bytes() == 8192


@pytest.mark.parametrize(
    ("of", "says"),
    [
        (None, "no GPU"),
        (gpu(source="NVML"), "not readable through NVML"),
        (gpu(uuid="another"), "no GTT counter for this card"),
    ],
)
def test_where_nobody_shows_it_there_is_a_reason(tmp_path, of, says):
    card(tmp_path, 0, "abc", 4096)
    found = shared_memory(of, tmp_path)

    assert found.used_bytes() is None
    assert says in found.source


@pytest.mark.parametrize("content", ["", "n/a"])
def test_a_counter_that_cannot_be_read_is_no_number(tmp_path, content):
    device = card(tmp_path, 0, "abc", 1)
    (device / "mem_info_gtt_used").write_text(content)

    assert shared_memory(gpu(), tmp_path).used_bytes() is None
