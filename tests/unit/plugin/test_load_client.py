"""As many client processes as a profile asks for, and no more than have a stream to follow."""

import pytest

from pytest_rawrxd.measure.load.plan import LoadPlan
from pytest_rawrxd.measure.load.schedule import ClosedLoop
from pytest_rawrxd.plugin import load
from pytest_rawrxd.rig.server.target import HttpTarget


@pytest.mark.parametrize(("asked", "streams", "used"), [(1, 12, 1), (3, 12, 3), (3, 3, 3), (3, 2, 2)])
def test_a_run_and_its_calibration_have_the_same_number_of_processes(monkeypatch, asked, streams, used):
    monkeypatch.setattr(load, "run_load", lambda plan, environ: plan.processes)
    monkeypatch.setattr(load, "calibrate", lambda *, processes, **_: processes)
    client = load.load_client(asked)
    plan = LoadPlan(HttpTarget("openai", "http://127.0.0.1:9/v1"), ClosedLoop(streams), ("x",), 24, 1)

    assert client.run(plan) == used
    assert client.calibrate(streams=streams, rate=20, seconds=1, pattern="burst") == (used,)
