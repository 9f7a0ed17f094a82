"""Our engine beside llama-bench and llama-batched-bench on one model file, on a GPU or a CPU, in less than a minute.

    python3 benchmarks/beside_llama_bench.py --model FILE [--bench PROGRAM] [--batched PROGRAM] [--run-dir RUN_DIR]
        [--streams 12,16] [--tokens 128] [--gpu-layers 999] [--threads N] [--repeats 3] [--pairs 1]
        [--sampling auto|argmax|in-graph,...] [--out FILE]

Needs what a measuring machine has (numpy, psutil, this checkout, llama_cpp on PYTHONPATH or LLAMA_CPP_LIB_PATH) and the
two programs, built from the llama.cpp commit that llama_cpp holds: another commit is another engine. Programs that lie
beside their libraries find them; otherwise LD_LIBRARY_PATH names the folder.

Each pair starts every contender in fresh processes, in turning order; each answers as often as --repeats says, and its
median counts. One stream decodes after a prompt of 16 tokens, the programs after none; many streams decode in lock
step. llama-batched-bench gives each stream a cache of its own unless told -kvu; ours is one for all, so both are asked.
Goals: at least 0.97 of llama-bench with one stream, 0.95 of llama-batched-bench, without -kvu, with many. What our loop
spends outside decode calls stands beside it, so that a gap shows whose it is. With --run-dir the speed that an
acceptance run measured of the same file stands beside llama-bench too. Exit status 1 where a goal is missed or a
contender answers nothing; what the others measured is shown all the same, because a GPU machine may be lent by the
minute.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import psutil

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.prompts import prompts, unique_prompts
from pytest_rawrxd.rig.engine.choose import EngineSetup, open_engine
from pytest_rawrxd.rig.engine.environment import child_environment
from pytest_rawrxd.rig.engine.protocol import LoadOptions, Request, Sampling

PROMPT_TOKENS = 16
DEADLINE_S = 300.0
SINGLE, MANY = 0.97, 0.95
OURS = "ours"
BATCHED = "llama-batched-bench"
UNIFIED = f"{BATCHED} -kvu"  #: one KV cache for all streams, as ours


class NoAnswer(Exception):
    """A contender measured nothing; the others may have."""


@dataclass(frozen=True)
class Turn:
    """What one fresh process did at one number of streams: the median of its answers."""

    who: str
    streams: int
    tps: float
    overhead_us: float | None = None  #: a step, outside decode calls; None of a program


def ours(asked: argparse.Namespace, streams: int, sampling: Sampling) -> Iterator[Turn]:
    """A fresh engine of the suite; all streams in lock step."""
    options = LoadOptions(
        n_ctx=streams * (PROMPT_TOKENS + asked.tokens),
        n_streams=streams,
        n_gpu_layers=asked.gpu_layers,
        n_threads=asked.threads,
        prefill_chunk=PROMPT_TOKENS,
        warm_depth=False,
        sampling=sampling,
    )
    rates: list[float] = []
    overheads: list[float] = []
    with open_engine("llama-cpp-python", EngineSetup(environ=os.environ)) as engine:
        used = engine.load(asked.model, options, deadline_s=DEADLINE_S).sampling
        texts = [engine.tokenize(text) for text in prompts(seed=1)]
        for repeat in range(asked.repeats):
            starts = unique_prompts(texts, count=streams, length=PROMPT_TOKENS, seed=(1, repeat))
            answers = engine.generate(
                [Request(prompt, asked.tokens, id=str(number)) for number, prompt in enumerate(starts)],
                deadline_s=DEADLINE_S,
                lock_step=True,
            )
            first = max(int(answer.stamps_ns[0]) for answer in answers)
            last = max(int(answer.stamps_ns[-1]) for answer in answers)
            decoded = sum(int(np.count_nonzero(answer.stamps_ns > first)) for answer in answers)
            rates.append(decoded / ((last - first) / 1e9))
            if engine.cost is not None and engine.cost.overhead_us_per_step is not None:
                overheads.append(engine.cost.overhead_us_per_step)
    yield Turn(f"{OURS}, {used}", streams, median(rates), median(overheads) if overheads else None)


def bench(asked: argparse.Namespace) -> Iterator[Turn]:
    """llama-bench, generating from an empty context."""
    rows = _answer(asked.bench, asked, "-p", "0", "-n", str(asked.tokens), "-r", str(asked.repeats), "-o", "json")
    (row,) = json.loads(rows)
    yield Turn("llama-bench", 1, float(median(row["samples_ts"])))


def batched(asked: argparse.Namespace, who: str) -> Iterator[Turn]:
    """llama-batched-bench at every number of streams, as often as repeats say, in one process."""
    levels = [streams for streams in asked.streams for _ in range(asked.repeats)]
    rows = _answer(
        asked.batched,
        asked,
        *("-c", str(max(levels) * (PROMPT_TOKENS + asked.tokens))),
        *("-npp", str(PROMPT_TOKENS), "-ntg", str(asked.tokens), "-npl", ",".join(map(str, levels))),
        *("--output-format", "jsonl"),
        *(["-kvu"] if who == UNIFIED else []),
    )
    found = [json.loads(line) for line in rows.splitlines() if line.startswith("{") and '"speed_tg"' in line]
    for streams in asked.streams:
        speeds = [float(row["speed_tg"]) for row in found if int(row["pl"]) == streams]
        if len(speeds) != asked.repeats:
            raise NoAnswer(f"{who} answered {len(speeds)} times at {streams} streams, not {asked.repeats}")
        yield Turn(who, streams, median(speeds))


def _answer(program: Path, asked: argparse.Namespace, *arguments: str) -> str:
    environment = child_environment(os.environ)
    folders = [
        str(program.resolve().parent),
        environment.get("LLAMA_CPP_LIB_PATH", ""),
        environment.get("LD_LIBRARY_PATH", ""),
    ]
    environment["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, folders))
    common = ["-m", str(asked.model), "-ngl", str(asked.gpu_layers), "-t", str(asked.threads)]
    done = subprocess.run(
        [str(program), *common, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        env=environment,
    )
    if done.returncode:
        raise NoAnswer(f"{program.name} ended with {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout


def measure(asked: argparse.Namespace) -> tuple[list[Turn], list[str]]:
    """Every contender in turning order, so that a machine that warms up favours nobody; and why some gave no answer."""
    turns: list[Turn] = []
    troubles: list[str] = []
    contenders: list[Callable[[], Iterable[Turn]]] = [
        partial(ours, asked, streams, sampling) for streams in (1, *asked.streams) for sampling in asked.sampling
    ]
    if asked.bench:
        contenders.append(partial(bench, asked))
    if asked.batched:
        contenders += [partial(batched, asked, who) for who in (BATCHED, UNIFIED)]
    for pair in range(asked.pairs):
        for contender in contenders[pair % len(contenders) :] + contenders[: pair % len(contenders)]:
            try:
                turns.extend(contender())
            except NoAnswer as trouble:
                troubles.append(str(trouble))
    return turns, troubles


def recorded(run_dir: Path, model: Path) -> tuple[str, float]:
    """The mean single-stream speed that an acceptance run measured of the same file, and how it is named."""
    evidence = Evidence.read(run_dir)
    with model.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    variants = [name for name, sha256 in evidence.campaign.identity.models.items() if sha256 == digest]
    if not variants:
        sys.exit(f"{run_dir} measured no such file: {digest}")
    from pytest_rawrxd.verdict.cell import cell_sample  # noqa: PLC0415 - judging needs scipy, measuring does not

    sample = cell_sample(evidence, variants[0], evidence.campaign.profile.protocol.phase1.judged_tokens)
    if sample.problem is not None:
        sys.exit(f"{run_dir}: {sample.problem.reason}")
    return f"{run_dir.name}, {variants[0]}, {sample.tps.size} processes", float(sample.tps.mean())


def show(turns: list[Turn], run: tuple[str, float] | None) -> bool:
    """Print the table; return whether every goal is kept."""
    kept = True
    print(f"{'streams':>7}  {'ours tok/s':>10}  {'us a step':>9}  {'peer tok/s':>10}  {'ratio':>6}  goal")
    for streams in sorted({turn.streams for turn in turns}):
        rates: dict[str, list[float]] = {}
        for turn in turns:
            if turn.streams == streams:
                rates.setdefault(turn.who, []).append(turn.tps)
        peers = {who: median(found) for who, found in rates.items() if not who.startswith(OURS)}
        goal = SINGLE if streams == 1 else MANY
        for who in (who for who in rates if who.startswith(OURS)):
            rate = median(rates[who])
            overheads = [turn.overhead_us for turn in turns if (turn.who, turn.streams) == (who, streams)]
            known = [each for each in overheads if each is not None]
            mine = f"{streams:>7}  {rate:>10.1f}  {f'{median(known):.0f}' if known else '-':>9}"
            if not peers:
                print(f"{mine}  {who}")
            for peer, theirs in peers.items():
                ratio = rate / theirs
                said = "" if peer == UNIFIED else f"{goal} {'kept' if ratio >= goal else 'MISSED'}"
                print(f"{mine}  {theirs:>10.1f}  {ratio:>6.3f}  {said:<11}  {who}; {peer}")
                kept = kept and (peer == UNIFIED or ratio >= goal)
        if peers and streams == 1 and run is not None:
            ratio = run[1] / peers["llama-bench"]
            print(f"{run[0]}: {run[1]:.1f} tok/s, {ratio:.3f} of llama-bench{'' if ratio >= goal else ', MISSED'}")
            kept = kept and ratio >= goal
    return kept


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="GGUF file")
    parser.add_argument("--bench", type=Path, help="path of llama-bench")
    parser.add_argument("--batched", type=Path, help="path of llama-batched-bench")
    parser.add_argument("--run-dir", type=Path, help="an acceptance run that measured the same file")
    parser.add_argument("--streams", type=lambda text: tuple(map(int, text.split(","))), default=(12, 16))
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--gpu-layers", type=int, default=999, help="0 for a CPU")
    parser.add_argument("--threads", type=int, default=psutil.cpu_count(logical=False) or 1)
    parser.add_argument("--repeats", type=int, default=3, help="answers of each process; their median counts")
    parser.add_argument("--pairs", type=int, default=1, help="fresh processes of each")
    parser.add_argument("--sampling", type=lambda text: text.split(","), default=["auto"], help="each is a contender")
    parser.add_argument("--out", type=Path, help="JSON of everything measured")
    asked = parser.parse_args(given)
    for program in (asked.bench, asked.batched):
        if program is not None and not program.is_file():
            parser.error(f"no such program: {program}")
    return asked


def main() -> int:
    asked = arguments()
    began = time.monotonic()
    turns, troubles = measure(asked)
    run = recorded(asked.run_dir, asked.model) if asked.run_dir else None
    kept = show(turns, run)
    for program, given in (("llama-bench", asked.bench), ("llama-batched-bench", asked.batched)):
        if given is None:
            print(f"no {program}: nothing is compared with it")
    for trouble in troubles:
        print(f"no answer: {trouble}")
    print(f"{asked.model.name}, {asked.gpu_layers} GPU layers, {time.monotonic() - began:.0f} s")
    if asked.out:
        asked.out.write_text(json.dumps([asdict(turn) for turn in turns], indent=1) + "\n", encoding="utf-8")
    return 0 if kept and not troubles else 1


if __name__ == "__main__":
    sys.exit(main())
