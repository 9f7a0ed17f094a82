"""The documented hooks of systemd, Docker and Windows: they make a profile, and their words are what is asked."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
import time
import tomllib
from pathlib import Path

import psutil
import pytest

from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.rig.server.managed import free_port
from pytest_rawrxd.rig.target.service import AttachedService
from pytest_rawrxd.rig.target.supervisor import Policy, Supervisor

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "how-to" / "supervised-service.md").read_text(encoding="utf-8")
STANDS_IN = ROOT / "tests" / "fakes" / "supervised.py"
BLOCKS = [
    textwrap.dedent(block)
    for block in re.findall(r"\n((?:    .*\n|\n(?=    ))+)", PAGE)
    if block.strip().startswith("[protocol.supervision]")
]
HOOKED = [block for block in BLOCKS if "hooks" in block]


def test_every_example_is_a_profile(tmp_path):
    for number, block in enumerate(BLOCKS):
        path = tmp_path / f"example{number}.toml"
        path.write_text(f'title = "an example"\nkind = "rehearsal"\nextends = "embedded"\n{block}')

        supervision = load_profile(str(path)).protocol.supervision

        assert bool(supervision.command) is (supervision.hooks is None)
    assert [tomllib.loads(block)["protocol"]["supervision"].get("dialect") for block in BLOCKS] == [
        None,
        "llama-server",
        "openai",
        "ollama",
    ]


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """Programs of the documented names that stand for the real ones; returns the port that they serve on."""
    port = str(free_port())
    (tmp_path / "bin").mkdir()
    for name in ("systemctl", "docker", "powershell"):
        program = tmp_path / "bin" / name
        program.write_text(
            f"""#!/bin/sh
case "$*" in
  "start llama-server.service" | "start vllm" | *"Start-Service -Name LlamaServer") action=start ;;
  "stop llama-server.service" | "stop --time 20 vllm" | *"Stop-Service -Name LlamaServer -Force") action=stop ;;
  "show --property=MainPID --value llama-server.service" | "inspect --format {{{{.State.Pid}}}} vllm") action=pid ;;
  *"Win32_Service -Filter \\"Name='LlamaServer'\\").ProcessId") action=pid ;;
  *) echo "unknown words: $*" >&2 && exit 64 ;;
esac
exec {sys.executable} {STANDS_IN} $action {tmp_path} {port}
"""
        )
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return port


@pytest.mark.skipif(shutil.which("sh") is None, reason="the programs that stand in are shell scripts")
@pytest.mark.parametrize("block", HOOKED, ids=("systemd", "docker", "windows"))
def test_a_killed_service_is_brought_back_by_its_own_supervisor_and_seen(block, commands):

    hooks = tomllib.loads(block)["protocol"]["supervision"]["hooks"]
    url = f"http://127.0.0.1:{commands}"
    service = AttachedService(
        tuple(hooks["start"]), tuple(hooks["stop"]), tuple(hooks["pid"]), dict(os.environ), url, None
    )
    policy = Policy("/", 30.0, 10.0)

    with Supervisor(service, policy) as supervisor:
        assert supervisor.wait_ready(deadline_s=30)
        first = supervisor.pid
        psutil.Process(first).kill()
        ends = _until(supervisor, "ready", 2)
        second = supervisor.pid

    assert [event.kind for event in ends] == ["started", "ready", "ended", "started", "ready"]
    assert second != first
    assert not psutil.pid_exists(second) or psutil.Process(second).status() == psutil.STATUS_ZOMBIE


def _until(supervisor, kind, times):
    """The events of a supervisor once one kind has come so often."""

    ends = time.monotonic() + 30
    while sum(event.kind == kind for event in supervisor.events) < times:
        assert time.monotonic() < ends, supervisor.events
        time.sleep(0.05)
    return supervisor.events
