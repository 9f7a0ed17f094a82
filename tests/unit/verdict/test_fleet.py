"""A fleet keeps a promise where each of its servers does, and spreads its requests where no share is far from equal."""

import numpy as np
import pytest

from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.rulebook import RULES

FLEET = """
title = "three servers"
kind = "rehearsal"
extends = "rx7800xt"

[criteria.P2-FLEET-P95]
title = "Every server keeps the P95"
source = "a test of the instrument"
kind = "quantile"
metric = "server_latency"
where = { streams = 12 }
quantile = 0.95
at_most = "50 ms"

[criteria.P2-FLEET-SPREAD]
title = "Requests are spread"
source = "a test of the instrument"
kind = "share"
metric = "server_spread"
where = { streams = 12 }
at_most = "20 %"
"""
NAMES = {"11": "http://a", "22": "http://b", "33": "http://c"}
STREAMS, TOKENS, ROUNDS = 12, 256, 100


@pytest.fixture(scope="module")
def profile(tmp_path_factory):
    path = tmp_path_factory.mktemp("profiles") / "fleet.toml"
    path.write_text(FLEET)
    return load_profile(str(path))


@pytest.fixture
def measure(book, profile):
    """``measure(codes, slow=code)``: three main runs; request n is answered by ``codes[n % len(codes)]``."""

    def run(codes, identifier, *, slow=None, servers=3, names=NAMES, finish=None):
        for number in (1, 2, 3):
            code = np.resize(np.array(codes), ROUNDS * STREAMS)
            steps = np.full((ROUNDS * STREAMS, TOKENS), 10.0)
            if slow is not None:
                steps[code == slow, 5::10] = 60.0
                steps[code != slow, 5::10] = 15.0
            begins = np.repeat(np.arange(ROUNDS) * 4000.0, STREAMS)
            stamps = ((begins[:, None] + np.cumsum(steps, axis=1)) * 1e6).astype(np.int64) + number
            arrays = {
                "server": code,
                "stamps_ns": stamps.ravel(),
                "submitted_ns": (begins * 1e6).astype(np.int64),
                "ended_ns": np.full(begins.size, 0) + ((begins + 4000.0) * 1e6).astype(np.int64),
            }
            book.load(
                run=number,
                gaps_ms=np.full(ROUNDS * TOKENS, 10.0),
                target="http",
                http={
                    "calibration": [{"p99_us": 100.0}],
                    "send_lag_p99_ms": 1.0,
                    "loop_lag_p99_ms": 2.0,
                    "fleet": {"servers": servers, "names": names},
                },
                arrays=arrays,
                **(finish or {}),
            )
        criterion = profile.criteria[identifier]
        return RULES[criterion.metric](book.evidence(), criterion)[0]

    return run


def test_a_fleet_keeps_what_each_of_its_servers_keeps(measure):
    found = measure([11, 22, 33], "P2-FLEET-P95")

    assert found.verdict is Verdict.PASS
    assert found.reason.endswith("each server: http://a PASS, http://b PASS, http://c PASS")


def test_one_slow_server_does_not_hide_among_fast_ones(measure):
    found = measure([11, 22, 33], "P2-FLEET-P95", slow=22)

    assert found.verdict is Verdict.FAIL
    assert found.reason.startswith("http://b: ")
    assert "http://a PASS, http://b FAIL, http://c PASS" in found.reason


def test_a_listed_server_that_answered_nothing_is_not_passed_over(measure):
    found = measure([11, 22], "P2-FLEET-P95")

    assert found.verdict is Verdict.INVALID
    assert "http://c: empty sample" in found.reason


@pytest.mark.parametrize(
    ("codes", "verdict"),
    [
        ([11, 22, 33], Verdict.PASS),
        ([11] * 11 + [22] * 10 + [33] * 9, Verdict.PASS),  # 10 % off
        ([11] * 12 + [22] * 10 + [33] * 8, Verdict.INCONCLUSIVE),  # 20 % off, the bound
        ([11] * 14 + [22] * 8 + [33] * 8, Verdict.FAIL),  # 40 % off
        ([11, 22], Verdict.FAIL),  # one of three gets nothing
    ],
)
def test_the_farthest_share_decides_with_its_interval(measure, codes, verdict):
    found = measure(codes, "P2-FLEET-SPREAD")

    assert found.verdict is verdict
    assert found.n == 3 * ROUNDS * STREAMS
    assert found.lower <= found.estimate <= found.upper
    assert "http://a" in found.reason


def test_requests_of_which_nobody_says_who_answered_are_invalid(measure):
    found = measure([11, 22, -1], "P2-FLEET-SPREAD", servers=2, names={"11": "http://a", "22": "http://b"})

    assert found.verdict is Verdict.INVALID
    assert "do not say which server answered" in found.reason


@pytest.mark.parametrize("servers", [2, 4])
def test_as_many_servers_as_declared_have_to_be_known(measure, servers):
    found = measure([11, 22, 33], "P2-FLEET-SPREAD", servers=servers)

    assert found.verdict is Verdict.INVALID
    assert f"3 servers answered, the fleet has {servers}" in found.reason


@pytest.mark.parametrize("identifier", ["P2-FLEET-P95", "P2-FLEET-SPREAD"])
def test_one_engine_is_no_fleet(book, profile, identifier):
    for run in (1, 2, 3):
        book.load(run=run, gaps_ms=np.full(ROUNDS * TOKENS, 10.0))

    criterion = profile.criteria[identifier]
    found = RULES[criterion.metric](book.evidence(), criterion)[0]

    assert found.verdict is Verdict.NOT_MEASURED
    assert "no fleet" in found.reason
