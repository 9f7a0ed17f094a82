"""llama-bench, ``-o json`` or ``-o jsonl``.

Seen: the sample of its README (build 5163, two results). Constructed: JSON lines, which hold the same objects one a
line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.foreign.figure import Document, ForeignFigure, Reader, finite, has, whole

ALWAYS = (
    "all repetitions run in one process after one load; ours are fresh processes, which vary more",
    "tokens are given, not predicted, and tokenizing and sampling are left out; ours decodes what it predicts",
)
DECODE = (
    "all tokens count, the first one too; ours leaves out each request's first interval and the warm-up",
    "decoding starts at the given depth of the cache (0 unless -d); ours continues a prompt",
)


def _wrote(document: Document) -> bool:
    return has(document, "build_commit", "model_filename", "n_prompt", "n_gen", "samples_ts", "avg_ts")


def _read(document: Document, number: int) -> Iterator[ForeignFigure]:
    where = f"result {number}"
    prompt, tokens = whole(document, "n_prompt", where=where), whole(document, "n_gen", where=where)
    samples = document["samples_ts"]
    if not isinstance(samples, list) or not samples:
        raise EvidenceProblem("a result has no samples", where=f"{where}.samples_ts")
    values = tuple(_sample(value, f"{where}.samples_ts[{at}]") for at, value in enumerate(samples))
    conditions: dict[str, str | int] = {"model": file_name(document["model_filename"]), "streams": 1}
    if "n_depth" in document:
        conditions["depth"] = whole(document, "n_depth", where=where)
    if tokens and not prompt:
        yield ForeignFigure(
            "decode_tps", f"tg{tokens}", "tok/s", values, {**conditions, "tokens": tokens}, (*ALWAYS, *DECODE)
        )
    elif prompt and not tokens:
        yield ForeignFigure("pp", f"pp{prompt}", "tok/s", values, {**conditions, "prompt_tokens": prompt}, ALWAYS)
    else:
        both = {**conditions, "prompt_tokens": prompt, "tokens": tokens}
        mixed = "prompt and generated tokens over the time of both; ours never mixes them"
        yield ForeignFigure("pg", f"pp{prompt}+tg{tokens}", "tok/s", values, both, (*ALWAYS, mixed))


def _sample(value: object, where: str) -> float:
    found = finite(value)
    if found is None or found <= 0:
        raise EvidenceProblem("a sample is not a rate", where=where, found=str(value)[:40], possible="more than 0")
    return found


def file_name(path: object) -> str:
    """The last part of a path of any system."""
    return re.split(r"[/\\]", str(path))[-1]


READER = Reader("llama-bench", "llama-bench -o json or -o jsonl", _wrote, _read)
