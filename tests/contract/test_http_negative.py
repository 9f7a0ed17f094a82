"""llama-cpp-python's bundled server, run for real: one generation at a time, and a new request cuts the running one.

It answers 200 while it does so. The suite has to flag every cut stream; a client that counts status codes passes it.
"""

import os

import pytest
from fakes.bundled_server import MISSING, bundled_server

from pytest_rawrxd.measure.load.plan import LoadPlan
from pytest_rawrxd.measure.load.run import run_load
from pytest_rawrxd.measure.load.schedule import ClosedLoop
from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.rig.server.target import HttpTarget

if MISSING:
    pytest.skip(f"llama-cpp-python[server] is not installed: no {MISSING}", allow_module_level=True)
TOKENS = 32


@pytest.fixture(scope="module")
def target():
    with bundled_server() as url:
        yield HttpTarget("openai-chat", url)


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
