"""What a git repository has committed of a folder, by content."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.rig.engine.environment import child_environment

DEADLINE_S = 120.0
#: Where a repository and its settings lie. Not GIT_CONFIG_VALUE_n, in which CI systems hand over tokens.
NAMES = (
    *(
        "GIT_DIR",
        "GIT_COMMON_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_CEILING_DIRECTORIES",
    ),
    *("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_ALTERNATE_OBJECT_DIRECTORIES"),
)

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@dataclass(frozen=True)
class Committed:
    """A folder as the commit HEAD holds it: bytes by the name relative to the folder."""

    commit: str
    remote_branches: tuple[str, ...]  #: that contain the commit, as far as this repository has fetched
    files: dict[str, bytes]


def committed(folder: Path, *, run: Run = subprocess.run) -> Committed:
    """Read ``folder`` from HEAD of the repository that it lies in, not from the disk.

    Line endings that a checkout changes and large files that are stored elsewhere show up as other bytes. Raises
    UsageProblem where there is no git, no repository or no commit.
    """
    commit = _git(run, folder, "rev-parse", "--verify", "HEAD").decode().strip()
    branches = _git(run, folder, "branch", "--remotes", "--contains", commit, "--format=%(refname:short)")
    listed = _git(run, folder, "ls-tree", "-r", "-z", commit, ".").split(b"\0")
    blobs = [entry.split(b"\t", 1) for entry in listed if b" blob " in entry]
    objects = [about.split()[2] for about, _ in blobs]
    contents = _contents(_git(run, folder, "cat-file", "--batch", given=b"".join(name + b"\n" for name in objects)))
    names = [name.decode("utf-8", "surrogateescape") for _, name in blobs]
    return Committed(commit, tuple(branches.decode().split()), dict(zip(names, contents, strict=True)))


def git_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What git needs to read a repository of this user, without a network and without a secret."""
    return child_environment(environ) | {name: environ[name] for name in NAMES if name in environ}


def _contents(batch: bytes) -> list[bytes]:
    """The contents in the answer of ``git cat-file --batch``: for each a line with its size, its bytes, a line end."""
    found, at = [], 0
    while at < len(batch):
        end = batch.index(b"\n", at)
        size = int(batch[at:end].split()[2])
        found.append(batch[end + 1 : end + 1 + size])
        at = end + 2 + size
    return found


def _git(run: Run, folder: Path, *arguments: str, given: bytes | None = None) -> bytes:
    try:
        done = run(
            ["git", "-C", str(folder), *arguments],
            input=given,
            capture_output=True,
            timeout=DEADLINE_S,
            env=git_environment(os.environ),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageProblem(
            "git cannot be asked about the published copy",
            where=str(folder),
            found=str(error),
            possible="install git, or judge where it is",
        ) from error
    if done.returncode != 0:
        raise UsageProblem(
            "git has no commit with the published copy",
            where=str(folder),
            found=done.stderr.decode("utf-8", "replace").strip(),
            possible="git add and commit the folder that rawrxd publish wrote",
        )
    return done.stdout
