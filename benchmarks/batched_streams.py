"""Our batching loop beside llama-batched-bench in one run: the same file, threads, prompt and number of streams.

    uv run python benchmarks/batched_streams.py [--peer PROGRAM] [--model FILE] [--streams 1,12] [--rounds N]
        [--tokens N] [--threads N] [--sampling argmax|in-graph] [--load]

Both decode in lock step: all prompts first, then one token of every stream a step. Each round asks both at every
number of streams, in turning order, so that a machine that drifts favours nobody. Ratios count: ours / peer, the median
over rounds, goal 1.00, at least 0.95. Beside them stands what our loop spends outside decode calls, goal 100 us a step
at 12 streams, and the argmax in it. Where there is no llama-batched-bench (--peer, or on PATH) only that is printed,
and it says so; it must be of the llama.cpp commit that our engine names, or the ratio compares two engines.

With --load the same is asked of ours alone in continuous batching, as the load test decodes: prompts of 128 tokens come
in by chunks of 32 beside the running streams, 256 tokens follow, and each stream's place is taken at once, five
requests for two streams. Those are the lengths of the roadmap's load, and 256 the default of --tokens.

What the argmax costs is memory: 12 rows of 49,152 logits are 2.4 MB that a decode step of 50 ms, streaming all
weights, has pushed out of the caches. Read again at once the same rows take 28 us, behind a step 50 to 105. On a GPU
the argmax is in the graph. The other 16 us are Python whose code and arrays are as cold: 0.03 % of a step.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import psutil

from pytest_rawrxd.measure.contention import SystemCpu, watch
from pytest_rawrxd.measure.prompts import prompts, unique_prompts
from pytest_rawrxd.rig.engine.choose import EngineSetup, open_engine
from pytest_rawrxd.rig.engine.environment import child_environment
from pytest_rawrxd.rig.engine.protocol import Generation, LoadOptions, Request, RunCost
from pytest_rawrxd.rig.models.cache import default_cache
from pytest_rawrxd.rig.models.ladder import ModelsSpec, prepare_models

CELLS = "-kvu"  #: one store of KV cells for all streams, as ours has: with one each, attention is another computation
PROMPT_TOKENS = 16
LOAD_PROMPT, LOAD_CHUNK = 128, 32  #: of the roadmap's load test
DEADLINE_S = 600.0
LEAST, MOST_US = 0.95, 100.0


@dataclass(frozen=True)
class Turn:
    """One run at one number of streams."""

    tps: float  #: tokens of all streams per second of decoding
    overhead_us: float = 0.0  #: our own time a step, none of a peer
    picking_us: float = 0.0  #: the part of it in which tokens are found in the logits


def main() -> None:
    """Run the rounds and print the table."""
    asked = _arguments()
    model = Path(asked.model) if asked.model else _rehearsal_model()
    peer = asked.peer or shutil.which("llama-batched-bench")
    turns: dict[tuple[str, int], list[Turn]] = {}
    levels = [int(level) for level in asked.streams.split(",")]
    order = [(who, streams) for streams in levels for who in ("ours", *(("peer",) if peer else ()))]
    observed = watch(SystemCpu(), [os.getpid()], psutil.cpu_count() or 1, time.perf_counter_ns)
    for turn in range(asked.rounds):
        for who, streams in order[turn % len(order) :] + order[: turn % len(order)]:
            made = (
                _ours(model, streams, asked)
                if who == "ours"
                else _peer(peer, model, streams, asked.tokens, asked.threads)
            )
            turns.setdefault((who, streams), []).append(made)
        if asked.load:
            for streams in levels:
                turns.setdefault(("load", streams), []).append(_load(model, streams, asked))
    _print(turns, levels, peer)
    if asked.load:
        for streams in levels:
            told = sorted(round(turn.overhead_us) for turn in turns["load", streams])
            print(f"load, {streams} streams: {median(told):.0f} us a step (rounds: {', '.join(map(str, told))})")
    print(f"processor used by others and by child processes: {observed().foreign_share:.0%}")


def _print(turns: dict[tuple[str, int], list[Turn]], levels: list[int], peer: str | None) -> None:
    print(f"{'streams':>7} {'ours tok/s':>11} {'us a step':>10} {'argmax':>7} {'peer tok/s':>11} {'ratio':>7}")
    for streams in levels:
        ours = turns["ours", streams]
        overhead, picking = median(turn.overhead_us for turn in ours), median(turn.picking_us for turn in ours)
        line = f"{streams:>7} {median(turn.tps for turn in ours):>11.1f} {overhead:>10.1f} {picking:>7.1f}"
        if peer:
            theirs = turns["peer", streams]
            ratio = median(a.tps / b.tps for a, b in zip(ours, theirs, strict=True))
            told = "" if ratio >= LEAST else f"  below {LEAST}"
            line += f" {median(turn.tps for turn in theirs):>11.1f} {ratio:>7.3f}{told}"
        if streams == 12 and overhead > MOST_US:
            line += f"  above {MOST_US:.0f} us"
        print(line)
    if not peer:
        print("no llama-batched-bench: not on PATH, and no --peer; nothing is compared")


def _ours(model: Path, streams: int, wanted: argparse.Namespace) -> Turn:
    answers, cost = _decode(model, streams, wanted, streams, prompt=PROMPT_TOKENS, chunk=512, lock_step=True)
    first = max(int(answer.stamps_ns[0]) for answer in answers)
    last = max(int(answer.stamps_ns[-1]) for answer in answers)
    decoded = sum(int(np.count_nonzero(answer.stamps_ns > first)) for answer in answers)
    return _turn(decoded / ((last - first) / 1e9), cost)


def _load(model: Path, streams: int, wanted: argparse.Namespace) -> Turn:
    count = max(2, 5 * streams // 2)
    _, cost = _decode(model, streams, wanted, count, prompt=LOAD_PROMPT, chunk=LOAD_CHUNK, lock_step=False)
    return _turn(count * wanted.tokens / (cost.wall_ns / 1e9), cost)


def _decode(
    model: Path, streams: int, wanted: argparse.Namespace, count: int, *, prompt: int, chunk: int, lock_step: bool
) -> tuple[list[Generation], RunCost]:
    """What ``count`` requests got from a fresh engine, and what it cost."""
    options = LoadOptions(
        n_ctx=streams * (prompt + wanted.tokens),
        n_streams=streams,
        n_threads=wanted.threads,
        prefill_chunk=chunk,
        sampling=wanted.sampling,
    )
    with open_engine("llama-cpp-python", EngineSetup(environ=os.environ)) as engine:
        engine.load(model, options, deadline_s=DEADLINE_S)
        texts = [engine.tokenize(text) for text in prompts(seed=1)]
        asked = unique_prompts(texts, count=count, length=prompt, seed=(1,))
        answers = engine.generate(
            [Request(start, wanted.tokens, id=str(number)) for number, start in enumerate(asked)],
            deadline_s=DEADLINE_S,
            lock_step=lock_step,
        )
        assert engine.cost is not None
        return answers, engine.cost


def _turn(tps: float, cost: RunCost) -> Turn:
    assert cost.overhead_us_per_step is not None
    return Turn(tps, cost.overhead_us_per_step, cost.picking_ns / 1e3 / cost.steps)


def _peer(program: str, model: Path, streams: int, tokens: int, threads: int) -> Turn:
    command = [program, "-m", str(model), "-c", str(streams * (PROMPT_TOKENS + tokens)), "-t", str(threads)]
    command += ["-npp", str(PROMPT_TOKENS), "-ntg", str(tokens), "-npl", str(streams), "-ngl", "0", CELLS]
    done = subprocess.run(
        [*command, "--output-format", "jsonl"],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=True,
        env=child_environment(os.environ),
    )
    [row] = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{") and '"speed_tg"' in line]
    return Turn(float(row["speed_tg"]))


def _rehearsal_model() -> Path:
    return prepare_models(ModelsSpec("smollm2", ("Q4_K",)), cache=default_cache(), progress=print).models["Q4_K"].path


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model")
    parser.add_argument("--peer", help="path of llama-batched-bench")
    parser.add_argument("--streams", default="1,2,4,8,12,16")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--load", action="store_true", help="also in continuous batching, ours alone")
    parser.add_argument("--threads", type=int, default=psutil.cpu_count(logical=False) or 1)
    parser.add_argument("--sampling", choices=("auto", "argmax", "in-graph"), default="auto")
    return parser.parse_args()


if __name__ == "__main__":
    main()
