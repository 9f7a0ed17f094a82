"""The child process that quantises one file with llama.cpp's own quantiser, and nothing else.

    python -m pytest_rawrxd.rig.models.quantise_child SOURCE TARGET --recipe Q2_K --override 'REGEX=Q5_K' ...

The only module of this room that imports llama_cpp. Exit code 0, or the quantiser's own.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
from collections.abc import Sequence
from pathlib import Path


def main(argv: Sequence[str]) -> int:
    arguments = _parse(argv)
    import llama_cpp  # noqa: PLC0415 - after the arguments are known to be good; it loads the engine

    params = llama_cpp.llama_model_quantize_default_params()
    params.nthread = arguments.threads
    params.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{arguments.recipe}")
    params.allow_requantize = arguments.requantise
    overrides = [override.rsplit("=", 1) for override in arguments.override]
    # First match wins; a NULL pattern ends the array.
    table = (llama_cpp.llama_cpp.llama_model_tensor_override * (len(overrides) + 1))()
    for row, (pattern, kind) in zip(table, overrides, strict=False):
        row.pattern = pattern.encode()
        row.type = getattr(llama_cpp, f"GGML_TYPE_{kind}")
    if overrides:
        params.tt_overrides = ctypes.cast(table, type(params.tt_overrides))
    return int(
        llama_cpp.llama_model_quantize(
            str(arguments.source).encode(), str(arguments.target).encode(), ctypes.byref(params)
        )
    )


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="quantise_child")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--override", action="append", default=[], metavar="REGEX=TYPE")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--requantise", action="store_true", help="the source is quantised already")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
