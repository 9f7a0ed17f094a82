"""The Vulkan of a machine is asked in a child process, and versions compare by their numbers."""

import ctypes
import subprocess

import pytest

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.vulkan import VulkanDevice, at_least, read_vulkan
from pytest_rawrxd.rig.vulkan_child import ask, text_of


class Loader:
    """libvulkan with scripted devices (version, kind, name)."""

    def __init__(self, *devices, create=0):
        self._devices, self._create, self.destroyed = devices, create, False

    def vkEnumerateInstanceVersion(self, version):  # noqa: N802 - the loader's names
        version._obj.value = 1 << 22 | 3 << 12 | 239
        return 0

    def vkCreateInstance(self, wanted, _allocator, instance):  # noqa: N802
        assert wanted._obj.application.contents.api_version == 1 << 22 | 3 << 12 | 239
        instance._obj.value = 1
        return self._create

    def vkEnumeratePhysicalDevices(self, _instance, count, handles):  # noqa: N802
        count._obj.value = len(self._devices)
        for index in range(len(self._devices) if handles else 0):
            handles[index] = index + 1
        return 0

    def vkGetPhysicalDeviceProperties(self, device, buffer):  # noqa: N802
        version, kind, name = self._devices[device.value - 1]
        for place, number in ((0, version), (16, kind)):
            ctypes.c_uint32.from_buffer(buffer, place).value = number
        ctypes.memmove(ctypes.addressof(buffer) + 20, name, len(name))

    def vkDestroyInstance(self, _instance, _allocator):  # noqa: N802
        self.destroyed = True


def test_every_device_has_its_own_version():
    loader = Loader((1 << 22 | 4 << 12 | 303, 2, b"Radeon RX 7800 XT"), (1 << 22 | 3 << 12 | 230, 4, b"llvmpipe"))

    assert ask(loader) == {
        "loader": "1.3.239",
        "devices": [
            {"name": "Radeon RX 7800 XT", "kind": "discrete", "version": "1.4.303"},
            {"name": "llvmpipe", "kind": "cpu", "version": "1.3.230"},
        ],
    }
    assert loader.destroyed


def test_a_loader_without_a_driver_has_no_devices_and_another_refusal_is_an_error():
    assert ask(Loader(create=-9)) == {"loader": "1.3.239", "devices": []}
    with pytest.raises(OSError, match="VkResult -1"):
        ask(Loader(create=-1))


def test_versions_are_unpacked_without_the_variant():
    assert text_of(1 << 29 | 1 << 22 | 4 << 12 | 7) == "1.4.7"


@pytest.mark.parametrize(
    ("version", "enough"), [("1.3.999", False), ("1.4.0", True), ("1.4.303", True), ("1.10.0", True), ("2.0.0", True)]
)
def test_versions_compare_by_their_numbers(version, enough):
    assert at_least(version, "1.4") is enough


def ended(code, out="", err=""):
    return lambda *_, **__: subprocess.CompletedProcess([], code, out, err)


def test_what_the_child_prints_is_what_is_known():
    out = '{"loader": "1.4.1", "devices": [{"name": "a card", "kind": "discrete", "version": "1.4.2"}]}'

    assert read_vulkan({}, ended(0, out)).devices == (VulkanDevice("a card", "discrete", "1.4.2"),)


def late(*_, **__):
    raise subprocess.TimeoutExpired([], 30)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (ended(1, err="no Vulkan loader: libvulkan.so.1\n"), "no Vulkan loader: libvulkan.so.1"),
        (ended(-11), "exit status -11"),
        (late, "nothing within 30 s"),
    ],
    ids=["no loader", "a driver that crashes", "a driver that hangs"],
)
def test_a_loader_that_fails_is_a_reason_and_never_takes_us_down(run, said):
    with pytest.raises(RigTrouble) as trouble:
        read_vulkan({}, run)

    assert trouble.value.found == said
