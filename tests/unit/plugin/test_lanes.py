"""A lane belongs to one living worker, and an engine in it sees one GPU."""

import json
from types import SimpleNamespace

import pytest

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.plugin.lanes import WORKER_KEY, Lanes
from pytest_rawrxd.rig.engine.protocol import Device
from pytest_rawrxd.rig.gpu import Gpu
from pytest_rawrxd.rig.gpu.pin import check_alone, check_pinnable, pinned
from pytest_rawrxd.rig.vulkan import VulkanDevice

UUIDS = ("GPU-8c1d0000-0000-0000-0000-000000000001", "GPU-8c1d0000-0000-0000-0000-000000000002")
CARD, TWIN = (Gpu("a card", uuid, 80 << 30, "nvidia 1", "NVML") for uuid in UUIDS)
RADEON = Gpu("a Radeon", "f00d00000000cafe", 16 << 30, "amdgpu 1", "amdgpu sysfs")
NAMELESS = Gpu("another Radeon", "0000:03:00.0", 16 << 30, "amdgpu 1", "amdgpu sysfs")
WINDOWS = Gpu("a Radeon", "PCI\\VEN_1002#0000", 16 << 30, "32.0", "Windows registry")


def node(name):
    return SimpleNamespace(gateway=SimpleNamespace(id=name), workerinput={})


def test_a_worker_in_the_place_of_a_dead_one_takes_its_lane():
    lanes = Lanes(lambda worker, lane: json.dumps([worker, lane]))
    first, second, third, fourth = map(node, ("gw0", "gw1", "gw2", "gw3"))

    lanes.pytest_configure_node(first)
    lanes.pytest_configure_node(second)
    lanes.pytest_testnodedown(first, "Not properly terminated")
    lanes.pytest_configure_node(third)
    lanes.pytest_testnodedown(third, None)  # done: its lane waits for nobody
    lanes.pytest_testnodedown(second, "Not properly terminated")
    lanes.pytest_configure_node(fourth)

    told = [json.loads(each.workerinput[WORKER_KEY]) for each in (first, second, third, fourth)]
    assert told == [["gw0", 0], ["gw1", 1], ["gw2", 0], ["gw3", 1]]


def listed(*devices):
    return lambda: [VulkanDevice("a device", "discrete", "1.3.0", uuid, pci) for uuid, pci in devices]


def hex_of(gpu):
    return gpu.uuid.removeprefix("GPU-").replace("-", "")


BOTH = listed((hex_of(TWIN), None), (hex_of(CARD), None), ("ff" * 16, "0000:0a:00.0"))


@pytest.fixture
def drm(tmp_path):
    """Two AMD cards of the kernel's: one with a unique id, one without."""
    for name, unique, pci in (("card0", RADEON.uuid, "0000:0a:00.0"), ("card1", "", "0000:03:00.0")):
        device = tmp_path / name / "device"
        device.mkdir(parents=True)
        (device / "uevent").write_text(f"DRIVER=amdgpu\nPCI_SLOT_NAME={pci}\n")
        if unique:
            (device / "unique_id").write_text(f"{unique}\n")
    return tmp_path


def test_an_engine_is_kept_to_a_card_by_what_its_backend_calls_it(drm):
    assert pinned(CARD, "cuda", vulkan=BOTH) == {"CUDA_VISIBLE_DEVICES": CARD.uuid}
    assert pinned(RADEON, "rocm", vulkan=BOTH) == {"ROCR_VISIBLE_DEVICES": "GPU-f00d00000000cafe"}
    # The loader's order is its own: the second card of NVML may be its first.
    assert pinned(CARD, "vulkan", vulkan=BOTH) == {"GGML_VK_VISIBLE_DEVICES": "1"}
    assert pinned(TWIN, "vulkan", vulkan=BOTH) == {"GGML_VK_VISIBLE_DEVICES": "0"}
    assert pinned(RADEON, "vulkan", vulkan=BOTH, drm=drm) == {"GGML_VK_VISIBLE_DEVICES": "2"}


def test_lanes_with_a_card_of_their_own_are_accepted():
    for backend in ("cuda", "vulkan"):
        check_pinnable(backend, [CARD, TWIN], vulkan=BOTH)


@pytest.mark.parametrize(
    ("backend", "gpus", "devices"),
    [
        ("cuda", [CARD, RADEON], BOTH),  # CUDA does not know it
        ("rocm", [NAMELESS], BOTH),  # no unique id
        ("rocm", [CARD], BOTH),
        ("vulkan", [CARD, TWIN], listed((hex_of(CARD), None))),  # one of them is not listed
        ("vulkan", [CARD], listed((hex_of(CARD), None), (hex_of(CARD), None))),  # two drivers for one card
        ("vulkan", [WINDOWS], BOTH),  # the registry tells neither UUID nor PCI address
        ("vulkan", [NAMELESS], listed((None, None))),
    ],
)
def test_what_cannot_be_kept_to_one_card_has_one_lane(backend, gpus, devices, drm):
    with pytest.raises(UsageProblem, match="kept to one GPU by a name that stays"):
        check_pinnable(backend, gpus, vulkan=devices, drm=drm)


def test_one_card_that_is_listed_twice_has_one_lane():
    with pytest.raises(UsageProblem, match="two lanes would load one card"):
        check_pinnable("cuda", [CARD, CARD], vulkan=BOTH)
    with pytest.raises(UsageProblem, match="a GPU each"):
        check_pinnable("cpu", [], vulkan=BOTH)


def device(kind, name="Vulkan0"):
    return Device(name, "a card", kind, "vulkan", None, None, "")


def test_an_engine_that_sees_another_number_of_gpus_than_one_is_refused():
    check_alone([device("gpu"), device("cpu")], CARD)
    for devices in ([device("cpu")], [device("gpu"), device("gpu", "Vulkan1")], [device("gpu"), device("igpu")]):
        with pytest.raises(UsageProblem, match="does not see one GPU alone"):
            check_alone(devices, CARD)
