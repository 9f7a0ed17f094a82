"""Starting a command that outlives its terminal, its job and a logout: the best way that this system has."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_rawrxd.errors import RigTrouble

#: What a service manager does not hand on by itself. No secrets: a unit's environment can be read by its user.
KEPT = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "XDG_CACHE_HOME")
KEPT_PREFIXES = ("RAWRXD_", "VK_", "GGML_VK_", "CUDA_VISIBLE", "OMP_")
SYSTEMD_UP = frozenset({"running", "degraded"})
ASK_S = 10.0

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class Detached:
    """What was started: ``how`` names the way, ``survives`` says what it does not survive."""

    how: str
    survives: str


def start_detached(
    command: Sequence[str],
    *,
    name: str,
    log: Path,
    environ: Mapping[str, str],
    system: str | None = None,
    run: Run = subprocess.run,
    spawn: Callable[..., Any] = subprocess.Popen,
    which: Callable[[str], str | None] = shutil.which,
) -> Detached:
    """Start ``command`` with its output in ``log``. Raises RigTrouble when the system's own way refuses."""
    system = system or platform.system()
    if system == "Windows" and which("schtasks"):
        return _scheduled(command, name, log, run)
    if system == "Linux" and which("systemd-run") and _systemd_is_up(run):
        return _unit(command, name, log, environ, run)
    return _process(command, log, environ, system, spawn)


def _systemd_is_up(run: Run) -> bool:
    try:
        said = run(
            ["systemctl", "--user", "is-system-running"], capture_output=True, text=True, check=False, timeout=ASK_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.stdout.strip() in SYSTEMD_UP


def _unit(command: Sequence[str], name: str, log: Path, environ: Mapping[str, str], run: Run) -> Detached:
    kept = [key for key in sorted(environ) if key in KEPT or key.startswith(KEPT_PREFIXES)]
    asked = ["systemd-run", "--user", f"--unit={name}", "--collect", "--same-dir", *(f"--setenv={key}" for key in kept)]
    asked += [f"--property=StandardOutput=append:{log.resolve()}", f"--property=StandardError=append:{log.resolve()}"]
    _ask(run, [*asked, "--", *command], env=dict(environ))
    return Detached(
        f"systemd unit {name}", "survives logout where `loginctl enable-linger` is set; a reboot needs a resume"
    )


def _scheduled(command: Sequence[str], name: str, log: Path, run: Run) -> Detached:
    script = log.with_suffix(".cmd")
    script.write_text(
        f'@cd /d "{Path.cwd()}"\n@{subprocess.list2cmdline(list(command))} >> "{log.resolve()}" 2>&1\n',
        encoding="utf-8",
    )
    task = ["schtasks", "/Create", "/F", "/TN", name, "/TR", f'"{script.resolve()}"', "/SC", "ONCE", "/ST", "00:00"]
    _ask(run, task)
    _ask(run, ["schtasks", "/Run", "/TN", name])
    return Detached(f"scheduled task {name}", "survives the terminal; a reboot needs a resume")


def _process(
    command: Sequence[str], log: Path, environ: Mapping[str, str], system: str, spawn: Callable[..., Any]
) -> Detached:
    flags: dict[str, Any] = {"start_new_session": True}
    if system == "Windows":
        new_group, detached = 0x00000200, 0x00000008
        flags = {"creationflags": new_group | detached}
    with log.open("ab") as output:
        child = spawn(
            list(command), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=dict(environ), **flags
        )
    child.returncode = 0  # nobody here waits for it: it lives longer
    return Detached(
        f"process {child.pid}", "survives the terminal; a system that ends a user's processes at logout ends it"
    )


def _ask(run: Run, command: Sequence[str], **more: Any) -> None:
    try:
        said = run(list(command), capture_output=True, text=True, check=False, timeout=ASK_S, **more)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RigTrouble(f"{command[0]} cannot be asked", found=str(error)) from error
    if said.returncode:
        raise RigTrouble(f"{command[0]} refused to start the soak", found=(said.stderr or said.stdout).strip())


def newest(log: Path, lines: int = 12) -> str:
    """The last lines of a log."""
    if not log.is_file():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16384), os.SEEK_SET)
        return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
