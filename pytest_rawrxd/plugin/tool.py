"""A session whose engine is an external tool: run as often as the criteria need, kept, and not judged."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from pytest_rawrxd.measure.cells import needed_cells
from pytest_rawrxd.measure.decode import REFERENCE
from pytest_rawrxd.measure.interleave import interleaved
from pytest_rawrxd.measure.levels import needed_levels
from pytest_rawrxd.measure.sink import Sink
from pytest_rawrxd.measure.tool import ToolTask, measure_tool, tool_tasks
from pytest_rawrxd.plugin.preflight import Rig, models_folder
from pytest_rawrxd.plugin.progress import Progress
from pytest_rawrxd.profile import Criterion, Profile
from pytest_rawrxd.rig.tool import FoundTool, ToolRun, run_tool


def single_stream_tasks(tool: FoundTool, profile: Profile, criteria: Iterable[Criterion]) -> dict[ToolTask, int]:
    """What of the performance matrix the tool is asked for."""
    cells = needed_cells(profile, criteria)
    wanted = [(cell.variant, cell.tokens, 1, runs) for cell, runs in cells.items() if cell.kind != REFERENCE]
    return tool_tasks(tool, wanted)


def load_tasks(tool: FoundTool, profile: Profile, criteria: Iterable[Criterion]) -> dict[ToolTask, int]:
    """What of the load test the tool is asked for."""
    load = profile.protocol.phase2
    wanted = [
        (load.variant, load.tokens, level.streams, runs) for level, runs in needed_levels(profile, criteria).items()
    ]
    return tool_tasks(tool, wanted, load=True)


def run_tasks(
    tool: FoundTool, tasks: Mapping[ToolTask, int], rig: Rig, *, deadline_s: float, sink: Sink, progress: Progress
) -> None:
    """Run each task as often as ``tasks`` says, in turn, each run in an empty folder of its own."""
    order = interleaved(tasks)
    refused: set[ToolTask] = set()
    for done, (task, run) in enumerate(order):
        if task in refused or task.variant in rig.missing:
            continue
        progress.show(done, len(order), f"{tool.info.name}, {task}, run {run}")
        model = rig.models[task.variant].path if task.variant else None
        start = partial(_start, tool, task, rig, model, deadline_s)
        if measure_tool(tool, task, run, start, model=model.name if model else None, sink=sink) is not None:
            refused.add(task)  # it would say the same again


def _start(tool: FoundTool, task: ToolTask, rig: Rig, model: Path | None, deadline_s: float) -> ToolRun:
    values = {
        "model": str(model),
        "models": str(models_folder(tool, rig.models)),
        "tokens": str(task.tokens),
        "streams": str(task.streams),
    }
    with TemporaryDirectory(prefix="rawrxd-tool-", ignore_cleanup_errors=True) as folder:
        return run_tool(tool.command(values), folder=Path(folder), environ=os.environ, deadline_s=deadline_s)
