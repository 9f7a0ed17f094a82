"""Writes a GGUF file tensor by tensor, so that only one of them is in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import gguf
import numpy as np
import numpy.typing as npt

#: name, shape (rows first, as numpy has it), element type
Row = tuple[str, tuple[int, ...], type[np.floating]]


def stream_model(writer: gguf.GGUFWriter, table: Sequence[Row], tensors: Iterable[npt.NDArray[np.floating]]) -> None:
    """Write header, metadata and the table, then each tensor in its order; close the file."""
    try:
        for name, shape, kind in table:
            writer.add_tensor_info(name, shape, np.dtype(kind), int(np.prod(shape)) * np.dtype(kind).itemsize)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for tensor in tensors:
            writer.write_tensor_data(tensor)
    finally:
        writer.close()
