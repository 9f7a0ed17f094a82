import json

import numpy as np
import pytest

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.measure.load.plan import LoadPlan, Share, plan_from_json
from pytest_rawrxd.measure.load.schedule import ClosedLoop, constant
from pytest_rawrxd.rig.server.target import HttpTarget

TARGET = HttpTarget("openai", "http://127.0.0.1:8080/v1", model="m")


def plan(**changes):
    return LoadPlan(
        **{
            "target": TARGET,
            "pace": ClosedLoop(4),
            "prompts": ("The sea is", "Tell me"),
            "requests": 10,
            "max_tokens": 32,
            "deadline_s": 60.0,
            **changes,
        }
    )


def test_a_plan_survives_its_way_to_the_client():
    whole = plan(cores=(0,), processes=2, limit_s=9.0)

    assert plan_from_json(json.loads(json.dumps(whole.to_json()))) == whole


def test_an_open_plan_survives_its_way_to_the_client():
    sent = plan(pace=constant(10, rate=5))
    back = plan_from_json(json.loads(json.dumps(sent.to_json())))

    assert np.array_equal(back.pace.offsets_ns, sent.pace.offsets_ns)
    assert (back.pace.kind, back.pace.parameters) == ("constant", {"rate": 5})


def test_prompts_come_in_turn_each_behind_a_nonce_of_its_own():
    prompts = [plan().ask(number).prompt for number in range(100)]

    assert prompts[3].endswith(" Tell me")
    assert len({prompt.split()[0] for prompt in prompts}) == 100
    assert prompts[0] == plan().ask(0).prompt != plan(seed=1).ask(0).prompt


@pytest.mark.parametrize(
    ("changes", "end_s"),
    [
        ({}, 180.0),
        ({"admit_for_s": 30.0}, 90.0),
        ({"limit_s": 5.0}, 5.0),
        ({"pace": constant(10, rate=1)}, 69.0),
    ],
)
def test_a_run_has_an_end_that_its_deadlines_add_up_to(changes, end_s):
    assert plan(**changes).end_s == end_s


def test_shares_cover_every_client_and_every_request_once():
    shares = [Share(process, 3) for process in range(3)]

    assert [share.clients(8) for share in shares] == [3, 3, 2]
    assert sorted(number for share in shares for number in share.requests(10)) == list(range(10))


@pytest.mark.parametrize(
    "changes",
    [
        {"requests": 0},
        {"max_tokens": 0},
        {"deadline_s": 0},
        {"prompts": ()},
        {"processes": 5},
        {"pace": constant(9, rate=1)},
    ],
)
def test_what_cannot_be_run_is_refused(changes):
    with pytest.raises(UsageProblem):
        plan(**changes)
