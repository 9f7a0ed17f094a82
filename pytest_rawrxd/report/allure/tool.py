"""The pinned Allure on this machine: Node.js, and the packages that the committed lock file names."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_rawrxd.errors import EvidenceProblem, UsageProblem
from pytest_rawrxd.places import package_data, shown

VARIABLE = "RAWRXD_ALLURE"
NODE = (18, 20)  #: the oldest Node.js that was seen to render; package.json says the same
DEADLINE_S = 300.0
INHERITED = ("PATH", "HOME", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "USERPROFILE")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class Tool:
    """Node.js, Allure's command and the script that keeps its clock still."""

    node: str
    command: Path
    still: Path

    def generate(self, results: Path, settings: Path, *, instant_ms: int, run: Run = subprocess.run) -> None:
        """Render the folder ``results`` as ``settings`` say. EvidenceProblem where Allure does not."""
        # Nothing else of the environment: a CI job's names and addresses are no part of a run.
        environ = {
            **_inherited(),
            "RAWRXD_INSTANT_MS": str(instant_ms),
            "ALLURE_READ_CONCURRENCY": "1",  # the order of reading is the order of the page
            "TZ": "UTC",
        }
        call = [self.node, "--require", str(self.still), str(self.command), "generate"]
        done = run(
            [*call, "--config", str(settings), "--cwd", str(results.parent), results.name],
            cwd=results.parent,
            env=environ,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=DEADLINE_S,
            check=False,
        )
        if done.returncode != 0 or done.stderr.strip():
            raise EvidenceProblem(
                "Allure could not render the run",
                where=str(self.command),
                found=f"exit status {done.returncode}: {(done.stderr or done.stdout).strip()[:2000]}",
            )


def find(
    environ: Mapping[str, str] = os.environ,
    *,
    which: Callable[[str], str | None] = shutil.which,
    run: Run = subprocess.run,
) -> Tool:
    """Return the pinned Allure. UsageProblem, with the line that installs it, where a part is lacking or another."""
    home = package_data("ci/allure")
    folder = Path(environ.get(VARIABLE) or home)
    install = f"npm ci --ignore-scripts --prefix {shown(home)}"
    node = which("node") or which("nodejs")
    if node is None:
        raise UsageProblem(
            "the Allure page is rendered by Node.js",
            found="no node on the PATH",
            possible=f"Node.js {NODE[0]}.{NODE[1]} or newer (Debian: apt-get install nodejs npm), then {install}",
        )
    _refuse_old(node, run)
    command = folder / "node_modules" / "allure" / "cli.js"
    if not command.is_file():
        raise UsageProblem(
            "the pinned Allure is not installed",
            where=str(folder / "node_modules"),
            found="no package allure",
            possible=f"{install}; or {VARIABLE}=FOLDER with the same package.json and lock file, installed there",
        )
    _refuse_other(home, folder, install)
    return Tool(node, command, home / "still.cjs")


def _inherited() -> dict[str, str]:
    return {name: os.environ[name] for name in INHERITED if name in os.environ}


def _refuse_old(node: str, run: Run) -> None:
    asked = run([node, "--version"], capture_output=True, text=True, timeout=60, check=False, env=_inherited())
    said = asked.stdout.strip()
    version = re.fullmatch(r"v(\d+)\.(\d+)\.\d+.*", said)
    if version is None or (int(version[1]), int(version[2])) < NODE:
        raise UsageProblem(
            "this Node.js is too old to render the Allure page",
            where=node,
            found=said or "no version",
            possible=f"{NODE[0]}.{NODE[1]} or newer",
        )


def _refuse_other(home: Path, folder: Path, install: str) -> None:
    """What is installed is what the committed lock file names, package for package."""
    locked = _packages(home / "package-lock.json")
    there = _packages(folder / "node_modules" / ".package-lock.json")
    wanted = {name: entry for name, entry in locked.items() if name and not entry.get("optional")}
    other = sorted(
        name
        for name in wanted.keys() | there.keys()
        if there.get(name, {}).get("integrity") != locked.get(name, {}).get("integrity")
    )
    if other:
        raise UsageProblem(
            "the installed packages are not those of the lock file",
            where=str(folder / "node_modules"),
            found=", ".join(other[:4]) + (f" and {len(other) - 4} more" if len(other) > 4 else ""),
            possible=install,
        )


def _packages(path: Path) -> dict[str, dict[str, Any]]:
    try:
        found: dict[str, dict[str, Any]] = json.loads(path.read_bytes())["packages"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found
