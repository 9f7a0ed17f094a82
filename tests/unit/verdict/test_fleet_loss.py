"""What a fleet loses while one of its servers is hurt; a server that stands alone says nothing of it."""

import pytest

from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.report.checklists import READINESS
from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.rulebook import RULES

from .test_fault_answers import request, window

KINDS = ("process_crash", "out_of_memory", "timeout", "freeze") * 3
CRITERION = load_profile("embedded-fleet").criteria["P2-FLEET-LOSS"]


def injection(kind, lost, servers):
    """30 requests, four of them open at the fault: their retry, at another server, fails for ``lost`` of them."""
    retried = [request(n, 0.6, 0.5, Failure.UNREACHABLE if n < lost else Failure.NONE) for n in range(4)]
    first = [request(n, -0.1, 0.2, Failure.DISCONNECTED) for n in range(4)]
    told = {} if servers is None else {"servers": servers}
    return window([*first, *retried, *(request(4 + n, 0.8 + n / 3) for n in range(26))], kind=kind, **told)


@pytest.fixture
def judged(opened):
    def judge(*lost, servers=3):
        book = opened("embedded-fleet", "cpu")
        for kind, each in zip(KINDS, (*lost, *[0] * (len(KINDS) - len(lost))), strict=True):
            data, arrays = injection(kind, each, servers)
            book._recorder.record("fault.window", data, arrays)
        return RULES["fleet_loss"](book.evidence(), CRITERION)[0]

    return judge


@pytest.mark.parametrize(
    ("lost", "verdict"),
    [
        ((), Verdict.PASS),
        ((2, 0, 0, 1), Verdict.PASS),
        ((4, 4, 4), Verdict.INCONCLUSIVE),  # 3.3 %, and no proof that it is below 5 %
        ([4] * 12, Verdict.FAIL),  # every request that the hurt server held
    ],
)
def test_the_loss_after_a_retry_decides_over_all_injections(judged, lost, verdict):
    found = judged(*lost)

    assert found.verdict is verdict, found.reason
    assert found.reason.endswith("without retry 13.33 %; 3 servers, one of them hurt")


@pytest.mark.parametrize("servers", [1, None])
def test_a_server_that_stands_alone_loses_nothing_with_a_retry_and_is_no_fleet(judged, servers):
    found = judged(servers=servers)

    assert found.verdict is Verdict.NOT_MEASURED
    assert "hurt a server that stands alone, no fleet" in found.reason
    assert "llama-server#servers=N" in found.next


def test_without_a_campaign_nothing_is_measured(opened):
    assert RULES["fleet_loss"](opened("embedded-fleet", "cpu").evidence(), CRITERION)[0].verdict is Verdict.NOT_MEASURED


def test_the_readiness_checklist_asks_whether_load_balancing_is_configured():
    [item] = [item for item in READINESS.items if item.words == "Load balancing is configured"]

    asked = {metric for pick in item.picks for metric in pick.metrics}
    promised = {each.metric for each in load_profile("embedded-fleet").criteria.values() if "FLEET" in each.id}
    assert asked == promised == {"server_spread", "server_latency", "fleet_loss"}
