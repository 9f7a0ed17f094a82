"""How a managed llama-server is told what the other engines are told."""

from __future__ import annotations

from pathlib import Path

import psutil

from pytest_rawrxd.rig.engine.protocol import LoadOptions
from pytest_rawrxd.rig.server.program import Program

QUEUE_DEPTH = 100  #: requests that may wait; each connection holds a thread of the server


def server_arguments(
    program: Program, model: Path, options: LoadOptions, *, port: int, queue_depth: int = QUEUE_DEPTH
) -> list[str]:
    """The command line after the program, for a server on ``port`` of the loopback address.

    Options that only some builds know are left out where this one does not. The context is shared by all streams, as
    in the in-process engine. Nothing is fitted, cached between requests or fetched behind the suite's back.
    """
    width = max(options.prefill_chunk, options.n_streams)
    arguments = [
        *("--model", str(model), "--host", "127.0.0.1", "--port", str(port)),
        *("--ctx-size", str(options.n_ctx), "--parallel", str(options.n_streams)),
        *("--batch-size", str(width), "--ubatch-size", str(width)),
        *("--threads", str(options.n_threads or psutil.cpu_count(logical=False) or 1)),
        *("--threads-http", str(options.n_streams + queue_depth + 4)),
        *("--n-gpu-layers", str(options.n_gpu_layers)),
    ]
    if options.n_gpu_layers == 0:
        arguments += ["--device", "none"]
    if options.check_tensors:
        arguments.append("--check-tensors")
    if not options.warm_up:
        arguments.append("--no-warmup")
    optional = {
        "--kv-unified": (),
        "--fit": ("off",),
        "--cache-ram": ("0",),
        "--offline": (),
        "--no-webui": (),
        "--log-prefix": (),
    }
    for name, values in optional.items():
        if name in program.options:
            arguments += [name, *values]
    if "--fit" in program.options:  # builds that fit also have the level that tells buffers and offloaded layers
        arguments += ["--verbosity", "4"]
    return arguments
