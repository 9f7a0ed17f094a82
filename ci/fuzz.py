"""The long fuzzing job: `python ci/fuzz.py --seconds 60` goes round the targets and counts the inputs tried.

It ends 1 at a finding: an exception that is not an error of ours, an accepted input that does not hold together, more
than the time or the memory of one input. The input lies in `reports/fuzz/` then; beside the corpus, where it belongs
once it is mended, the test suite reads it for ever. The same `--seed` tries the same inputs of each target.
With `--guided`, inputs that reach a new branch of ours are kept for that run and changed further.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import json
import logging
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from fuzz.mutate import mutated  # noqa: E402 - it lies beside the tests
from fuzz.target import SECONDS, Target  # noqa: E402
from fuzz.targets import TARGETS  # noqa: E402

MEMORY_BYTES = 4 << 30
KEPT = ROOT / "reports" / "fuzz"
HANG_S = 120  #: on the wall clock, whatever else the machine does
SLICE_S = 2.0  #: of one target, before the next has its turn


def main() -> int:
    """Fuzz until the time is over, and say how many inputs each target was given."""
    verb = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    verb.add_argument("targets", nargs="*", metavar="TARGET", help=f"default: all of {', '.join(TARGETS)}")
    verb.add_argument("--seconds", type=float, default=60.0, help="for all targets together")
    verb.add_argument("--inputs", type=int, default=None, help="for each target at most")
    verb.add_argument("--seed", type=int, default=0)
    verb.add_argument("--guided", action="store_true", help="by coverage, with atheris: uv sync --group fuzz")
    verb.add_argument("--count", type=Path, help="a JSON file to which the inputs of each target are added")
    given = verb.parse_args()
    logging.disable(logging.CRITICAL)
    _limit_memory()
    chosen = [TARGETS[name] for name in given.targets or TARGETS]
    if given.guided:
        tried, new, findings = _guided(chosen, given.seconds, given.seed)
        notes = {name: f"{count:,} with a new branch" for name, count in new.items()}
    else:
        with tempfile.TemporaryDirectory() as place:
            tried, slowest, findings = _fuzz(chosen, Path(place), given.seconds, given.inputs, given.seed)
        notes = {name: f"slowest {seconds:.2f} s of CPU" for name, seconds in slowest.items()}
    for target in chosen:
        print(f"{target.name:16} {tried[target.name]:>9,} inputs, {notes[target.name]}")
    print(f"{'all':16} {sum(tried.values()):>9,} inputs, {len(findings)} findings")
    print("\n".join(findings))
    if given.count:
        before = json.loads(given.count.read_text()) if given.count.exists() else {}
        total = {name: before.get(name, 0) + tried.get(name, 0) for name in sorted({*before, *tried})}
        given.count.write_text(json.dumps(total, indent=1) + "\n")
    return 1 if findings else 0


def _fuzz(
    targets: Sequence[Target], place: Path, seconds: float, inputs: int | None, seed: int
) -> tuple[dict[str, int], dict[str, float], list[str]]:
    tried, slowest = dict.fromkeys((each.name for each in targets), 0), dict.fromkeys((t.name for t in targets), 0.0)
    chance = {each.name: random.Random(f"{seed} {each.name}") for each in targets}  # noqa: S311 - no secret
    seeds = {each.name: each.seeds() for each in targets}
    found: dict[str, str] = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(inputs is None or tried[each.name] < inputs for each in targets):
        for target in targets:
            turn = min(end, time.monotonic() + SLICE_S)
            while time.monotonic() < turn and (inputs is None or tried[target.name] < inputs):
                data = mutated(seeds[target.name], chance[target.name])
                tried[target.name] += 1
                began = time.process_time()
                if wrong := try_input(target, data, place):
                    found.setdefault(f"{target.name} {wrong}", keep(target, data))
                empty(place)
                slowest[target.name] = max(slowest[target.name], time.process_time() - began)
    return tried, slowest, [f"FINDING {what}: {where}" for what, where in found.items()]


def _guided(targets: Sequence[Target], seconds: float, seed: int) -> tuple[dict[str, int], dict[str, int], list[str]]:
    """Fuzz each target in a process of its own: libFuzzer has one a process, and ends it."""
    tried, new, findings = {}, {}, []
    each_s = max(1, round(seconds / len(targets)))
    for target in targets:
        with tempfile.TemporaryDirectory() as folder:
            told = Path(folder) / "told"
            asked = [target.name, "--seconds", str(each_s), "--seed", str(seed + 1), "--told", str(told)]
            command = [sys.executable, str(Path(__file__).with_name("guided.py")), *asked]
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
            told_of = dict(re.findall(r"stat::(\w+):\s*(\d+)", done.stderr))
            tried[target.name] = int(told_of.get("number_of_executed_units", 0))
            new[target.name] = int(told_of.get("new_units_added", 0))
            lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
            findings += [f"FINDING {what}: {where}" for what, where in map(json.loads, lines)]
            if not told_of:
                findings.append(f"FINDING {target.name} ended early: {done.stderr[-1500:]}")
    return tried, new, findings


def try_input(target: Target, data: bytes, place: Path) -> str:
    """What is wrong with how ``target`` takes ``data``: an exception with its deepest place, or "" for nothing."""
    # A hang ends the job with every stack on stderr; its input is the one that is not counted.
    faulthandler.dump_traceback_later(HANG_S, exit=True)
    began = time.process_time()
    try:
        target.accepts(data, place)
    except (Exception, RecursionError) as problem:
        last = traceback.extract_tb(problem.__traceback__)[-1]
        return f"{type(problem).__name__} at {Path(last.filename).name}:{last.lineno} {str(problem)[:80]!a}"
    finally:
        faulthandler.cancel_dump_traceback_later()
    took = time.process_time() - began
    return "slow" if took > SECONDS else ""


def empty(folder: Path) -> None:
    """Remove everything in ``folder``."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            Path(entry.path).unlink()


def keep(target: Target, data: bytes) -> str:
    """Write an input where a person looks at it, and return where."""
    folder = KEPT / target.name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / hashlib.sha256(data).hexdigest()[:12]
    path.write_bytes(data)
    return path.relative_to(ROOT).as_posix()


def _limit_memory() -> None:
    """More than MEMORY_BYTES of address space becomes a MemoryError, where the system can limit it."""
    try:
        import resource  # noqa: PLC0415 - POSIX has it
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    sys.exit(main())
