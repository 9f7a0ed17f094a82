"""Writes docs/reference/ from code and profiles: ``uv run python docs/generate.py``. A test compares the result."""

from __future__ import annotations

import inspect
import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path

from pytest_rawrxd.cli import VERBS, main
from pytest_rawrxd.plugin import hookspecs
from pytest_rawrxd.plugin.claims import claims
from pytest_rawrxd.profile import Criterion, load_profile
from pytest_rawrxd.profile.kinds import RULES
from pytest_rawrxd.profile.metrics import METRICS
from pytest_rawrxd.report import number
from pytest_rawrxd.settings import OPTIONS
from pytest_rawrxd.verdict.planning import BANDWIDTH, DRILL, FAULTS, LEVELS, LOAD, NONE, SINGLE, SOAK, plan

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path("docs") / "reference"
PROFILE = "rx7800xt"
NOTE = "<!-- Written by docs/generate.py; do not edit. -->"
#: What a run directory keeps of each activity.
EVIDENCE = {
    SINGLE: "records `decode.run`; every token's instant of every process, `raw/*-decode.run.npz`",
    BANDWIDTH: "records `bandwidth.run`; every token's instant, `raw/*-bandwidth.run.npz`",
    LOAD: "records `load.run`; every token's instant of every stream, `raw/*-load.run.npz`",
    LEVELS: "records `load.run`, one for each run of a level; `raw/*-load.run.npz`",
    SOAK: "the soak's journal",
    FAULTS: "the record of each injection",
    DRILL: "records `monitoring.rules` and `monitoring.drill`: each fault, what it did, who was called and when",
    NONE: "the verdicts and records that its output or document shows",
}


def criteria_page() -> str:
    """Each criterion of the roadmap: its bound, the test that decides it, and the evidence it is derived from."""
    profile = load_profile(PROFILE)
    tests = claims([ROOT / "acceptance"], ROOT)
    activity = {
        name: each.name for each in plan(profile).activities for claim in each.claims for name in claim.criteria
    }
    rows = [_criterion(criterion, tests.get(criterion.id, []), activity) for criterion in profile.criteria.values()]
    unclaimed = sum(criterion.id not in tests for criterion in profile.criteria.values())
    head = (
        f"{len(rows)} criteria of profile `{PROFILE}`, {len(rows) - unclaimed} with a test. One without is shown as"
        " *unclaimed* on the sign-off page and keeps its phase from being signed."
    )
    return _page(
        "From a promise to its evidence",
        [head, "", *_table(("criterion", "bound", "what", "decided by", "derived from"), rows)],
    )


def _criterion(criterion: Criterion, tests: list[str], activity: dict[str, str]) -> tuple[str, ...]:
    bound = number.required(criterion.direction, criterion.limit, criterion.unit)
    return (
        f"`{criterion.id}`{' (informative)' if criterion.informative else ''}",
        bound,
        criterion.title,
        "<br>".join(f"`{test}`" for test in tests) or "*unclaimed*",
        EVIDENCE[activity.get(criterion.id, NONE)],
    )


def options_page() -> str:
    """Every option with its twins."""
    rows = [
        (f"`{each.flag} {each.metavar}`".replace("|", "\\|"), f"`{each.variable}`", f"`{each.ini}`", each.help)
        for each in OPTIONS.values()
    ]
    return _page(
        "Options of the acceptance session",
        [
            "The command line counts before the environment, the environment before the ini file; `none` switches an",
            "option off. `sla_acceptance` (ini only) names the folders whose tests are acceptance tests.",
            "",
            *_table(("command line", "environment", "ini", "meaning"), rows),
        ],
    )


def metrics_page() -> str:
    """What can be promised and how a promise is judged."""
    metrics = [
        (f"`{each.name}`", each.dimension, each.formula, ", ".join(each.kinds), ", ".join(each.where) or "–")
        for each in METRICS.values()
    ]
    return _page(
        "What can be promised",
        [
            "## Metrics",
            "",
            *_table(("metric", "dimension", "what it is", "kinds", "conditions"), metrics),
            "",
            "## Kinds: what keeping a promise means",
            "",
            *_table(("kind", "it is kept when"), [(f"`{name}`", rule.promise) for name, rule in RULES.items()]),
        ],
    )


def hooks_page() -> str:
    """Every hook as its specification describes it."""
    lines = [
        "A `conftest.py` or an installed plugin of pytest implements the ones it needs.",
        "[examples/warp](../examples/warp) is a whole project that uses all of them.",
    ]
    for name, hook in vars(hookspecs).items():
        if name.startswith("pytest_rawrxd_"):
            said = re.sub(r"::\n", ":\n", inspect.cleandoc(hook.__doc__))
            lines += ["", f"## {name}", "", f"`{name}({', '.join(inspect.signature(hook).parameters)})`", "", said]
    return _page("Hooks for other packages", lines)


def verbs_page() -> str:
    """The help of every verb, as it prints itself."""
    lines = [
        "`rawrxd VERB`; every verb ends with 0 (done), 1 (not approved, or trouble), 2 (interrupted) or 4 (usage)."
    ]
    for verb in VERBS:
        name = verb.__name__.rpartition(".")[2]
        lines += ["", f"## {name}", "", "```text", *_help(name), "```"]
    return _page("The rawrxd command", lines)


def _help(name: str) -> Iterator[str]:
    os.environ["COLUMNS"] = "100"  # argparse asks for the width of the terminal
    said = io.StringIO()
    with redirect_stdout(said):
        main([name, "--help"])
    yield from said.getvalue().rstrip().splitlines()


def _page(title: str, lines: list[str]) -> str:
    return "\n".join([f"# {title}", "", NOTE, "", *lines]) + "\n"


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


PAGES: dict[str, Callable[[], str]] = {
    "criteria.md": criteria_page,
    "options.md": options_page,
    "metrics.md": metrics_page,
    "hooks.md": hooks_page,
    "verbs.md": verbs_page,
}

if __name__ == "__main__":
    for name, write in PAGES.items():
        (ROOT / FOLDER / name).write_text(write(), encoding="utf-8")
        sys.stdout.write(f"{FOLDER / name}\n")
