"""From the words of ``--sla-engine`` to a running engine: one table, one entry a kind."""

from __future__ import annotations

import difflib
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.rig.engine.environment import child_environment
from pytest_rawrxd.rig.engine.handle import ChildEngine
from pytest_rawrxd.rig.engine.process import EngineProcess
from pytest_rawrxd.rig.engine.protocol import Engine, ProgressListener
from pytest_rawrxd.rig.engine.scenes import SCENES, Scene
from pytest_rawrxd.rig.engine.scripted import ScriptedEngine
from pytest_rawrxd.rig.server.target import HTTP_KINDS


@dataclass(frozen=True)
class EngineSetup:
    """What an engine takes from its surroundings."""

    environ: Mapping[str, str]  #: an allow-list of it reaches a child process
    start_deadline_s: float = 60.0
    silence_s: float | None = None  #: EngineHung after this long without a sign of progress while generating
    on_progress: ProgressListener | None = None
    seed: int = 0  #: of a scripted engine


#: Gets what stands behind the colon ("" without one).
Opener = Callable[[str, EngineSetup], Engine]


def open_engine(spec: str, setup: EngineSetup, *, openers: Mapping[str, Opener] | None = None) -> Engine:
    """Start the engine that ``spec`` names (``KIND`` or ``KIND:REST``). Raises UsageProblem for an unknown one.

    ``openers`` adds kinds to the built-in ones.
    """
    table = {**OPENERS, **(openers or {})}
    kind, _, rest = spec.partition(":")
    if kind not in table:
        raise _unknown("engine", kind, [*table, "llama-server", *HTTP_KINDS, "command"], where="--sla-engine")
    return table[kind](rest, setup)


def _llama_cpp_python(rest: str, setup: EngineSetup) -> Engine:
    if rest:
        raise UsageProblem("llama-cpp-python takes nothing behind a colon", found=rest)
    return _child(["pytest_rawrxd.rig.engine.child"], setup)


def _scripted(name: str, setup: EngineSetup) -> Engine:
    return ScriptedEngine(_scene(name), seed=setup.seed, on_progress=setup.on_progress)


def _scripted_process(name: str, setup: EngineSetup) -> Engine:
    return _child(["pytest_rawrxd.rig.engine.scripted_child", _scene(name).name, str(setup.seed)], setup)


def _child(module: list[str], setup: EngineSetup) -> Engine:
    # -P: a file of the working directory called numpy.py or llama_cpp.py is not what is measured.
    process = EngineProcess(
        [sys.executable, "-P", "-m", *module], environment=child_environment(setup.environ), clock=time.monotonic
    )
    return ChildEngine(
        process,
        start_deadline_s=setup.start_deadline_s,
        silence_s=setup.silence_s,
        on_progress=setup.on_progress,
    )


def _scene(name: str) -> Scene:
    if name not in SCENES:
        raise _unknown("scene", name, SCENES)
    return SCENES[name]


def _unknown(what: str, name: str, known: Iterable[str], where: str | None = None) -> UsageProblem:
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.7)
    hint = f"; did you mean {near[0]}?" if near else ""
    return UsageProblem(f"unknown {what} {name!r}{hint}", where=where, possible=", ".join(names))


OPENERS: dict[str, Opener] = {
    "llama-cpp-python": _llama_cpp_python,
    "scripted": _scripted,
    "scripted-process": _scripted_process,
}
