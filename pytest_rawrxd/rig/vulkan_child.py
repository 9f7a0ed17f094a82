"""Prints what the Vulkan loader of this machine says, as JSON; ends with 1 and the reason where it says nothing."""

from __future__ import annotations

import ctypes
import json
import sys
from typing import Any

LIBRARIES = ("vulkan-1.dll",) if sys.platform == "win32" else ("libvulkan.so.1", "libvulkan.1.dylib")
KINDS = {1: "integrated", 2: "discrete", 3: "virtual", 4: "cpu"}
STRUCTURE_APPLICATION, STRUCTURE_INSTANCE = 0, 1
STRUCTURE_PROPERTIES, STRUCTURE_IDS, STRUCTURE_PCI = 1000059001, 1000071004, 1000212000
PROPERTIES_BYTES = 4096  #: VkPhysicalDeviceProperties has 824
UNSAID = 0xFFFFFFFF  #: what stays where a driver does not know a structure: it leaves it alone


class _Application(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("application", ctypes.c_char_p),
        ("application_version", ctypes.c_uint32),
        ("engine", ctypes.c_char_p),
        ("engine_version", ctypes.c_uint32),
        ("api_version", ctypes.c_uint32),
    )


class _Instance(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("flags", ctypes.c_uint32),
        ("application", ctypes.POINTER(_Application)),
        ("layer_count", ctypes.c_uint32),
        ("layers", ctypes.c_void_p),
        ("extension_count", ctypes.c_uint32),
        ("extensions", ctypes.c_void_p),
    )


class _Properties(ctypes.Structure):
    _fields_ = (
        ("api_version", ctypes.c_uint32),
        ("driver_version", ctypes.c_uint32),
        ("vendor", ctypes.c_uint32),
        ("device", ctypes.c_uint32),
        ("kind", ctypes.c_uint32),
        ("name", ctypes.c_char * 256),
    )


class _Ids(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("device", ctypes.c_ubyte * 16),
        ("driver", ctypes.c_ubyte * 16),
        ("luid", ctypes.c_ubyte * 8),
        ("node_mask", ctypes.c_uint32),
        ("luid_valid", ctypes.c_uint32),
    )


class _Pci(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("domain", ctypes.c_uint32),
        ("bus", ctypes.c_uint32),
        ("device", ctypes.c_uint32),
        ("function", ctypes.c_uint32),
    )


class _Properties2(ctypes.Structure):
    _fields_ = (("type", ctypes.c_uint32), ("next", ctypes.c_void_p), ("room", ctypes.c_ubyte * PROPERTIES_BYTES))


def main() -> int:
    try:
        print(json.dumps(ask(load())))
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def load() -> Any:
    """The loader's library. OSError naming what was looked for."""
    for name in LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise OSError(f"no Vulkan loader: {' or '.join(LIBRARIES)}")


def ask(vulkan: Any) -> dict[str, Any]:
    """The loader's version and every device with its own. OSError where the loader refuses."""
    version = ctypes.c_uint32(1 << 22)
    if hasattr(vulkan, "vkEnumerateInstanceVersion"):  # a loader of Vulkan 1.0 has none
        vulkan.vkEnumerateInstanceVersion(ctypes.byref(version))
    application = _Application(type=STRUCTURE_APPLICATION, api_version=version.value)
    wanted = _Instance(type=STRUCTURE_INSTANCE, application=ctypes.pointer(application))
    instance = ctypes.c_void_p()
    said = vulkan.vkCreateInstance(ctypes.byref(wanted), None, ctypes.byref(instance))
    if said == -9:  # VK_ERROR_INCOMPATIBLE_DRIVER: the loader found no driver
        return {"loader": text_of(version.value), "devices": []}
    if said:
        raise OSError(f"the Vulkan loader makes no instance: VkResult {said}")
    try:
        devices = [_described(vulkan, device) for device in _devices(vulkan, instance)]
    finally:
        vulkan.vkDestroyInstance(instance, None)
    return {"loader": text_of(version.value), "devices": devices}


def _devices(vulkan: Any, instance: ctypes.c_void_p) -> list[ctypes.c_void_p]:
    count = ctypes.c_uint32()
    said = vulkan.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), None)
    handles = (ctypes.c_void_p * count.value)()
    said = said or vulkan.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), handles)
    if said < 0:
        raise OSError(f"the Vulkan loader lists no devices: VkResult {said}")
    return [ctypes.c_void_p(handle) for handle in handles[: count.value]]


def _described(vulkan: Any, device: ctypes.c_void_p) -> dict[str, str]:
    buffer = ctypes.create_string_buffer(PROPERTIES_BYTES)
    vulkan.vkGetPhysicalDeviceProperties(device, buffer)
    told = _Properties.from_buffer(buffer)
    return {
        "name": told.name.decode("utf-8", "replace"),
        "kind": KINDS.get(told.kind, "other"),
        "version": text_of(told.api_version),
        **_named(vulkan, device, told.api_version),
    }


def _named(vulkan: Any, device: ctypes.c_void_p, version: int) -> dict[str, str]:
    """What tells this device from another of its kind: its UUID and PCI address, where loader and driver say them."""
    if version < (1 << 22 | 1 << 12) or not hasattr(vulkan, "vkGetPhysicalDeviceProperties2"):
        return {}
    pci = _Pci(STRUCTURE_PCI, None, UNSAID, UNSAID, UNSAID, UNSAID)
    ids = _Ids(type=STRUCTURE_IDS, next=ctypes.cast(ctypes.pointer(pci), ctypes.c_void_p))
    whole = _Properties2(type=STRUCTURE_PROPERTIES, next=ctypes.cast(ctypes.pointer(ids), ctypes.c_void_p))
    vulkan.vkGetPhysicalDeviceProperties2(device, ctypes.byref(whole))
    found = {"uuid": bytes(ids.device).hex()} if any(ids.device) else {}
    if pci.bus != UNSAID:
        found["pci"] = f"{pci.domain:04x}:{pci.bus:02x}:{pci.device:02x}.{pci.function}"
    return found


def text_of(version: int) -> str:
    """A packed version as "1.4.303"."""
    return f"{(version >> 22) & 0x7F}.{(version >> 12) & 0x3FF}.{version & 0xFFF}"


if __name__ == "__main__":
    sys.exit(main())
