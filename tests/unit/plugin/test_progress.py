"""The live line can be read on a terminal and in a log."""

from datetime import UTC, datetime

import pytest

from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.plugin.progress import Progress, eta


class Hand:
    """A clock that a test moves."""

    def __init__(self):
        self.now_s = 0.0
        self.clock = Clock(
            monotonic_ns=lambda: int(self.now_s * 1e9),
            wall=lambda: datetime(2026, 1, 1, tzinfo=UTC),
            sleep=lambda _: None,
        )


@pytest.mark.parametrize(
    ("done", "total", "elapsed", "says"),
    [
        (0, 10, 5, "time left not known yet"),
        (5, 10, 30, "about 30 s left"),
        (1, 10, 60, "about 9 min left"),
        (10, 10, 60, "about 0 s left"),
    ],
)
def test_the_time_left_is_proportional(done, total, elapsed, says):
    assert eta(done, total, elapsed) == says


def test_a_log_gets_a_line_now_and_then(capsys):
    hand = Hand()
    progress = Progress(hand.clock)
    for second in range(65):
        hand.now_s = second
        progress.show(second, 65, f"step {second}")
    progress.end()

    lines = capsys.readouterr().err.splitlines()
    assert [line.split(";")[0] for line in lines] == ["rawrxd: step 0", "rawrxd: step 30", "rawrxd: step 60"]


def test_a_line_never_wraps_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    progress = Progress(Hand().clock)
    progress.show(0, 2, "measuring a variant with a name of many words")
    progress.end()

    shown, erased, _ = capsys.readouterr().err.split("\r")[1:]
    assert shown == "rawrxd: measuring a variant with a name"
    assert len(shown) == len(erased) == 39


def test_a_terminal_keeps_one_line_and_gets_it_back(capsys, monkeypatch):
    hand = Hand()
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    progress = Progress(hand.clock)
    progress.show(0, 2, "a long description")
    hand.now_s = 1
    progress.show(1, 2, "short")
    progress.end()

    written = capsys.readouterr().err
    assert "\n" not in written
    first, second, erased, rest = written.split("\r")[1:]
    assert len(second) == len(first)
    assert erased.strip() == rest == ""
