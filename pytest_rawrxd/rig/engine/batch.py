"""One llama context and the arrays of its batch: every ctypes call of a decode step stands here.

The arrays belong to numpy and llama_batch points into them, so that filling a row is an array assignment and no
ctypes write per token.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

#: The Vulkan backend aborts the process (get_misalign_bytes) when a sampler's row of logits does not begin on a
#: storage buffer boundary: 256 bytes at most, which is 64 logits.
ALIGNED_VOCABULARY = 64


def quicker_sampling(n_streams: int, n_vocab: int, *, on_gpu: bool) -> Literal["argmax", "in-graph"]:
    """Where the tokens of a step are picked with least intrusion: docs/decisions/0024 has the figures."""
    return "in-graph" if on_gpu and n_streams > 1 and n_vocab % ALIGNED_VOCABULARY == 0 else "argmax"


class TokenBatch:
    """Rows of the next decode call of ``context``; at most ``outputs`` of them ask for an output, one a stream here.

    ``token``, ``position`` and ``wanted`` (rows,) are written by the caller, ``stream_of_row`` takes values of
    ``stream_at`` (n_streams,).
    """

    def __init__(
        self,
        api: Any,
        context: Any,
        *,
        n_streams: int,
        rows: int,
        n_vocab: int,
        n_ctx: int,
        in_graph: bool,
        outputs: int | None = None,
    ) -> None:
        self.n_streams, self.rows, self.n_vocab, self.n_ctx = n_streams, rows, n_vocab, n_ctx
        self.token, self.position = np.zeros(rows, np.int32), np.zeros(rows, np.int32)
        self.wanted = np.zeros(rows, np.int8)
        self.stream_of_row = np.zeros(rows, np.uintp)
        self._streams = np.arange(n_streams, dtype=np.int32)
        self.stream_at = (self._streams.ctypes.data + 4 * np.arange(n_streams)).astype(np.uintp)
        self._ones = np.ones(rows, np.int32)

        self._context = context
        self._decode = api.llama_decode
        self._memory = api.llama_get_memory(context)
        self._remove, self._clear = api.llama_memory_seq_rm, api.llama_memory_clear
        self._synchronize = api.llama_synchronize
        self._sampled = api.llama_get_sampled_token_ith
        # A function object of its own: an address compares in 30 ns, a ctypes pointer object costs 1 us.
        self._logits = api._lib["llama_get_logits"]
        self._logits.argtypes, self._logits.restype = [api.llama_context_p_ctypes], ctypes.c_void_p
        self._logits_at = 0
        self._table = np.zeros((outputs or n_streams, n_vocab), np.float32)
        self.forward: Callable[[int], int] = self._forward_in_graph if in_graph else self._forward_logits
        self.pick: Callable[[Sequence[int], npt.NDArray[np.intp]], None] = (
            self._pick_sampled if in_graph else self._pick_argmax
        )
        self._struct = api.llama_batch(
            0,
            _pointer(self.token, ctypes.c_int32),
            None,
            _pointer(self.position, ctypes.c_int32),
            _pointer(self._ones, ctypes.c_int32),
            _pointer(self.stream_of_row, ctypes.POINTER(ctypes.c_int32)),
            _pointer(self.wanted, ctypes.c_int8),
        )
        # llama.cpp asks the abort callback after every graph node, hundreds of times a step. A Python function would
        # take the GIL each time; strlen over this buffer is the same question in C: empty goes on, a letter stops.
        self._stop = ctypes.create_string_buffer(2)
        self._ask = ctypes.cast(_c_library().strlen, api.ggml_abort_callback)
        api.llama_set_abort_callback(context, self._ask, ctypes.cast(self._stop, ctypes.c_void_p))

    def _forward_logits(self, rows: int) -> int:
        """Decode the first ``rows`` rows and wait for the result. Returns llama_decode's code."""
        self._struct.n_tokens = rows
        code: int = self._decode(self._context, self._struct)
        if code == 0:
            address = self._logits(self._context)  # waits for the device
            if address and address != self._logits_at:
                self._logits_at = address
                floats = (ctypes.c_float * self._table.size).from_address(address)
                self._table = np.ctypeslib.as_array(floats).reshape(self._table.shape)
        return code

    def _forward_in_graph(self, rows: int) -> int:
        self._struct.n_tokens = rows
        code: int = self._decode(self._context, self._struct)
        if code == 0:
            self._synchronize(self._context)
        return code

    def logits(self, rows: int) -> npt.NDArray[np.float32]:
        """Logits (rows, n_vocab) of the last call's outputs, in their order; the next call overwrites them."""
        return self._table[:rows]

    def _pick_argmax(self, rows: Sequence[int], into: npt.NDArray[np.intp]) -> None:
        """Put the most likely token of each row with an output into ``into``: ``rows`` are all of them, in order."""
        self._table[: len(rows)].argmax(1, into)

    def _pick_sampled(self, rows: Sequence[int], into: npt.NDArray[np.intp]) -> None:
        sampled, context = self._sampled, self._context
        for place, row in enumerate(rows):
            into[place] = sampled(context, row)

    def release(self, stream: int) -> None:
        """Give the KV cells of ``stream`` back."""
        self._remove(self._memory, stream, -1, -1)

    def clear(self) -> None:
        """Give every KV cell back."""
        self._clear(self._memory, True)

    def abort(self) -> None:
        """Stop at the next graph node (CPU) or step (GPU); safe from another thread."""
        self._stop.value = b"x"

    def rearm(self) -> None:
        """Forget an earlier ``abort``."""
        self._stop.value = b""

    def stopped(self) -> bool:
        return self._stop.value != b""


def _pointer(array: np.ndarray[Any, Any], kind: Any) -> Any:
    return ctypes.cast(array.ctypes.data, ctypes.POINTER(kind))


def _c_library() -> ctypes.CDLL:
    """The C library that this process already has."""
    return ctypes.CDLL("msvcrt") if sys.platform == "win32" else ctypes.CDLL(None)
