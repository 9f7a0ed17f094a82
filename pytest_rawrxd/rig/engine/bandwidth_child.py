"""The child process that measures how fast a device reads its own memory.

    python -m pytest_rawrxd.rig.engine.bandwidth_child [DEVICE [BYTES]]

It multiplies a matrix of half-precision zeros with a vector, which is what decoding does: every weight is read once,
and nothing else of any size moves. Prints one JSON object. DEVICE is ggml's name of it, else the foremost; BYTES is the
size of the matrix at most.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from pytest_rawrxd.rig.engine.devices import foremost, function, list_devices

F32, F16 = 0, 1  #: of ggml_type
COLUMNS = 8192
MOST_BYTES = 1 << 30  #: a thousand times a last-level cache, and below every backend's limit for one buffer
FREE_SHARE = 4  #: of the free memory, one part in so many is used
PRODUCTS = 8  #: in one graph, so that starting it costs a small share
REPEATS = 10
NO_MEMORY = 3  #: exit status


class _InitParams(ctypes.Structure):
    _fields_ = (("mem_size", ctypes.c_size_t), ("mem_buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool))


def measure(library: Any, name: str | None, most_bytes: int, clock: Callable[[], int]) -> dict[str, Any] | None:
    """Read bandwidth of the device ``name``: the best of ``REPEATS`` passes. None when it has no memory for it."""
    devices = list_devices(library)
    device = foremost(devices) if name is None else next(each for each in devices if each.name == name)
    matrix_bytes = min(most_bytes, (device.memory_free or FREE_SHARE * most_bytes) // FREE_SHARE)
    rows = matrix_bytes // (2 * COLUMNS)
    pointer, size, whole = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64
    handle = function(library, "ggml_backend_dev_get", pointer, size)(devices.index(device))
    backend = function(library, "ggml_backend_dev_init", pointer, pointer, ctypes.c_char_p)(handle, None)
    overhead = function(library, "ggml_tensor_overhead", size)() * (PRODUCTS + 8)
    graph_size = function(library, "ggml_graph_overhead", size)()
    parameters = _InitParams(overhead + graph_size, None, True)
    context = function(library, "ggml_init", pointer, _InitParams)(parameters)
    tensor = function(library, "ggml_new_tensor_2d", pointer, pointer, ctypes.c_int, whole, whole)
    multiply = function(library, "ggml_mul_mat", pointer, pointer, pointer, pointer)
    expand = function(library, "ggml_build_forward_expand", None, pointer, pointer)
    weights, vector = tensor(context, F16, COLUMNS, rows), tensor(context, F32, COLUMNS, 1)
    graph = function(library, "ggml_new_graph", pointer, pointer)(context)
    for _ in range(PRODUCTS):
        expand(graph, multiply(context, weights, vector))
    buffer = function(library, "ggml_backend_alloc_ctx_tensors", pointer, pointer, pointer)(context, backend)
    if not buffer:
        return None
    function(library, "ggml_backend_buffer_clear", None, pointer, ctypes.c_uint8)(buffer, 0)
    compute = function(library, "ggml_backend_graph_compute", ctypes.c_int, pointer, pointer)
    compute(backend, graph)  # compiles the kernel
    elapsed = []
    for _ in range(REPEATS):
        began = clock()
        compute(backend, graph)
        elapsed.append(clock() - began)
    for free, what in (("buffer_free", buffer), ("free", backend)):
        function(library, f"ggml_backend_{free}", None, pointer)(what)
    function(library, "ggml_free", None, pointer)(context)
    read = PRODUCTS * rows * 2 * COLUMNS
    return {
        "bytes_per_s": read / (min(elapsed) / 1e9),
        "working_set": rows * 2 * COLUMNS,
        "repeats": REPEATS,
        "device": device.name,
        "method": "matrix times vector in half precision",
    }


def main(arguments: Sequence[str]) -> int:
    import llama_cpp.llama_cpp as api  # noqa: PLC0415  # loads the engine's libraries: in this process only

    quiet = api.llama_log_callback(lambda *_: None)
    api.llama_log_set(quiet, None)
    api.llama_backend_init()
    name, most_bytes = [*arguments, None, None][:2]
    found = measure(api._lib, name, int(most_bytes or MOST_BYTES), time.perf_counter_ns)
    print(json.dumps(found))
    return 0 if found else NO_MEMORY


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
