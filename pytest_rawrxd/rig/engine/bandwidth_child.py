"""The child process that measures how fast a device reads its own memory.

    python -m pytest_rawrxd.rig.engine.bandwidth_child [DEVICE [BYTES]]

Two ways, of which the faster is what the device can do: a matrix of half-precision zeros times a vector, which is what
decoding does (every weight is read once, and nothing else of any size moves), and a copy of that matrix, of which each
byte is read and written. A backend may be slow at either. Prints one JSON object. DEVICE is ggml's name of it, else the
foremost; BYTES is the size of the matrix at most.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from pytest_rawrxd.rig.engine.devices import foremost, function, list_devices

F32, F16 = 0, 1  #: of ggml_type
COLUMNS = 8192
MOST_BYTES = 1 << 30  #: a thousand times a last-level cache, and below every backend's limit for one buffer
FREE_SHARE = 4  #: of the free memory, one part in so many is used
REPEATED = 8  #: operations in one graph, so that starting it costs a small share
REPEATS = 10
NO_MEMORY = 3  #: exit status


class _InitParams(ctypes.Structure):
    _fields_ = (("mem_size", ctypes.c_size_t), ("mem_buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool))


def measure(library: Any, name: str | None, most_bytes: int, clock: Callable[[], int]) -> dict[str, Any] | None:
    """Bandwidth of the device ``name``, the best of ``REPEATS`` passes each way. None when it has no memory for it."""
    devices = list_devices(library)
    device = foremost(devices) if name is None else next(each for each in devices if each.name == name)
    matrix_bytes = min(most_bytes, (device.memory_free or FREE_SHARE * most_bytes) // FREE_SHARE)
    rows = matrix_bytes // (2 * COLUMNS)
    pointer, size, whole = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64
    handle = function(library, "ggml_backend_dev_get", pointer, size)(devices.index(device))
    backend = function(library, "ggml_backend_dev_init", pointer, pointer, ctypes.c_char_p)(handle, None)
    overhead = function(library, "ggml_tensor_overhead", size)() * (2 * REPEATED + 8)
    graph_size = function(library, "ggml_graph_overhead", size)()
    parameters = _InitParams(overhead + 2 * graph_size, None, True)
    context = function(library, "ggml_init", pointer, _InitParams)(parameters)
    tensor = function(library, "ggml_new_tensor_2d", pointer, pointer, ctypes.c_int, whole, whole)
    weights, target, vector = (
        tensor(context, kind, COLUMNS, count) for kind, count in ((F16, rows), (F16, rows), (F32, 1))
    )
    expand = function(library, "ggml_build_forward_expand", None, pointer, pointer)
    graphs = []
    for operation, other in (("ggml_mul_mat", vector), ("ggml_cpy", target)):
        apply = function(library, operation, pointer, pointer, pointer, pointer)
        graphs.append(function(library, "ggml_new_graph", pointer, pointer)(context))
        for _ in range(REPEATED):
            expand(graphs[-1], apply(context, weights, other))
    buffer = function(library, "ggml_backend_alloc_ctx_tensors", pointer, pointer, pointer)(context, backend)
    if not buffer:
        return None
    function(library, "ggml_backend_buffer_clear", None, pointer, ctypes.c_uint8)(buffer, 0)
    compute = function(library, "ggml_backend_graph_compute", ctypes.c_int, pointer, pointer)
    product_s, copy_s = (_best_s(partial(compute, backend, graph), clock) for graph in graphs)
    for free, what in (("buffer_free", buffer), ("free", backend)):
        function(library, f"ggml_backend_{free}", None, pointer)(what)
    function(library, "ggml_free", None, pointer)(context)
    matrix = REPEATED * rows * 2 * COLUMNS
    methods = {
        "matrix times vector in half precision": matrix / product_s,
        "copy, read and written": 2 * matrix / copy_s,
    }
    best = max(methods, key=lambda method: methods[method])
    return {
        "bytes_per_s": methods[best],
        "working_set": rows * 2 * COLUMNS,
        "repeats": REPEATS,
        "device": device.name,
        "method": best,
        "methods": methods,
    }


def _best_s(compute: Callable[[], object], clock: Callable[[], int]) -> float:
    """Seconds of the fastest of ``REPEATS`` calls; one before them compiles the kernel."""
    compute()
    elapsed = []
    for _ in range(REPEATS):
        began = clock()
        compute()
        elapsed.append(clock() - began)
    return min(elapsed) / 1e9


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
