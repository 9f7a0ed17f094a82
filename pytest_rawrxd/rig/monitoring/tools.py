"""Which programs of Prometheus this machine has, and what promtool and amtool say about files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.engine.environment import child_environment

INSTALL = "apt-get install prometheus prometheus-alertmanager (Debian, Ubuntu), or prometheus.io/download"
TIMEOUT_S = 300.0

_FAILED = re.compile(r"^\s+alertname: ?(\S+?),? time:", re.MULTILINE)

Runner = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class Tools:
    """The four programs, as paths."""

    prometheus: str
    promtool: str
    alertmanager: str
    amtool: str
    run: Runner = subprocess.run

    def check_rules(self, folder: Path, rules: str) -> str:
        """What promtool says about a rule file. Raises RigTrouble when it refuses it."""
        return self._said([self.promtool, "check", "rules", rules], folder)

    def check_config(self, folder: Path, config: str) -> str:
        """What promtool says about a configuration and the rules that it names."""
        return self._said([self.promtool, "check", "config", config], folder)

    def test_rules(self, folder: Path, tests: Sequence[str]) -> tuple[str, ...]:
        """The names of the alerts whose tests fail, in the order in which promtool names them; () where all pass.

        Raises RigTrouble when a test fails for another reason than an alert, such as a file that cannot be read.
        """
        done = self._done([self.promtool, "test", "rules", *tests], folder)
        failed = tuple(dict.fromkeys(_FAILED.findall(done.stdout + done.stderr)))
        if (done.returncode != 0) is not bool(failed):
            raise RigTrouble("promtool cannot run these tests", found=(done.stdout + done.stderr)[-600:])
        return failed

    def check_routing(self, folder: Path, config: str) -> str:
        """What amtool says about a routing file."""
        return self._said([self.amtool, "check-config", config], folder)

    def route(self, folder: Path, config: str, labels: dict[str, str]) -> str:
        """The receiver that amtool finds for an alert with ``labels``."""
        named = [f"{name}={value}" for name, value in labels.items()]
        return self._said([self.amtool, "config", "routes", "test", f"--config.file={config}", *named], folder).strip()

    def version(self, program: str) -> str:
        """The version that ``program`` prints."""
        said = self.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            env=child_environment(os.environ),
        )
        found = re.search(r"version (\S+)", said.stdout + said.stderr)
        return found[1].rstrip(",") if found else "unknown"

    def _said(self, command: list[str], folder: Path) -> str:
        done = self._done(command, folder)
        if done.returncode != 0:
            raise RigTrouble(
                f"{Path(command[0]).name} refuses a file", where=command[-1], found=(done.stdout + done.stderr)[-600:]
            )
        return done.stdout

    def _done(self, command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
        return self.run(
            command,
            cwd=folder,
            env=child_environment(os.environ),
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )


def find_tools(which: Callable[[str], str | None] = shutil.which) -> Tools:
    """The programs on PATH, Debian's name of Alertmanager first. Raises RigTrouble naming what is missing."""
    wanted = {
        "prometheus": ("prometheus",),
        "promtool": ("promtool",),
        "alertmanager": ("prometheus-alertmanager", "alertmanager"),
        "amtool": ("amtool",),
    }
    found = {tool: next(filter(None, map(which, called)), None) for tool, called in wanted.items()}
    there = {tool: path for tool, path in found.items() if path is not None}
    if missing := [tool for tool in wanted if tool not in there]:
        raise RigTrouble("Prometheus is not installed", found=f"no {', '.join(missing)} on PATH", possible=INSTALL)
    return Tools(there["prometheus"], there["promtool"], there["alertmanager"], there["amtool"])
