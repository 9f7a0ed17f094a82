"""Result files of other tools as secondary evidence: read strictly, never judged, every other definition named."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.canonical import strict_loads
from pytest_rawrxd.evidence.foreign import (
    aiperf,
    gpu_inference_benchmark,
    guidellm,
    llama_batched_bench,
    llama_bench,
    vllm,
)
from pytest_rawrxd.evidence.foreign.figure import Document, ForeignResult, Reader

MAX_FILE = 64 << 20  #: the largest of these tools writes a few megabytes; raw detail files are not what is compared
MAX_DOCUMENTS = 10_000

READERS: Mapping[str, Reader] = MappingProxyType(
    {
        reader.tool: reader
        for reader in (
            llama_bench.READER,
            llama_batched_bench.READER,
            gpu_inference_benchmark.READER,
            aiperf.READER,
            guidellm.READER,
            vllm.READER,
        )
    }
)


def read_foreign(path: Path) -> ForeignResult:
    """The figures of a result file of one of the tools in ``READERS``.

    Raises EvidenceProblem naming the place for a file that is too large, belongs to none or to several of these tools,
    or holds a number that is none.
    """
    if not path.is_file():
        raise EvidenceProblem("there is no such result file", where=str(path))
    if path.stat().st_size > MAX_FILE:
        raise EvidenceProblem("the result file is too large", where=path.name, possible=f"at most {MAX_FILE} bytes")
    return read_result(path.read_bytes(), path.name)


def read_result(content: bytes, name: str) -> ForeignResult:
    """The figures in ``content``, a result file or what a tool printed, as `read_foreign` has them."""
    documents = _documents(content, name)
    found = [reader for reader in READERS.values() if all(reader.wrote(document) for document in documents)]
    if len(found) != 1:
        raise EvidenceProblem(
            "the file is not the result of a known tool",
            where=name,
            found=f"an object with {', '.join(sorted(documents[0])[:8])}",
            possible="; ".join(f"{reader.tool}: {reader.made_by}" for reader in READERS.values()),
        )
    figures = tuple(figure for number, each in enumerate(documents, 1) for figure in found[0].read(each, number))
    if not figures:
        raise EvidenceProblem("the result file holds no figure that can be compared", where=name)
    return ForeignResult(found[0].tool, name, hashlib.sha256(content).hexdigest(), figures)


def _documents(content: bytes, name: str) -> Sequence[Document]:
    """The objects of the file: one, an array of them, one a line, or the rows of a table."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EvidenceProblem("the result file is not UTF-8", where=name, found=str(error)) from error
    try:
        whole: Any = strict_loads(text)
    except ValueError as error:
        whole = gpu_inference_benchmark.documents(text) or _lines(text, name, str(error))
    documents = whole if isinstance(whole, list) else [whole]
    if not documents or len(documents) > MAX_DOCUMENTS or not all(isinstance(each, dict) for each in documents):
        raise EvidenceProblem(
            "the result file holds no results", where=name, possible=f"1 to {MAX_DOCUMENTS} JSON objects"
        )
    return documents


def _lines(text: str, name: str, why_not_whole: str) -> list[Any]:
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if len(lines) < 2:
        raise EvidenceProblem("the result file is no JSON", where=name, found=why_not_whole)
    documents = []
    for number, line in lines:
        try:
            documents.append(strict_loads(line))
        except ValueError as error:
            raise EvidenceProblem(
                "the result file is neither JSON nor JSON lines", where=f"{name}:{number}", found=str(error)
            ) from error
    return documents
