"""An external tool as the user names it: found, run with its places filled in, and what it left behind.

``{model}`` stands for the model file of a variant, ``{models}`` for the folder of all of them, ``{tokens}`` and
``{streams}`` for the size of the test. It runs in an empty folder, so that a result file it writes is found there.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_rawrxd.errors import EngineHung, RigTrouble, UsageProblem
from pytest_rawrxd.rig.engine.devices import digest
from pytest_rawrxd.rig.engine.environment import child_environment
from pytest_rawrxd.rig.engine.protocol import EngineInfo
from pytest_rawrxd.rig.process import describe_exit, end_tree
from pytest_rawrxd.rig.server.found import UNTOLD
from pytest_rawrxd.rig.server.target import CommandTarget

BINDING = "an external tool"  #: how an identity says that what it prints is all there is
PLACES = ("model", "models", "tokens", "streams")
RESULTS = (".csv", ".json", ".jsonl")
OUTPUT_LIMIT = 16 << 20  #: bytes of everything that one run leaves
FILES_LIMIT = 32
TAIL = 80
END_S = 10.0
_PLACE = re.compile(r"\{(\w*)\}")

Spawn = Callable[..., "subprocess.Popen[bytes]"]


@dataclass(frozen=True)
class FoundTool:
    """A program that is there, with its words as they were given."""

    program: Path
    arguments: tuple[str, ...]
    info: EngineInfo

    @property
    def places(self) -> frozenset[str]:
        """The places in its words that are filled in."""
        return frozenset(name for word in self.arguments for name in _PLACE.findall(word))

    def command(self, values: Mapping[str, str]) -> list[str]:
        """The command line with ``values`` in their places."""
        return [str(self.program), *(_PLACE.sub(lambda place: values[place[1]], word) for word in self.arguments)]


@dataclass(frozen=True)
class ToolRun:
    """What one run left behind."""

    elapsed_s: float
    results: dict[str, bytes]  #: "output", and each result file that it wrote, by name
    said: tuple[str, ...]  #: the end of its stderr


def find_tool(target: CommandTarget, *, which: Callable[[str], str | None] = shutil.which) -> FoundTool:
    """The tool that ``target`` names. Raises UsageProblem where there is no such program or place."""
    name, *arguments = target.command
    where = f"--sla-engine command:{name}"
    found = name if Path(name).is_file() else which(name)
    if found is None:
        raise UsageProblem("there is no such program", where=where, possible="the path of an executable")
    for word in arguments:
        for place in _PLACE.findall(word):
            if place not in PLACES:
                raise UsageProblem(
                    "nothing can be put into this place",
                    where=where,
                    found=f"{{{place}}} in {word!r}",
                    possible=", ".join(f"{{{place}}}" for place in PLACES),
                )
    program = Path(found).resolve()
    return FoundTool(
        program,
        tuple(arguments),
        EngineInfo(
            name=program.stem,
            version=UNTOLD,
            binding=BINDING,
            backend=UNTOLD,
            device=UNTOLD,
            library_sha256=digest([program]),
            details={"arguments": list(arguments)},
        ),
    )


def run_tool(
    command: list[str],
    *,
    folder: Path,
    environ: Mapping[str, str],
    deadline_s: float,
    spawn: Spawn = subprocess.Popen,
    clock: Callable[[], float] = time.monotonic,
) -> ToolRun:
    """Run ``command`` in the empty ``folder`` to its end.

    Raises EngineHung when it is not done in ``deadline_s`` (it is ended then, with what it started), and RigTrouble
    when it does not start, ends with an error, or leaves more than OUTPUT_LIMIT.
    """
    output, errors = folder / "stdout", folder / "stderr"
    began = clock()
    with output.open("wb") as out, errors.open("wb") as err:
        try:
            child = spawn(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=folder,
                env=child_environment(environ),
            )
        except OSError as problem:
            raise RigTrouble("the tool does not start", where=command[0], found=str(problem)) from problem
        try:
            status: int | None = child.wait(deadline_s)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            end_tree(child, END_S)
    elapsed, said = clock() - began, _tail(errors)
    if status is None:
        raise EngineHung(
            "the tool was not done at its deadline",
            where=command[0],
            found=f"still running after {deadline_s:g} s; ended",
            possible="fewer tokens, or a longer protocol.request_deadline in the profile",
            log_tail=said,
        )
    if status != 0:
        raise RigTrouble(
            "the tool ended with an error",
            where=command[0],
            found=describe_exit(status),
            log_tail=said or _tail(output),
        )
    files = {path.name: path for path in sorted(folder.iterdir()) if path.suffix.lower() in RESULTS and path.is_file()}
    files = {"output": output, **files}
    size = sum(path.stat().st_size for path in files.values())
    if size > OUTPUT_LIMIT or len(files) > FILES_LIMIT:
        raise RigTrouble(
            "the tool left more than is kept",
            where=command[0],
            found=f"{len(files)} results, {size} bytes",
            possible=f"at most {FILES_LIMIT} results, {OUTPUT_LIMIT} bytes",
        )
    return ToolRun(elapsed, {name: path.read_bytes() for name, path in files.items()}, said)


def _tail(path: Path) -> tuple[str, ...]:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - (64 << 10)))
        lines = stream.read().decode("utf-8", "replace").splitlines()
    return tuple(line.rstrip() for line in lines[-TAIL:])
