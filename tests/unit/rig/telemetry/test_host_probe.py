"""Processor shares lie between two reads, and are absent where the processes are not the same at both."""

import os

import pytest

from pytest_rawrxd.rig.telemetry.host import HostProbe, resident_bytes


class Machine:
    """A clock and CPU counters that a test moves."""

    def __init__(self):
        self.now, self.busy, self.used = 0.0, 0.0, {}

    def busy_s(self):
        return self.busy

    def own_s(self, pids):
        return sum(self.used.get(pid, 0.0) for pid in pids)

    def move(self, seconds, busy, **used):
        self.now += seconds
        self.busy += busy
        for pid, spent in used.items():
            number = int(pid.removeprefix("p"))
            self.used[number] = self.used.get(number, 0.0) + spent


@pytest.fixture
def machine():
    return Machine()


def shares(probe, pids):
    values = probe.read(pids)
    return tuple(values[name] for name in ("cpu_percent", "process_cpu_percent", "foreign_cpu_percent"))


def probe_of(machine):
    return HostProbe((1,), cpu=machine, cores=2, monotonic_s=lambda: machine.now)


def test_shares_are_those_of_all_cores_between_two_reads(machine):
    probe = probe_of(machine)

    assert shares(probe, (7,)) == (None, None, None)
    machine.move(10, 15, p7=10, p1=1)
    assert shares(probe, (7,)) == (75, 50, 20)


def test_a_tick_below_zero_is_nothing(machine):
    probe = probe_of(machine)
    shares(probe, (7,))
    machine.move(1, 0.5, p7=0.51)

    assert shares(probe, (7,)) == (25, 25.5, 0)


def test_a_restarted_engine_has_no_share_until_the_next_read(machine):
    probe = probe_of(machine)
    shares(probe, (7,))
    machine.move(10, 10, p8=5)
    assert shares(probe, (8,)) == (50, None, None)
    machine.move(10, 10, p8=5)
    assert shares(probe, (8,)) == (50, 25, 25)


def test_an_engine_that_ended_has_no_share(machine):
    probe = probe_of(machine)
    machine.move(1, 1, p7=1)
    shares(probe, (7,))
    machine.used.clear()
    machine.move(1, 1)

    assert shares(probe, (7,)) == (50, None, None)


def test_without_an_engine_the_rest_is_foreign(machine):
    probe = probe_of(machine)
    shares(probe, ())
    machine.move(10, 5, p1=1)

    assert shares(probe, ()) == (25, None, 20)


def test_resident_memory_is_that_of_the_processes_that_live():
    assert resident_bytes((os.getpid(),)) > 1 << 20
    assert resident_bytes((os.getpid(), 2**22 + 1)) > 1 << 20
    assert resident_bytes((2**22 + 1,)) is None
    assert resident_bytes(()) is None
