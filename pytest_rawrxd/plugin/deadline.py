"""A deadline for each acceptance test: INVALID for the test, its evidence kept, and the session goes on.

pytest-timeout decides when the timer runs (debuggers, set-up and call); how it strikes is ours: its own ways are a
plain failure or, where there is no SIGALRM, the end of the process without a report.
"""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import FrameType
from typing import Any, NoReturn

import pytest

from pytest_rawrxd.errors import Invalid
from pytest_rawrxd.plugin.marks import marked
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.verdict.planning import plan

#: Times the planned hours: loading, cooling and a machine that is slower than the profile expects.
SLACK = 3.0
TIMEOUT = "timeout"
HAS_ALARM = hasattr(signal, "SIGALRM")


def deadline_s(profile: Profile, phases: Sequence[int]) -> float:
    """Seconds after which a test is stopped, when the session measures for ``phases`` inside its fixtures."""
    planned = plan(profile)
    return profile.protocol.test_deadline.to("s") + SLACK * 3600 * sum(planned.hours(phase) for phase in phases)


class Deadlines:
    """Marks the tests and strikes when pytest-timeout says so. Registered only where pytest-timeout is active."""

    def __init__(self, profile: Profile, *, alarm: bool = HAS_ALARM) -> None:
        self._profile = profile
        self._alarm = alarm
        self._running = ExitStack()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """After a selection, so that the plan holds what will be measured; a test's own mark stays."""
        criteria = self._profile.criteria
        phases = sorted({criteria[name].phase for item in items for name in marked(item) if name in criteria})
        if not phases:
            return
        seconds = deadline_s(self._profile, phases)
        for item in items:
            if marked(item) and item.get_closest_marker(TIMEOUT) is None:
                item.add_marker(pytest.mark.timeout(seconds, func_only=False))

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_timeout_set_timer(self, item: pytest.Item, settings: Any) -> bool | None:
        if not marked(item):
            return None
        self._running.close()
        strike = missed(item.nodeid, settings.timeout)
        arm = arm_alarm if self._alarm else arm_interrupt
        self._running.callback(arm(settings.timeout, strike))
        return True

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_timeout_cancel_timer(self, item: pytest.Item) -> bool | None:
        if not marked(item):
            return None
        self._running.close()
        return True


def missed(test: str, seconds: float) -> Callable[[], NoReturn]:
    """What happens in the test's thread when its time is over: Invalid is raised there."""

    def strike() -> NoReturn:
        raise Invalid(
            f"the test missed its deadline of {seconds:g} s",
            where=test,
            found="it was stopped; what was recorded until then is kept",
            possible="find what hangs in the ledger's last records, or raise [protocol] test_deadline of the profile",
        )

    return strike


def arm_alarm(seconds: float, strike: Callable[[], NoReturn]) -> Callable[[], None]:
    """Strike by SIGALRM, which also wakes a system call. Returns what disarms it."""

    def on_alarm(_number: int, _frame: FrameType | None) -> NoReturn:
        strike()

    before = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds)

    def disarm() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    return disarm


def arm_interrupt(seconds: float, strike: Callable[[], NoReturn]) -> Callable[[], None]:
    """Strike where there is no SIGALRM (Windows): a thread interrupts the main one as Ctrl-C does."""
    due = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        if due.is_set():
            due.clear()
            strike()
        if callable(before):
            before(number, frame)  # a person at the keyboard

    def ring() -> None:
        due.set()
        _thread.interrupt_main()

    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    signal.signal(signal.SIGINT, on_interrupt)
    timer.start()

    def disarm() -> None:
        timer.cancel()
        signal.signal(signal.SIGINT, before)

    return disarm
