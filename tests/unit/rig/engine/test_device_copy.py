"""Device bandwidth: arithmetic and refusals around the child; the child itself with ggml as a fake."""

import json
import subprocess

import pytest

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.engine.device_copy import device_bandwidth
from pytest_rawrxd.rig.engine.device_copy_child import time_copies


def answering(stdout: str = "", stderr: str = "", status: int = 0):
    return lambda command, **_: subprocess.CompletedProcess(command, status, stdout, stderr)


def measured(seconds: list[float]) -> str:
    return json.dumps({"device": "H100", "backend": "vulkan", "bytes": 0, "copies": 0, "seconds": seconds})


def test_the_best_round_counts_and_every_byte_twice() -> None:
    found = device_bandwidth({}, size=10**9, copies=3, rounds=2, run=answering(measured([0.004, 0.002])))

    assert found.bytes_per_s == pytest.approx(3e12)
    assert (found.device, found.backend, found.working_set, found.rounds) == ("H100", "vulkan", 2 * 10**9, 2)


def test_a_child_that_fails_is_trouble_with_its_last_words() -> None:
    with pytest.raises(RigTrouble, match="was not measured") as trouble:
        device_bandwidth({}, run=answering(stderr="loading\nno GPU among CPU\n", status=1))

    assert trouble.value.found == "exit status 1: no GPU among CPU"
    assert trouble.value.log_tail == ("loading", "no GPU among CPU")


def test_a_child_that_does_not_answer_is_trouble() -> None:
    def late(command, **_):
        raise subprocess.TimeoutExpired(command, 120)

    with pytest.raises(RigTrouble) as trouble:
        device_bandwidth({}, run=late)

    assert trouble.value.found == "no answer in 120 s"


class Ggml(dict):
    """The calls of a copy, in order."""

    def __init__(self, *, room: bool = True, status: int = 0) -> None:
        self.called: list[str] = []
        results = {"ggml_backend_alloc_ctx_tensors": int(room), "ggml_backend_graph_compute": status}
        for name in (
            *("ggml_init", "ggml_new_tensor_1d", "ggml_new_graph", "ggml_cpy", "ggml_build_forward_expand"),
            *("ggml_backend_dev_init", "ggml_backend_alloc_ctx_tensors", "ggml_backend_buffer_clear"),
            *("ggml_backend_graph_compute", "ggml_backend_buffer_free", "ggml_backend_free", "ggml_free"),
        ):
            self[name] = self._call(name, results.get(name, 1))

    def _call(self, name: str, result: int):
        def call(*_arguments: object) -> int:
            self.called.append(name)
            return result

        return call


def ticking():
    return iter(range(0, 10**12, 2_000_000)).__next__


def test_the_first_round_is_not_counted_and_everything_is_given_back() -> None:
    library = Ggml()

    seconds = time_copies(library, 7, 1 << 20, copies=3, rounds=2, clock=ticking())

    assert seconds == [0.002, 0.002]
    assert library.called.count("ggml_cpy") == 3
    assert library.called.count("ggml_backend_graph_compute") == 3
    assert library.called[-3:] == ["ggml_backend_buffer_free", "ggml_backend_free", "ggml_free"]


@pytest.mark.parametrize(
    ("library", "said"), [(Ggml(room=False), "no room for two tensors"), (Ggml(status=-1), "failed with status -1")]
)
def test_a_step_that_fails_is_named(library, said) -> None:
    with pytest.raises(RuntimeError, match=said):
        time_copies(library, 7, 1 << 20, copies=1, rounds=1, clock=ticking())
