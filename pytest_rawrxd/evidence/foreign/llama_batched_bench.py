"""llama-batched-bench, ``--output-format jsonl``.

Seen: the format string in batched-bench.cpp, all of its fields. Constructed: the values in our tests; no file of a run
was seen.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_rawrxd.evidence.foreign.figure import Document, ForeignFigure, Reader, has, positive, whole

ALWAYS = (
    "one run without repetition: there is no interval",
    "the file names no model and no build",
    "all streams start and decode in lock step, none is refilled; ours refills a slot at once",
    "tokens are given, not predicted, and sampling is left out; ours decodes what it predicts",
)


def _wrote(document: Document) -> bool:
    return has(document, "n_kv_max", "pp", "tg", "pl", "t_tg", "speed_tg", "speed_pp")


def _read(document: Document, number: int) -> Iterator[ForeignFigure]:
    where = f"result {number}"
    streams, tokens = whole(document, "pl", where=where), whole(document, "tg", where=where)
    conditions = {"streams": streams, "tokens": tokens, "prompt_tokens": whole(document, "pp", where=where)}
    yield ForeignFigure(
        "decode_tps" if streams == 1 else "aggregate_tps",
        "S_TG",
        "tok/s",
        (positive(document, "speed_tg", where=where),),
        conditions,
        ALWAYS,
    )


READER = Reader("llama-batched-bench", "llama-batched-bench --output-format jsonl", _wrote, _read)
