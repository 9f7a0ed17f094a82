"""Devices as ggml reports them, and the digest of an engine's libraries."""

import ctypes
from types import SimpleNamespace

import pytest

from pytest_rawrxd.rig.engine import devices
from pytest_rawrxd.rig.engine.protocol import Device

GIB = 2**30
CPU = SimpleNamespace(name=b"CPU", text=b"AMD EPYC", kind=0, backend=b"CPU", free=8 * GIB, total=8 * GIB)
GPU = SimpleNamespace(name=b"Vulkan0", text=b"AMD RX 7800 XT", kind=1, backend=b"Vulkan", free=15 * GIB, total=16 * GIB)
METAL = SimpleNamespace(name=b"MTL0", text=b"Apple M9", kind=7, backend=b"MTL", free=0, total=0)


class Library(dict):
    """The ggml functions this suite calls, over a list of devices."""

    def __init__(self, *present: SimpleNamespace, commit: bytes = b"0c1e570") -> None:
        def memory(handle: int, free: ctypes.c_size_t, total: ctypes.c_size_t) -> None:
            free.value, total.value = present[handle].free, present[handle].total

        super().__init__(
            ggml_commit=lambda: commit,
            ggml_backend_dev_count=lambda: len(present),
            ggml_backend_dev_get=lambda index: index,
            ggml_backend_dev_name=lambda handle: present[handle].name,
            ggml_backend_dev_description=lambda handle: present[handle].text,
            ggml_backend_dev_type=lambda handle: present[handle].kind,
            ggml_backend_dev_backend_reg=lambda handle: handle,
            ggml_backend_reg_name=lambda handle: present[handle].backend,
            ggml_backend_dev_memory=memory,
        )


def test_a_gpu_reports_its_memory_and_a_cpu_does_not() -> None:
    gpu, cpu = devices.list_devices(Library(GPU, CPU))

    assert gpu == Device("Vulkan0", "AMD RX 7800 XT", "gpu", "vulkan", 15 * GIB, 16 * GIB)
    assert (cpu.memory_free, cpu.memory_total) == (None, None)
    assert "free equals total" in cpu.reason


def test_an_unknown_kind_is_other_and_metal_goes_by_its_name() -> None:
    (metal,) = devices.list_devices(Library(METAL))

    assert (metal.kind, metal.backend, metal.memory_total) == ("other", "metal", None)


def test_the_foremost_device_is_a_gpu_wherever_it_stands_in_the_list() -> None:
    assert devices.foremost(devices.list_devices(Library(CPU, METAL, GPU))).name == "Vulkan0"
    assert devices.foremost(devices.list_devices(Library(CPU))).name == "CPU"


@pytest.mark.parametrize(("commit", "known"), [(b"0c1e570", "0c1e570"), (b"unknown", ""), (None, "")])
def test_a_commit_that_the_build_does_not_know_is_empty(commit, known) -> None:
    assert devices.ggml_commit(Library(commit=commit)) == known


def test_a_digest_changes_with_a_byte_and_with_a_name(tmp_path) -> None:
    one, other = tmp_path / "libggml.so", tmp_path / "libllama.so"
    one.write_bytes(b"a")
    other.write_bytes(b"a")
    before = devices.digest([one])

    assert before == devices.digest([one])
    assert before != devices.digest([other])
    one.write_bytes(b"b")
    assert before != devices.digest([one])
