"""The child process that copies memory of a device and times it: ``... --bytes N --copies K --rounds R``.

Writes one line of JSON: device, backend, bytes, copies, seconds of each round. The device is the engine's first GPU.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from pytest_rawrxd.rig.engine.devices import foremost, function, list_devices

F32 = 0  #: GGML_TYPE_F32
SUCCESS = 0  #: GGML_STATUS_SUCCESS


class InitParams(ctypes.Structure):
    """ggml_init_params."""

    _fields_ = (("mem_size", ctypes.c_size_t), ("mem_buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool))


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="device_copy_child")
    parser.add_argument("--bytes", type=int, required=True)
    parser.add_argument("--copies", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    arguments = parser.parse_args(argv)
    import llama_cpp.llama_cpp as api  # noqa: PLC0415  # loads the engine's libraries: in this process only

    api.llama_backend_init()
    library = api._lib
    found = list_devices(library)
    device = foremost(found)
    if device.kind not in {"gpu", "igpu"}:
        print(f"no GPU among {', '.join(each.name for each in found)}", file=sys.stderr)
        return 1
    handle = function(library, "ggml_backend_dev_get", ctypes.c_void_p, ctypes.c_size_t)(found.index(device))
    seconds = time_copies(
        library, handle, arguments.bytes, arguments.copies, arguments.rounds, clock=time.perf_counter_ns
    )
    told = {"device": device.description, "backend": device.backend, "bytes": arguments.bytes}
    print(json.dumps({**told, "copies": arguments.copies, "seconds": seconds}))
    return 0


def time_copies(
    library: Any, device: int, size: int, copies: int, rounds: int, *, clock: Callable[[], int]
) -> list[float]:
    """Seconds of each of ``rounds`` graphs of ``copies`` copies of ``size`` bytes within the device.

    A round before them is not counted: a backend compiles at first use. Raises RuntimeError with the step that failed.
    """
    pointer = ctypes.c_void_p
    init = function(library, "ggml_init", pointer, InitParams)
    context = init(InitParams(1 << 20, None, True))
    tensor = function(library, "ggml_new_tensor_1d", pointer, pointer, ctypes.c_int, ctypes.c_int64)
    source, target = (tensor(context, F32, size // 4) for _ in range(2))
    graph = function(library, "ggml_new_graph", pointer, pointer)(context)
    copy = function(library, "ggml_cpy", pointer, pointer, pointer, pointer)
    expand = function(library, "ggml_build_forward_expand", None, pointer, pointer)
    for _ in range(copies):
        expand(graph, copy(context, source, target))
    backend = function(library, "ggml_backend_dev_init", pointer, pointer, ctypes.c_char_p)(device, None)
    if not backend:
        raise RuntimeError("the device could not be opened")
    buffer = function(library, "ggml_backend_alloc_ctx_tensors", pointer, pointer, pointer)(context, backend)
    if not buffer:
        raise RuntimeError(f"no room for two tensors of {size} bytes")
    function(library, "ggml_backend_buffer_clear", None, pointer, ctypes.c_uint8)(buffer, 0x5A)
    compute = function(library, "ggml_backend_graph_compute", ctypes.c_int, pointer, pointer)
    seconds = []
    for _ in range(rounds + 1):
        began = clock()
        if (status := compute(backend, graph)) != SUCCESS:
            raise RuntimeError(f"the copy failed with status {status}")
        seconds.append((clock() - began) / 1e9)
    function(library, "ggml_backend_buffer_free", None, pointer)(buffer)
    function(library, "ggml_backend_free", None, pointer)(backend)
    function(library, "ggml_free", None, pointer)(context)
    return seconds[1:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
