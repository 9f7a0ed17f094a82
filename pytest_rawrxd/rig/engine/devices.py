"""Devices, backends and library files of the llama.cpp that this process has loaded.

Symbols of ggml are reached through the handle that the binding holds: opening libggml-base by another path would map a
second copy with an empty device table.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

from pytest_rawrxd.rig.engine.protocol import Device

KINDS = {0: "cpu", 1: "gpu", 2: "igpu", 3: "accel"}
BACKENDS = {"mtl": "metal", "hip": "rocm"}
#: Which device says what an engine can do, most telling first.
RANK = ("gpu", "igpu", "accel", "other", "cpu")


def list_devices(library: Any) -> tuple[Device, ...]:
    """Every device of the ggml behind ``library`` with its memory now. Free equal to total is how ggml says unknown."""
    count = function(library, "ggml_backend_dev_count", ctypes.c_size_t)
    get = function(library, "ggml_backend_dev_get", ctypes.c_void_p, ctypes.c_size_t)
    return tuple(_device(library, get(index)) for index in range(count()))


def foremost(devices: Iterable[Device]) -> Device:
    """The device that names the backend: a GPU before anything else."""
    return min(devices, key=lambda device: RANK.index(device.kind))


def ggml_commit(library: Any) -> str:
    """The llama.cpp commit of this build, or "" where the build does not know it."""
    text: bytes = function(library, "ggml_commit", ctypes.c_char_p)() or b""
    return "" if text == b"unknown" else text.decode()


def library_files(folder: Path) -> tuple[Path, ...]:
    """The llama and ggml libraries mapped into this process; all of ``folder`` where the system does not tell."""
    try:
        mapped = {Path(region.path) for region in psutil.Process().memory_maps()}
    except (AttributeError, psutil.Error):
        mapped = set()
    found = {path for path in mapped if path.suffix and ("ggml" in path.name or "llama" in path.name)}
    return tuple(sorted(found or {path for path in folder.iterdir() if path.is_file()}))


def digest(files: Iterable[Path]) -> str:
    """SHA-256 over the names and contents of ``files``, in order."""
    whole = hashlib.sha256()
    for path in files:
        with path.open("rb") as stream:
            whole.update(f"{path.name} {hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()


def _device(library: Any, handle: int) -> Device:
    def text(name: str) -> str:
        value: bytes = function(library, name, ctypes.c_char_p, ctypes.c_void_p)(handle)
        return value.decode("utf-8", "replace")

    kind = KINDS.get(function(library, "ggml_backend_dev_type", ctypes.c_int, ctypes.c_void_p)(handle), "other")
    registry = function(library, "ggml_backend_dev_backend_reg", ctypes.c_void_p, ctypes.c_void_p)(handle)
    backend = function(library, "ggml_backend_reg_name", ctypes.c_char_p, ctypes.c_void_p)(registry).decode().lower()
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    size = ctypes.POINTER(ctypes.c_size_t)
    function(library, "ggml_backend_dev_memory", None, ctypes.c_void_p, size, size)(handle, free, total)
    reported = total.value > 0 and free.value != total.value
    return Device(
        name=text("ggml_backend_dev_name"),
        description=text("ggml_backend_dev_description"),
        kind=kind,
        backend=BACKENDS.get(backend, backend),
        memory_free=free.value if reported else None,
        memory_total=total.value if reported else None,
        reason="" if reported else "the backend does not report it: free equals total",
    )


def function(library: Any, name: str, result: Any, *arguments: Any) -> Any:
    """The C function ``name`` of the ggml behind ``library``, with its types. AttributeError where there is none."""
    function = _symbol(library, name)
    function.restype, function.argtypes = result, list(arguments)
    return function


def _symbol(library: Any, name: str) -> Any:
    try:
        return library[name]
    except AttributeError:
        # Windows looks into llama.dll alone; a library opened by the path it is mapped from is the same library.
        for path in library_files(Path(library._name).parent):
            try:
                return ctypes.CDLL(str(path))[name]
            except (AttributeError, OSError):
                continue
        raise
