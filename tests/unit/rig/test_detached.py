"""Starting what outlives its terminal: the system's own way where it has one, a process of its own elsewhere."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.detached import newest, start_detached


class System:
    """A system that remembers what it was asked. ``answers`` are (exit status, output) by program."""

    def __init__(self, **answers):
        self.answers, self.asked, self.spawned = answers, [], []

    def run(self, command, **more):
        self.asked.append((command, more))
        status, output = self.answers.get(command[0].replace("-", "_"), (0, ""))
        return subprocess.CompletedProcess(command, status, output, "")

    def spawn(self, command, **more):
        self.spawned.append((command, more))
        return SimpleNamespace(pid=77, returncode=None)

    def start(self, tmp_path, system, *, has=()):
        return start_detached(
            ["python", "-m", "pytest"],
            name="rawrxd-soak-x",
            log=tmp_path / "soak.log",
            environ={"PATH": "/bin", "RAWRXD_CACHE": "/c", "API_TOKEN": "secret"},
            system=system,
            run=self.run,
            spawn=self.spawn,
            which=lambda program: program if program in has else None,
        )


def test_a_service_manager_that_is_up_gets_a_unit_without_secrets(tmp_path):
    system = System(systemctl=(0, "running\n"))

    found = system.start(tmp_path, "Linux", has=["systemd-run"])

    command = system.asked[-1][0]
    assert found.how == "systemd unit rawrxd-soak-x"
    assert command[-3:] == ["python", "-m", "pytest"]
    assert "--setenv=RAWRXD_CACHE" in command
    assert not any("TOKEN" in part for part in command)


def test_without_a_service_manager_it_is_a_process_in_a_session_of_its_own(tmp_path):
    system = System(systemctl=(1, "offline\n"))

    found = system.start(tmp_path, "Linux", has=["systemd-run"])

    assert found.how == "process 77"
    assert system.spawned[0][1]["start_new_session"] is True
    assert (tmp_path / "soak.log").exists()


def test_windows_gets_a_scheduled_task_that_is_run_at_once(tmp_path):
    system = System()

    found = system.start(tmp_path, "Windows", has=["schtasks"])

    assert found.how == "scheduled task rawrxd-soak-x"
    assert [command[1] for command, _ in system.asked] == ["/Create", "/Run"]
    assert "python -m pytest" in (tmp_path / "soak.cmd").read_text()


def test_windows_without_a_scheduler_gets_a_process_without_a_console(tmp_path):
    system = System()

    assert system.start(tmp_path, "Windows").how == "process 77"
    assert system.spawned[0][1]["creationflags"] == 0x208


def test_a_service_manager_that_refuses_says_why(tmp_path):
    system = System(systemctl=(0, "running"), systemd_run=(1, "Unit rawrxd-soak-x.service already exists"))

    with pytest.raises(RigTrouble) as refused:
        system.start(tmp_path, "Linux", has=["systemd-run"])

    assert "already exists" in str(refused.value)


def test_the_end_of_a_log_is_shown_and_no_log_is_nothing(tmp_path):
    (tmp_path / "a.log").write_text("\n".join(map(str, range(50))))

    assert newest(tmp_path / "a.log", 2) == "48\n49"
    assert newest(tmp_path / "b.log") == ""
