"""The doctor looks at everything once; what it does not find is a reason and never an exception."""

import pytest

from pytest_rawrxd.errors import RigTrouble, UsageProblem
from pytest_rawrxd.measure.checkup import check_up
from pytest_rawrxd.measure.clock import SYSTEM, Clock
from pytest_rawrxd.rig.host import Host
from pytest_rawrxd.rig.telemetry import open_probes
from pytest_rawrxd.rig.vulkan import Vulkan

SLEPT = []


def looked_at(tmp_path, spec="scripted:steady", folder=None, vulkan=lambda _: Vulkan("1.4.1", ())):
    clock = Clock(monotonic_ns=SYSTEM.monotonic_ns, wall=SYSTEM.wall, sleep=SLEPT.append)
    with open_probes((), gpu=None) as telemetry:
        return check_up(
            spec,
            folder=folder,
            run_dir=tmp_path / "reports" / "a-run",
            gpus=(),
            telemetry=[telemetry],
            clock=clock,
            environ={},
            host=lambda: Host("Linux", "a processor", 2, 1 << 30, None, "3.11"),
            vulkan=vulkan,
        )


def test_a_scripted_engine_on_a_machine_without_a_gpu(tmp_path):
    found = looked_at(tmp_path)

    assert found.engine is not None
    assert found.engine.backend == "scripted"
    assert found.vulkan == Vulkan("1.4.1", ())
    assert found.reasons == {"models": "no folder is named: --sla-models DIR"}
    assert found.disk_free > 0
    assert SLEPT[-1] == 1
    assert not (tmp_path / "reports").exists()
    assert found.to_dict()["engine"]["backend"] == "scripted"


def test_what_cannot_be_had_is_a_reason(tmp_path):
    def broken(_):
        raise RigTrouble("Vulkan cannot be asked", found="exit status -11")

    found = looked_at(tmp_path, folder=tmp_path, vulkan=broken)

    assert (found.vulkan, found.models) == (None, None)
    assert found.reasons["vulkan"] == "Vulkan cannot be asked: exit status -11"
    assert found.reasons["models"] == "models folder has no GGUF files: no files"


def test_an_engine_that_does_not_exist_is_a_usage_problem(tmp_path):
    with pytest.raises(UsageProblem, match="did you mean"):
        looked_at(tmp_path, spec="lama-cpp-python")


def test_a_server_that_does_not_answer_is_a_reason(tmp_path):
    found = looked_at(tmp_path, spec="llama-server:/no/such/program")

    assert (found.engine, found.devices) == (None, ())
    assert found.reasons["engine"] == "there is no llama-server here"
