"""Writes a GGUF file tensor by tensor, so that only one of them is in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt

from pytest_rawrxd.rig.models.gguf_header import tensor_bytes

#: name, shape in elements (rows first, as numpy has it), ggml's name of the type
Row = tuple[str, tuple[int, ...], str]


def stream_model(writer: gguf.GGUFWriter, table: Sequence[Row], tensors: Iterable[npt.NDArray[Any]]) -> None:
    """Write header, metadata and the table, then each tensor in its order; close the file."""
    try:
        for name, shape, kind in table:
            size = tensor_bytes(shape, kind)
            writer.add_tensor_info(name, shape, np.dtype(np.float32), size, gguf.GGMLQuantizationType[kind])
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for tensor in tensors:
            writer.write_tensor_data(tensor)
    finally:
        writer.close()
