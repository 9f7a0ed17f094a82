"""Judging a stranger's run ends by itself: refused with a reason once it takes more time or memory than it may."""

import itertools
import shutil
import threading

import pytest

from pytest_rawrxd.cli import main
from pytest_rawrxd.cli.bounded import Limits, bounded
from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.places import package_data

RUN = package_data("fixtures") / "recordings" / "h100-pilot-vulkan"

# An interruption that arrives in a finaliser is printed by Python and told again: no defect of the body.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")


def work():
    """As a judge does: steps of Python, each of them short."""
    for _ in range(3000):
        threading.Event().wait(0.01)


@pytest.mark.parametrize(
    ("seconds", "resident", "says"),
    [
        (60.0, 1000, None),
        (60.1, 1000, "more than 1 minutes"),
        (60.0, 1001, "more than 9.31323e-07 GiB of memory"),
    ],
)
def test_the_limits_themselves_are_allowed(seconds, resident, says):
    assert Limits(60, 1000).exceeded(seconds, resident) == says


def test_a_body_that_takes_too_long_is_interrupted_and_the_reason_is_told():
    slow = {"where": "run", "clock": itertools.count(0, 10).__next__}
    with pytest.raises(EvidenceProblem, match="takes more than it may") as caught, bounded(Limits(seconds=5), **slow):
        work()
    assert (caught.value.where, caught.value.found) == ("run", "more than 0.0833333 minutes")


def test_a_body_that_takes_too_much_memory_is_interrupted_too():
    large = {"where": "run", "resident": lambda: 2.0**30 + 1}
    with pytest.raises(EvidenceProblem) as caught, bounded(Limits(resident_bytes=2**30), **large):
        work()
    assert caught.value.found == "more than 1 GiB of memory"


def test_a_body_that_cannot_be_interrupted_ends_with_the_process(capfd):
    ended = threading.Event()
    codes = []

    def end(code):
        codes.append(code)
        ended.set()

    deaf = {"interrupt": lambda: None, "end": end, "grace_s": 0}
    slow = {"where": "run", "clock": itertools.count(0, 10).__next__}
    with pytest.raises(EvidenceProblem), bounded(Limits(seconds=1), **slow, **deaf):
        assert ended.wait(30)
    assert codes == [1]
    assert "rawrxd: reading this run takes more than it may" in capfd.readouterr().err


def test_an_interruption_that_got_lost_is_told_again():
    """As one that arrives in a finaliser, where Python prints it and goes on."""
    told = []
    again = threading.Event()

    def interrupt():
        told.append(1)
        if len(told) == 2:
            again.set()

    slow = {"where": "run", "clock": itertools.count(0, 10).__next__}
    with pytest.raises(EvidenceProblem), bounded(Limits(seconds=1), **slow, interrupt=interrupt):
        assert again.wait(30)
    assert len(told) == 2


def lost(struck, becomes):
    assert struck.wait(30)
    if becomes:
        raise becomes


@pytest.mark.parametrize("becomes", [ValueError("Invalid affine transformation matrix"), None], ids=repr)
def test_an_interruption_that_became_another_error_or_none_is_still_too_much(becomes):
    """As one inside matplotlib's C++, which asks for nothing but whether a conversion failed."""
    struck = threading.Event()
    slow = {"where": "run", "clock": itertools.count(0, 10).__next__}

    with (
        pytest.raises(EvidenceProblem, match="takes more than it may"),
        bounded(Limits(seconds=1), **slow, interrupt=struck.set),
    ):
        lost(struck, becomes)


def test_an_interruption_by_a_person_stays_one():
    with pytest.raises(KeyboardInterrupt), bounded(Limits(), where="run"):
        raise KeyboardInterrupt


def test_a_sound_body_is_left_alone():
    with bounded(Limits(), where="run"):
        done = True
    assert done


def test_a_body_that_ended_before_anybody_looked_is_looked_at():
    """And nothing is interrupted: there is no body any more."""
    told = []

    with (
        pytest.raises(EvidenceProblem) as caught,
        bounded(Limits(resident_bytes=2**30), where="run", resident=lambda: 2.0**31, interrupt=lambda: told.append(1)),
    ):
        pass

    assert caught.value.found == "more than 1 GiB of memory"
    assert told == []


@pytest.mark.parametrize("verb", ["judge", "verify"])
def test_the_verbs_that_read_a_strangers_run_obey(verb, tmp_path, capsys):
    run = shutil.copytree(RUN, tmp_path / "run")

    assert main([verb, str(run), "--max-memory", "0.001"]) == 1

    told = capsys.readouterr().err
    assert "reading this run takes more than it may; nothing was decided" in told
    assert "more than 0.001 GiB of memory" in told


@pytest.mark.parametrize("given", ["0", "-1", "nan", "x"])
def test_a_limit_that_is_none_is_refused(given, capsys):
    assert main(["verify", str(RUN), "--max-minutes", given]) == 4
    assert "--max-minutes" in capsys.readouterr().err
