"""A Prometheus and an Alertmanager of the suite's own: on loopback, in one temporary folder, ended with the drill."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.engine.environment import child_environment
from pytest_rawrxd.rig.monitoring.tools import Tools
from pytest_rawrxd.rig.server.probe import get

READY_S = 60.0
POLL_S = 0.1
END_S = 10.0
LOG_LINES = 20


class Stack:
    """Both programs, ready. Use as a context manager: leaving ends them."""

    def __init__(
        self,
        tools: Tools,
        folder: Path,
        *,
        config: str,
        routing: str,
        ports: tuple[int, int],
        environ: Mapping[str, str],
        spawn: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Start both in ``folder``, which holds their files; ``ports`` are Prometheus's and Alertmanager's.

        Raises RigTrouble with their last words when one of them is not ready after a minute.
        """
        self._clock, self._sleep = clock, sleep
        self._addresses = {
            "prometheus": f"http://127.0.0.1:{ports[0]}",
            "alertmanager": f"http://127.0.0.1:{ports[1]}",
        }
        commands = {
            "prometheus": [
                tools.prometheus,
                f"--config.file={config}",
                "--storage.tsdb.path=prometheus-data",
                f"--web.listen-address=127.0.0.1:{ports[0]}",
            ],
            "alertmanager": [
                tools.alertmanager,
                f"--config.file={routing}",
                "--storage.path=alertmanager-data",
                f"--web.listen-address=127.0.0.1:{ports[1]}",
                "--cluster.listen-address=",  # alone: it waits for no peers
            ],
        }
        self._folder = folder
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            for name, command in commands.items():
                with (folder / f"{name}.log").open("wb") as log:
                    self._children[name] = spawn(
                        command,
                        cwd=folder,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        env=child_environment(environ),
                    )
            for name in commands:
                self._wait_ready(name)
            undo.pop_all()

    def value(self, query: str) -> float | None:
        """The first value of an instant query; None where it has none."""
        answer = get(f"{self._addresses['prometheus']}/api/v1/query", query=f"query={quote(query)}", timeout_s=5.0)
        try:
            found: list[dict[str, Any]] = json.loads(answer[1])["data"]["result"] if answer else []
        except (ValueError, KeyError, TypeError):
            return None
        return float(found[0]["value"][1]) if found else None

    def close(self) -> None:
        """End both programs."""
        for child in self._children.values():
            child.terminate()
        for child in self._children.values():
            try:
                child.wait(END_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(END_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _wait_ready(self, name: str) -> None:
        ends = self._clock() + READY_S
        while self._clock() < ends:
            answer = get(f"{self._addresses[name]}/-/ready", timeout_s=2.0)
            if answer is not None and answer[0] == 200:
                return
            if self._children[name].poll() is not None:
                break
            self._sleep(POLL_S)
        said = (self._folder / f"{name}.log").read_text("utf-8", "replace").splitlines()
        raise RigTrouble(
            f"{name} does not start", found=said[-1] if said else "no word", log_tail=tuple(said[-LOG_LINES:])
        )
