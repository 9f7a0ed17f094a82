"""A test that hangs ends with INVALID and its evidence; the session goes on to its reports."""

import signal
import time

import pytest

from pytest_rawrxd.errors import Invalid
from pytest_rawrxd.plugin.deadline import SLACK, Deadlines, arm_alarm, arm_interrupt, deadline_s, missed
from pytest_rawrxd.profile import load_profile

# In short sleeps: only Windows wakes a sleep for an interrupt that a thread simulates.
HANGS = """
import time
import pytest

@pytest.mark.sla("SLA-TPS-GUARANTEE")
@pytest.mark.timeout(0.3, func_only=True)
def test_guarantee(decode, sla):
    for _ in range(600):
        time.sleep(0.1)

def test_after(): pass
"""


def hang():
    for _ in range(600):
        time.sleep(0.1)


@pytest.mark.parametrize("alarm", [True, False], ids=["SIGALRM", "as on Windows"])
def test_a_hanging_test_is_invalid_and_the_session_goes_on(acceptance, monkeypatch, alarm):
    monkeypatch.setattr(Deadlines.__init__, "__kwdefaults__", {"alarm": alarm})
    acceptance.write_test(HANGS)

    result = acceptance.run("-p", "timeout")

    assert result.ret == 1
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*Invalid: the test missed its deadline of 0.3 s*"])
    entry = acceptance.verdicts()["SLA-TPS-GUARANTEE"]
    assert entry["verdict"] == "INVALID"
    assert "did not finish: Invalid: the test missed its deadline" in entry["reason"]
    assert acceptance.records("decode.run")
    assert acceptance.records("session.end")[0]["data"]["why"] == "finished"


def test_a_later_session_in_which_it_finishes_lifts_it(acceptance):
    acceptance.write_test(HANGS)
    acceptance.run()
    acceptance.write_test(
        HANGS.replace("time.sleep(0.1)", 'assert decode(variant="Q4_K").throughput >= sla["SLA-TPS-GUARANTEE"]')
        .replace("range(600)", "range(1)")
        .replace("timeout(0.3", "timeout(60")
    )

    acceptance.run()

    assert acceptance.verdicts()["SLA-TPS-GUARANTEE"]["verdict"] == "PASS"


@pytest.mark.parametrize("arm", [arm_alarm, arm_interrupt])
def test_a_disarmed_deadline_leaves_no_trace(arm):
    handlers = signal.getsignal(signal.SIGALRM), signal.getsignal(signal.SIGINT)

    arm(60, missed("test_x", 60))()

    assert (signal.getsignal(signal.SIGALRM), signal.getsignal(signal.SIGINT)) == handlers


@pytest.mark.parametrize("arm", [arm_alarm, arm_interrupt])
def test_a_deadline_strikes_in_the_waiting_test(arm):
    disarm = arm(0.01, missed("test_x", 0.01))
    try:
        with pytest.raises(Invalid, match="missed its deadline"):
            hang()
    finally:
        disarm()


def test_ctrl_c_stays_ctrl_c():
    disarm = arm_interrupt(60, missed("test_x", 60))
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        disarm()


def test_the_deadline_is_the_profile_s_beyond_what_is_planned():
    profile = load_profile("rx7800xt")

    assert deadline_s(profile, []) == 7200
    assert deadline_s(profile, [2]) > 7200 + SLACK * 48 * 3600
