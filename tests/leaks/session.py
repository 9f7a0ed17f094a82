"""One acceptance session with canaries everywhere, in a process that is watched, and everything that it leaves."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from leaks import planted
from leaks.plugin_files import ANSWERS, STARTED
from leaks.search import Search
from leaks.watch import Seen, Watch
from pytest_rawrxd.rig.process import end_tree

ROOT = Path(__file__).parents[2]
IDS = 8  #: of an answer in a row
DISTINCT = 4
LETTERS = 32  #: of an answer in a row
END_S = 10.0
ALLOWED = {planted.KEY, planted.KEYRING}  #: to a load client, one of them
UNAME = ("uname", "-p")  #: which Python itself asks for the kind of processor
CLIENT = "pytest_rawrxd.measure.load.client"
_SAID = re.compile(rb'"(?:content|text|response)"\s*:\s*"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Places:
    """Where a session works: only ``told`` may hold a canary."""

    told: Path
    left: Path  #: everything else that a session writes, temporary files and its cache included

    @property
    def run_dir(self) -> Path:
        return self.left / "run"

    def environment(self) -> dict[str, str]:
        """What the session is started with."""
        path = os.pathsep.join(filter(None, [str(ROOT / "tests"), os.environ.get("PYTHONPATH")]))
        temporary = dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(self.left / "tmp"))
        return {**os.environ, **planted.environment(), **temporary, "LEAKS_TOLD": str(self.told), "PYTHONPATH": path}


def laid(folder: Path) -> Places:
    """New places below ``folder``, with the prompts."""
    places = Places(folder / "told", folder / "left")
    (places.left / "tmp").mkdir(parents=True)
    planted.write_prompts(places.told)
    return places


@dataclass(frozen=True)
class Outcome:
    """How a command ended, what it printed, and every process that was seen below it."""

    status: int
    shown: str
    processes: tuple[Seen, ...]


def watched(command: Sequence[str], places: Places, *, deadline_s: float, **more: str) -> Outcome:
    """Run ``command`` to its end, or for ``deadline_s``, with the canaries in its environment."""
    shown = places.told / "shown"
    with shown.open("wb") as out:
        child = subprocess.Popen(
            command, cwd=ROOT, env=places.environment() | more, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
        try:
            with Watch(child.pid) as watch:
                status = child.wait(deadline_s)
        finally:
            end_tree(child, END_S)
    return Outcome(status, shown.read_text("utf-8", "replace"), tuple(watch.seen.values()))


def acceptance(places: Places, *arguments: str) -> list[str]:
    """The command of an acceptance session that writes every kind of report."""
    reports = [f"--junitxml={places.left / 'junit.xml'}", f"--html={places.left / 'report.html'}"]
    reports += ["--self-contained-html", f"--alluredir={places.left / 'allure'}"]
    reports += ["-o", f"cache_dir={places.left / 'cache'}"]
    command = [sys.executable, "-m", "pytest", "acceptance", "-p", "leaks.plugin", "-vv", *reports]
    return [*command, "--sla-run-dir", str(places.run_dir), *arguments]


def search(places: Places) -> Search:
    """Everything that was planted, and some of what the engines answered."""
    return Search(planted.texts() | dict(_said(places.told)), dict(_ids(places.told)))


def started(places: Places) -> list[Seen]:
    """Every process that the sessions started by themselves, with the environment that they gave it."""
    lines = [json.loads(line) for line in (places.told / STARTED).read_text(encoding="utf-8").splitlines()]
    return [Seen(tuple(each["command"]), each["environment"]) for each in lines]


def overheard(processes: Sequence[Seen]) -> list[str]:
    """Processes that hold what they do not need: on their command line, or in their environment."""
    words = planted.texts()
    found = []
    for each in processes:
        if each.command == UNAME:
            continue
        line = " ".join(each.command)
        found += [f"{line[:200]}: {name} on its command line" for name, word in words.items() if word in line]
        held = planted.holders(each.environment) - (ALLOWED if CLIENT in line else set())
        keys = planted.holders(each.environment) & ALLOWED
        found += [f"{line[:200]}: {name} in its environment" for name in sorted(held)]
        found += [f"{line[:200]}: two keys in its environment"] if len(keys) > 1 else []
    return list(dict.fromkeys(found))


def _answers(told: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (told / ANSWERS).read_text(encoding="utf-8").splitlines()]


def _ids(told: Path) -> Iterator[tuple[str, list[int]]]:
    for number, record in enumerate(_answers(told)):
        for ids in record.get("ids", ()):
            part = ids[-IDS:]
            if len(part) == IDS and len(set(part)) >= DISTINCT:
                yield f"ids of an answer, {record['kind']} {number}", part


def _said(told: Path) -> Iterator[tuple[str, str]]:
    for number, record in enumerate(_answers(told)):
        for body in record.get("bodies", ()):
            whole = b"".join(_SAID.findall(base64.b64decode(body)))
            try:
                text = json.loads(b'"' + whole + b'"')[:LETTERS]
            except ValueError:  # a letter that two events share
                continue
            if len(text) == LETTERS and len(set(text)) >= DISTINCT:
                yield f"text of an answer, {record['kind']} {number}", text
