"""Single-stream decoding of our loop beside its peers in one run: the same file, threads, prompt and cores.

    uv run python benchmarks/single_stream.py [--model FILE] [--pairs N] [--rounds N] [--tokens N] [--threads N]

Peers: the high-level ``Llama`` of llama-cpp-python, as a stream of text (``create_completion(stream=True)``) and as a
stream of token ids (``generate``), and ``llama-bench`` where one is on PATH. Every engine lives in a process of its
own, pinned to the same cores where the system can; each round asks them one after the other, in turning order, so that
a machine that drifts favours nobody. Two processes of one engine differ by a few per cent for as long as they live, so
fresh ones are started several times. Ratios count: ours / peer, the median over rounds and then over pairs of
processes, goal 1.00, at least 0.97 of the best. Without --model the rehearsal's Q4_K is used, from the cache or made.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from pytest_rawrxd.measure.contention import SystemCpu, watch
from pytest_rawrxd.measure.prompts import prompts
from pytest_rawrxd.rig.engine.choose import EngineSetup, open_engine
from pytest_rawrxd.rig.engine.environment import child_environment
from pytest_rawrxd.rig.engine.protocol import Engine, LoadOptions, Request
from pytest_rawrxd.rig.models.cache import default_cache
from pytest_rawrxd.rig.models.ladder import ModelsSpec, prepare_models

CONTEXT = 512
PROMPT_TOKENS = 16
DEADLINE_S = 600.0
GOAL = 0.97
OURS = "ours"
#: A peer's process: a line of JSON tells it how to answer, a line of JSON is the answer in tok/s, null where the model
#: ended it early.
PEER = """
import json, sys, time
from llama_cpp import Llama

model, threads, context = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
# Flash attention as the engine itself chooses it; Llama switches it off by default.
llama = Llama(model, n_ctx=context, n_threads=threads, n_threads_batch=threads, flash_attn=True, verbose=False)

def text(prompt, tokens):
    for chunk in llama.create_completion(prompt, max_tokens=tokens, temperature=0.0, stream=True):
        yield chunk["choices"][0]["finish_reason"]

def ids(prompt, tokens):
    for _, token in zip(range(tokens), llama.generate(prompt, temp=0.0)):
        yield token

for line in sys.stdin:
    how, prompt, tokens = json.loads(line)
    stamps, last = [], None
    for last in {"text": text, "ids": ids}[how](prompt, tokens):
        stamps.append(time.perf_counter())
    whole = how == "ids" or last == "length"
    # A chunk of text may hold two tokens, so tokens are counted as they were asked for.
    print(json.dumps((tokens - 1) / (stamps[-1] - stamps[0]) if whole else None), flush=True)
"""


@dataclass(frozen=True)
class Pair:
    """What one fresh process of each engine did: tok/s by name, our own cost, the CPU share of other programs."""

    rates: dict[str, list[float]]
    overheads: list[tuple[float, float]]
    foreign_share: float

    def ratio(self, name: str) -> float:
        """Ours / theirs, median over rounds."""
        return median(own / other for own, other in zip(self.rates[OURS], self.rates[name], strict=True))


def ours(engine: Engine, prompt: list[int], tokens: int, overheads: list[tuple[float, float]]) -> float:
    """Return tok/s of our loop; append its own cost in us per step and as a share of the step."""
    (answer,) = engine.generate([Request(prompt, tokens)], deadline_s=DEADLINE_S)
    assert answer.finish_reason == "length", answer.finish_reason
    cost = engine.cost
    assert cost is not None
    assert cost.overhead_us_per_step is not None
    overheads.append((cost.overhead_us_per_step, 1 - cost.engine_ns / cost.wall_ns))
    return (len(answer.stamps_ns) - 1) / ((answer.stamps_ns[-1] - answer.stamps_ns[0]) / 1e9)


@contextmanager
def peer(model: Path, threads: int) -> Iterator[Callable[[str, list[int], int], float | None]]:
    """A process with a high-level Llama; the function it yields asks for one answer."""
    child = subprocess.Popen(
        [sys.executable, "-c", PEER, str(model), str(threads), str(CONTEXT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=child_environment(os.environ),  # the environment that our engine has
    )

    def ask(how: str, prompt: list[int], tokens: int) -> float | None:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps([how, prompt, tokens]) + "\n")
        child.stdin.flush()
        answer = child.stdout.readline()
        if not answer:
            sys.exit("the peer's process ended")
        rate: float | None = json.loads(answer)
        return rate

    try:
        yield ask
    finally:
        child.stdin.close()  # type: ignore[union-attr]  # it is a pipe
        child.wait(60)


def llama_bench(tool: str, model: Path, threads: int, tokens: int) -> float:
    """Return tok/s of one run of llama-bench, generating from an empty context."""
    command = [tool, "-m", str(model), "-t", str(threads), "-p", "0", "-n", str(tokens), "-r", "1", "-o", "json"]
    # In the environment that our engine has: threads that spin would make the peer slow on a busy machine.
    environment = child_environment(os.environ)
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=DEADLINE_S, env=environment)
    return float(json.loads(done.stdout)[0]["avg_ts"])


def pin(threads: int) -> str:
    """Pin this process, and so its children, to as many cores as there are threads; return what was done."""
    process = psutil.Process()
    if not hasattr(process, "cpu_affinity"):
        return "not pinned: this system cannot"
    cores = process.cpu_affinity()[:threads]
    process.cpu_affinity(cores)
    return f"pinned to cores {', '.join(map(str, cores))}"


def pair(model: Path, tool: str | None, chosen: argparse.Namespace) -> Pair:
    """Measure one fresh process of each, asked one after the other for as many rounds as wanted."""
    rates: dict[str, list[float]] = {}
    overheads: list[tuple[float, float]] = []
    tokens = chosen.tokens
    with ExitStack() as stack:
        engine = stack.enter_context(open_engine("llama-cpp-python", EngineSetup(os.environ)))
        options = LoadOptions(n_ctx=CONTEXT, n_threads=chosen.threads, prefill_chunk=64)
        engine.load(model, options, deadline_s=DEADLINE_S)
        ask = stack.enter_context(peer(model, chosen.threads))
        starts = (engine.tokenize(text)[:PROMPT_TOKENS] for text in prompts(seed=1))
        # A text stream cannot be told to go on after the model's end.
        prompt = next((start for start in starts if ask("text", start, tokens)), None)
        if prompt is None:
            sys.exit(f"no prompt leads to {tokens} tokens of text: fewer --tokens")
        contenders: dict[str, Callable[[], float | None]] = {
            OURS: lambda: ours(engine, prompt, tokens, overheads),
            "Llama, text stream": lambda: ask("text", prompt, tokens),
            "Llama, token stream": lambda: ask("ids", prompt, tokens),
        }
        if tool is not None:
            contenders["llama-bench"] = lambda: llama_bench(tool, model, chosen.threads, tokens)
        for rate in contenders.values():
            rate()  # a warm-up that does not count
        overheads.clear()
        family = [child.pid for child in psutil.Process().children(recursive=True)]
        ended = watch(SystemCpu(), family, psutil.cpu_count() or 1, time.perf_counter_ns)
        order = list(contenders)
        for turn in range(chosen.rounds):
            start = turn % len(order)
            for name in (*order[start:], *order[:start]):
                rates.setdefault(name, []).append(contenders[name]() or math.nan)
        return Pair(rates, overheads, ended().foreign_share)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", type=Path, help="GGUF file; default: Q4_K of the rehearsal")
    parser.add_argument("--pairs", type=int, default=5, help="fresh processes of each engine")
    parser.add_argument("--rounds", type=int, default=5, help="answers of each in one pair")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=psutil.cpu_count(logical=False) or 1)
    chosen = parser.parse_args()
    spec = ModelsSpec("smollm2", ("Q4_K",))
    model = chosen.model or prepare_models(spec, cache=default_cache(), progress=print).models["Q4_K"].path
    print(f"{model.name}, {chosen.threads} threads, {chosen.tokens} tokens, {pin(chosen.threads)}")
    tool = shutil.which("llama-bench")
    show([pair(model, tool, chosen) for _ in range(chosen.pairs)])
    if tool is None:
        print("llama-bench: none on PATH, not compared; no package ships it, llama-cpp-python's sdist has its source")


def show(pairs: list[Pair]) -> None:
    """Print medians over pairs, and what our loop costs."""
    print(f"\n{'':22}{'tok/s, median':>14}{'ours / peer, median':>21}{'lowest':>8}{'highest':>9}")
    print(f"{OURS:22}{median(rate for each in pairs for rate in each.rates[OURS]):14.1f}")
    worst = math.inf
    for name in pairs[0].rates:
        if name == OURS:
            continue
        ratios = [each.ratio(name) for each in pairs]
        worst = min(worst, median(ratios))
        rate = median(rate for each in pairs for rate in each.rates[name])
        print(f"{name:22}{rate:14.1f}{median(ratios):21.3f}{min(ratios):8.3f}{max(ratios):9.3f}")
    said = "kept" if worst >= GOAL else "missed"
    print(f"\nagainst the best peer: {worst:.3f}, at least {GOAL:.2f} wanted: {said}")
    micros = median(cost for each in pairs for cost, _ in each.overheads)
    share = median(share for each in pairs for _, share in each.overheads)
    print(f"our loop's own cost: {micros:.0f} us per token, {share:.2%} of a step")
    print(f"other programs used {max(each.foreign_share for each in pairs):.0%} of the machine at most")


if __name__ == "__main__":
    main()
