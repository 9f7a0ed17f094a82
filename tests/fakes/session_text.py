"""Shell sessions in documents: commands behind ``$``, what they print below; ``…`` stands for anything."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pytest_rawrxd.cli import main

BASH = shutil.which("bash") or "bash"


@dataclass(frozen=True)
class Step:
    """One command of a document and the lines that it shows."""

    command: str
    shown: tuple[str, ...]

    def prints(self, printed: str) -> bool:
        """Whether ``printed`` is what the document shows; a line of ``…`` alone stands for any number of lines."""
        pattern = "".join(
            r"(?:.*\n)*?" if line.strip() == "…" else ".*".join(map(re.escape, line.split("…"))) + r"\n"
            for line in self.shown
        )
        return re.fullmatch(pattern, printed.rstrip("\n") + "\n" if printed.strip() else "") is not None


def follow(command: str) -> str:
    """Run one command of a document and return what it prints: rawrxd in this process, pytest in one of its own,
    everything else in a shell."""
    words, _, otherwise = command.partition(" || ")
    program, *arguments = shlex.split(words)
    if program == "cd":
        os.chdir(arguments[0])
        return ""
    if program == "rawrxd":
        said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n")
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = main(arguments)
        said.seek(0)
        printed = said.read()
    else:
        asked = [sys.executable, "-m", "pytest", *arguments] if program == "pytest" else [BASH, "-euc", words]
        done = subprocess.run(asked, check=False, capture_output=True, text=True, timeout=240)
        printed, code = done.stdout + done.stderr, done.returncode
        assert otherwise or not code, f"$ {command}\n{printed}exit code {code}"
    return printed + (f"exit code {code}\n" if otherwise and code else "")


def steps(document: Path) -> list[Step]:
    """Every command of the ``console`` blocks of a document, in order."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            found.append(Step(command, tuple(shown.splitlines())))
    return found


def script(document: Path) -> str:
    """The ``sh`` block of a document."""
    found = re.search(r"^```sh\n(.*?)^```$", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert found is not None, f"{document} has no sh block"
    return found[1]
