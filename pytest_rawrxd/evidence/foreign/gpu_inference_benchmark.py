"""``gpu_inference_benchmark``: the CSV that it writes, or the lines that it prints where there is none."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.foreign.figure import Document, ForeignFigure, Reader, has
from pytest_rawrxd.evidence.foreign.llama_bench import file_name

HEADER = "model,file_size_gb,tokens,load_time_ms,gen_time_ms,tps,latency_ms,success,error"
PRINTED = "printed"  #: the field of a document made of printed lines
MISMATCHES = (
    "the program times itself; ours is timed by the one who receives the tokens",
    "one generation after one load; ours are fresh processes, which vary more",
    "what its time of generation holds is not stated: it may hold the prompt and the first token; ours does not",
)
_RATE = re.compile(r"Tokens/Sec:\s*(\S+)\s*TPS", re.IGNORECASE)
_TRUE = ("true", "1", "yes")
_FALSE = ("false", "0", "no")


def documents(text: str) -> list[dict[str, Any]] | None:
    """The rows of its CSV, or a document for each rate that it printed; None for anything else.

    Raises EvidenceProblem for a row of more or fewer cells than the header: a comma in a name moves its figures.
    """
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if line.strip().lower() == HEADER:
            return [_row(cells, number) for number, cells in enumerate(_cells(lines[at + 1 :]), 1) if cells]
    found = _RATE.findall(text)
    return [{PRINTED: rate} for rate in found] or None


def _cells(lines: list[str]) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO("\n".join(lines))))
    except csv.Error as error:
        raise EvidenceProblem("the table cannot be read", found=str(error), possible=HEADER) from error


def _row(cells: list[str], number: int) -> dict[str, Any]:
    names = HEADER.split(",")
    told = names.index("success")
    if len(cells) > len(names) and cells[told].strip().lower() in (*_TRUE, *_FALSE):
        cells = [*cells[: told + 1], ",".join(cells[told + 1 :])]  # the text of an error may have commas
    if len(cells) != len(names):
        raise EvidenceProblem(
            "a row has other columns than its header",
            where=f"result {number}",
            found=f"{len(cells)} cells",
            possible=f"{len(names)}: {HEADER}",
        )
    return dict(zip(names, cells, strict=True))


def _wrote(document: Document) -> bool:
    return set(document) == {PRINTED} or has(document, *HEADER.split(","))


def _read(document: Document, number: int) -> Iterator[ForeignFigure]:
    where = f"result {number}"
    if PRINTED in document:
        rate = _number(document[PRINTED], f"{where}, Tokens/Sec")
        yield ForeignFigure("decode_tps", "Tokens/Sec", "tok/s", (rate,), {"result": number, "streams": 1}, MISMATCHES)
        return
    if str(document["success"]).strip().lower() not in _TRUE:
        return
    conditions: dict[str, str | int] = {
        "model": file_name(document["model"]),
        "tokens": int(_number(document["tokens"], f"{where}.tokens")),
        "streams": 1,
    }
    rate = _number(document["tps"], f"{where}.tps")
    yield ForeignFigure("decode_tps", "tps", "tok/s", (rate,), conditions, MISMATCHES)


def _number(value: object, where: str) -> float:
    try:
        found = float(str(value))
    except ValueError:
        found = -1.0
    if not 0 < found < float("inf"):
        raise EvidenceProblem("a figure is no number above 0", where=where, found=str(value), possible="more than 0")
    return found


READER = Reader("gpu_inference_benchmark", "gpu_inference_benchmark [MODELS_DIR] [TOKENS]", _wrote, _read)
