"""Runs of an external tool, kept as they came: what it prints is secondary evidence, and never judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.measure.decode import describe_trouble
from pytest_rawrxd.measure.sink import Sink
from pytest_rawrxd.rig.tool import FoundTool, ToolRun

RUN = "tool.run"


@dataclass(frozen=True)
class ToolTask:
    """One test that a tool is asked for; None where its words have no place for it."""

    variant: str | None
    tokens: int | None
    streams: int | None

    def __str__(self) -> str:
        """The task as a live line names it."""
        named = [self.variant] if self.variant else []
        named += [f"{self.tokens} tokens"] if self.tokens else []
        named += [f"{self.streams} streams"] if self.streams else []
        return ", ".join(named) or "everything"


def tool_tasks(
    tool: FoundTool, wanted: Iterable[tuple[str, int, int, int]], *, load: bool = False
) -> dict[ToolTask, int]:
    """Task -> runs, of ``wanted`` (variant, tokens, streams, runs): tests that its words do not tell apart are one.

    ``load``: the tests are of many streams, which only a tool with a place for their number can do.
    """
    found: dict[ToolTask, int] = {}
    if load and "streams" not in tool.places:
        return found
    for variant, tokens, streams, runs in wanted:
        task = ToolTask(
            variant if "model" in tool.places else None,
            tokens if "tokens" in tool.places else None,
            streams if "streams" in tool.places else None,
        )
        found[task] = max(found.get(task, 0), runs)
    return found


def measure_tool(
    tool: FoundTool, task: ToolTask, run: int, start: Callable[[], ToolRun], *, model: str | None, sink: Sink
) -> RigTrouble | None:
    """Run the tool once and record every byte that it left; trouble is recorded and returned.

    ``model`` is the file name of the variant, for figures that name none.
    """
    about: dict[str, Any] = {**asdict(task), "run": run, "model": model, "tool": tool.info.name}
    try:
        done = start()
    except RigTrouble as trouble:
        sink.record("trouble", {**about, "during": RUN, **describe_trouble(trouble)})
        return trouble
    names = list(done.results)
    arrays = {f"result_{at}": np.frombuffer(done.results[name], np.uint8) for at, name in enumerate(names)}
    sink.record(RUN, {**about, "elapsed_s": done.elapsed_s, "results": names, "log": list(done.said)}, arrays)
    return None


def results(data: Mapping[str, Any], raw: Mapping[str, Any]) -> dict[str, bytes]:
    """What a recorded run left, by name: files that it wrote before what it printed."""
    kept = {name: np.asarray(raw[f"result_{at}"], np.uint8).tobytes() for at, name in enumerate(data["results"])}
    return dict(sorted(kept.items(), key=lambda item: item[0] == "output"))
