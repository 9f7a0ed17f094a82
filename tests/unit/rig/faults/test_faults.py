"""Each fault's proof: it holds when the fault took effect, and not when it did not."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from pytest_rawrxd.errors import EvidenceProblem, RigTrouble
from pytest_rawrxd.rig.faults.catalogue import FAULTS, planned
from pytest_rawrxd.rig.faults.device import HIDDEN, HideDevice
from pytest_rawrxd.rig.faults.fault import Site
from pytest_rawrxd.rig.faults.journal import FULL, JournalFull
from pytest_rawrxd.rig.faults.memory import LIMIT_BYTES, ContextExhaustion, MemoryLimit
from pytest_rawrxd.rig.faults.model_file import CorruptModel, MissingModel
from pytest_rawrxd.rig.faults.process import Freeze, Kill
from pytest_rawrxd.rig.faults.timeout import Cancellation, ShortDeadline
from pytest_rawrxd.rig.faults.wire import Spoken
from pytest_rawrxd.rig.target.service import UNCHANGED
from pytest_rawrxd.rig.target.supervisor import Event

GPU = ("I load_tensors:      Vulkan0 model buffer size =   116.00 MiB",)
CPU = ("I load_tensors:   CPU_Mapped model buffer size =   116.00 MiB",)


class Supervisor:
    """What faults see of one: a process of the test's own, events that the test writes."""

    def __init__(self, pid=None, log=()):
        self.pid, self.log, self.load_log, self.ready, self.change, self.restarts = pid, log, log, True, UNCHANGED, 0
        self.events = []

    def since(self, instant_ns):
        return tuple(event for event in self.events if event.at_ns >= instant_ns)

    def saw(self, *kinds):
        self.events += [Event(kind, 10 + number, f"{kind} {number}") for number, kind in enumerate(kinds)]

    def restart(self):
        self.restarts += 1


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def site(tmp_path, child):
    model = tmp_path / "good.gguf"
    model.write_bytes(b"GGUF" + bytes(9000))
    return Site(Supervisor(child.pid, GPU), 9, "llama-server", 4, 256, 12, 5.0, tmp_path, model, clock=lambda: 5)


def test_a_kill_is_proven_by_the_end_that_the_supervisor_saw(site, child):
    fault = Kill(site)
    fault.inject()

    assert child.wait(10) != 0
    assert not fault.proof().held
    site.supervisor.saw("ended")
    assert fault.proof().held


def test_a_freeze_is_proven_by_a_process_that_stands_still_and_a_silence(site, child):
    fault = Freeze(site)
    fault.inject()
    while psutil.Process(child.pid).status() != psutil.STATUS_STOPPED:
        pass

    assert not fault.proof().held
    site.supervisor.saw("silent")
    assert fault.proof().held
    fault.undo()
    assert psutil.Process(child.pid).status() != psutil.STATUS_STOPPED


def test_a_freeze_that_nobody_saw_stand_still_is_none(site):
    fault = Freeze(site)
    fault.begin()
    site.supervisor.saw("silent")

    assert not fault.proof().held


@pytest.mark.parametrize(
    ("events", "held"),
    [
        ([], False),
        (["ended"], False),
        (["ended", "started"], False),
        (["ended", "started", "ended"], True),
        (["ended", "started", "ready"], False),
    ],
)
def test_a_limit_of_memory_is_proven_by_the_end_of_the_process_under_it(site, events, held):
    fault = MemoryLimit(site)
    fault.inject()
    site.supervisor.saw(*events)

    assert site.supervisor.change.memory_limit == LIMIT_BYTES
    assert fault.proof().held is held
    fault.undo()
    assert site.supervisor.change is UNCHANGED


@pytest.mark.parametrize("make", [CorruptModel, MissingModel])
@pytest.mark.parametrize(("events", "held"), [(["ended", "started", "ended"], True), (["ended", "started"], False)])
def test_a_model_file_that_cannot_be_read_is_proven_by_the_refusal(site, make, events, held):
    good = site.model.read_bytes()
    fault = make(site)
    fault.inject()
    site.supervisor.saw(*events)

    bad = site.supervisor.change.model
    assert fault.proof().held is held
    assert not bad.exists() or bad.read_bytes()[:4] == b"GGUF" != bad.read_bytes()[-4:]
    assert site.model.read_bytes() == good


def test_a_target_that_starts_with_an_unreadable_file_has_not_read_it(site):
    fault = CorruptModel(site)
    fault.inject()
    site.supervisor.saw("ended", "started", "ready")

    assert not fault.proof().held


@pytest.mark.parametrize(
    ("after", "events", "held"),
    [
        (CPU, ["ended", "started", "ready"], True),
        (GPU, ["ended", "started", "ready"], False),
        (CPU, ["ended", "started"], False),
        ((), ["ended", "started", "ended"], True),
    ],
)
def test_a_hidden_device_is_proven_by_the_buffers_of_the_next_load(site, after, events, held):
    fault = HideDevice(site)
    fault.inject()
    site.supervisor.load_log = after
    site.supervisor.saw(*events)

    assert site.supervisor.change.environ == HIDDEN
    assert fault.proof().held is held
    fault.undo()
    assert (site.supervisor.change, site.supervisor.restarts) == (UNCHANGED, 1)


def test_hiding_a_device_that_nothing_used_is_no_fault(site):
    site.supervisor.load_log = CPU
    fault = HideDevice(site)
    fault.inject()
    site.supervisor.saw("ended", "started", "ready")

    assert not fault.proof().held


def talk(end, body=b"", status=200):
    return Spoken("x", status, end, body, 0.1, 1.0, "any")


def test_an_exhausted_context_is_proven_by_the_error_that_names_it(site):
    fault = ContextExhaustion(site)
    fault.talks = [talk("answered")]
    assert not fault.proof().held

    fault.talks.append(talk("answered", b'{"error":{"message":"Context size has been exceeded."}}', 500))
    assert fault.proof().held


def test_a_deadline_that_no_answer_missed_is_no_fault(site):
    fault = ShortDeadline(site)
    fault.talks = [talk("answered")]
    assert not fault.proof().held

    fault.talks.append(talk("deadline"))
    assert fault.proof().held


@pytest.mark.parametrize(("given_up", "held"), [(9, False), (10, True)])
def test_cancellations_are_proven_when_half_of_them_came_in_time(site, given_up, held):
    assert Cancellation(site, given_up=given_up).proof().held is held


class Ledger:
    """A journal that writes through its descriptor, as the suite's does."""

    def __init__(self, folder):
        folder.mkdir()
        self.file = (folder / "journal").open("xb", buffering=0)

    def write(self, kind, data):
        try:
            self.file.write(kind.encode() + b"\n")
        except OSError as problem:
            raise EvidenceProblem("the ledger cannot be written", found=str(problem)) from problem

    def fileno(self):
        return self.file.fileno()

    def readable(self):
        return len(Path(self.file.name).read_bytes().splitlines())

    def close(self):
        self.file.close()


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
def test_a_journal_on_a_full_disk_refuses_in_words_and_keeps_what_it_has(site):
    fault = JournalFull(SimpleNamespace(open_journal=Ledger, scratch=site.scratch, clock=site.clock))
    fault.inject()

    assert fault.proof().held
    assert "the ledger cannot be written" in fault.proof().said
    assert fault.wrong == []


def test_a_full_disk_that_this_system_cannot_have_is_trouble(site, tmp_path):
    with pytest.raises(RigTrouble, match="always full"):
        JournalFull(site, full=tmp_path / "nothing").inject()


def test_injections_take_the_kinds_in_turn_and_the_faults_of_a_kind_in_turn():
    found = planned(("process_crash", "model_file"), 5)

    assert [kind for kind, _ in found] == [
        "process_crash",
        "model_file",
        "process_crash",
        "model_file",
        "process_crash",
    ]
    assert [make for kind, make in found if kind == "model_file"] == list(FAULTS["model_file"])
