"""A real llama-server that asks for a key, of which the session is told in three ways where to find it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leaks import planted
from pytest_rawrxd.rig.engine.protocol import LoadOptions
from pytest_rawrxd.rig.server.found import FoundProgram, find_server
from pytest_rawrxd.rig.server.managed import ManagedServer


@contextmanager
def with_keys(model: Path, folder: Path, *, streams: int, cells: int) -> Iterator[tuple[str, ...]]:
    """The engines, as ``protocol.phase2.beside`` names them, of one server that refuses requests without a key."""
    keys = folder / "keys"
    keys.write_text("".join(f"{planted.environment()[name]}\n" for name in (planted.KEY, planted.KEYRING)))
    found = find_server("llama-server", environ=os.environ, on_cpu=True)
    assert isinstance(found, FoundProgram)
    options = LoadOptions(n_ctx=streams * cells, n_streams=streams, n_threads=1, prefill_chunk=64)
    asks = ("--api-key-file", str(keys))
    with ManagedServer(found.program, model, options, environ=os.environ, arguments=asks) as server:
        server.wait_ready(deadline_s=60)
        url = f"{server.base_url}/v1"
        yield f"openai:{url}#key_env={planted.KEY}", f"openai-chat:{url}#keyring=a service/me"
