"""A lane belongs to one living worker, and an engine in it sees one GPU."""

import json
from types import SimpleNamespace

import pytest

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.plugin.lanes import WORKER_KEY, Lanes
from pytest_rawrxd.rig.gpu import Gpu
from pytest_rawrxd.rig.gpu.pin import check_pinnable, pinned

CARD = Gpu("a card", "GPU-8c1d", 80 << 30, "nvidia 1", "NVML")
OTHER = Gpu("another", "0000:03:00.0", 16 << 30, "amdgpu 1", "amdgpu sysfs")


def node(name):
    return SimpleNamespace(gateway=SimpleNamespace(id=name), workerinput={})


def test_a_worker_in_the_place_of_a_dead_one_takes_its_lane():
    lanes = Lanes(lambda worker, lane: json.dumps([worker, lane]))
    first, second, third, fourth = map(node, ("gw0", "gw1", "gw2", "gw3"))

    lanes.pytest_configure_node(first)
    lanes.pytest_configure_node(second)
    lanes.pytest_testnodedown(first)
    lanes.pytest_configure_node(third)
    lanes.pytest_testnodedown(second)
    lanes.pytest_configure_node(fourth)

    told = [json.loads(each.workerinput[WORKER_KEY]) for each in (first, second, third, fourth)]
    assert told == [["gw0", 0], ["gw1", 1], ["gw2", 0], ["gw3", 1]]


def test_an_engine_is_kept_to_a_card_by_its_uuid():
    assert pinned(CARD) == {"CUDA_VISIBLE_DEVICES": "GPU-8c1d"}
    check_pinnable("cuda", [CARD, CARD])


@pytest.mark.parametrize(("backend", "gpus"), [("vulkan", [CARD, CARD]), ("cuda", [CARD, OTHER]), ("cpu", [])])
def test_what_cannot_be_kept_to_one_card_has_one_lane(backend, gpus):
    with pytest.raises(UsageProblem, match="kept to one GPU by its UUID"):
        check_pinnable(backend, gpus)
