"""``rawrxd init DIR``: acceptance tests and profiles in a folder of one's own, ready to be changed."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.places import package_data

IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc")
CONFIG = """\
[tool.pytest]
minversion = "9.2"
strict = true
addopts = ["--import-mode=importlib"]
# Tests below these folders are promises about an engine; collecting one activates a profile.
sla_acceptance = ["acceptance"]
"""
#: A run directory is evidence of one machine; what belongs under version control is below signed/.
IGNORE = "/reports/*\n!/reports/signed/\n__pycache__/\n"


def add(verbs: Any) -> None:
    verb = verbs.add_parser("init", help="put the acceptance tests and profiles into an empty folder, for your engine")
    verb.add_argument("folder", metavar="DIR", type=Path, help="a new or empty folder")
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    folder: Path = arguments.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageProblem(
            "init writes into an empty folder only",
            where=folder.as_posix(),
            found=", ".join(sorted(path.name for path in folder.iterdir())[:5]) if folder.is_dir() else "a file",
            possible="a new folder",
        )
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(package_data("acceptance"), folder / "acceptance", ignore=IGNORED)
    shutil.copytree(package_data("fixtures") / "profiles", folder / "fixtures" / "profiles", ignore=IGNORED)
    (folder / "pyproject.toml").write_text(CONFIG, encoding="utf-8")
    (folder / ".gitignore").write_text(IGNORE, encoding="utf-8")
    print(
        f"{folder.as_posix()}: acceptance/ (the promises as tests), fixtures/profiles/ (their bounds), pyproject.toml\n"
        "next, in that folder:\n"
        "  pytest acceptance/ --sla-profile embedded --sla-engine scripted:steady -m phase1  a demonstration\n"
        "  pytest acceptance/ --sla-profile embedded -m phase1                  a rehearsal on this machine's CPU\n"
        "  rawrxd plan rx7800xt                                      what the roadmap's profile needs and promises"
    )
    return 0
