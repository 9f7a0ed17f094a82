"""What each variant has lost: its scores on the text that ships, against the most precise file present.

Records "quality.reference" (the most precise file alone), "quality" (one for each variant) and "quality.missing" (a
variant that has none, and why). Each keeps the scores of every position as raw evidence: all figures follow from them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import LoadFailed, RigTrouble
from pytest_rawrxd.measure.decode import describe_trouble
from pytest_rawrxd.measure.sink import Sink
from pytest_rawrxd.places import package_data
from pytest_rawrxd.rig.engine.protocol import Engine, LoadOptions, TokenIds
from pytest_rawrxd.rig.models.folder import ModelFile
from pytest_rawrxd.rig.models.quality import Scores, chunks_of, summarise

MISSING = "quality.missing"
RANDOM = "its weights are random numbers: what they have lost by quantising says nothing"


@dataclass(frozen=True)
class Text:
    """The text that is scored; figures are comparable on the same bytes only."""

    name: str
    words: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.words.encode()).hexdigest()


def shipped_text() -> Text:
    """``fixtures/texts/quality.txt``."""
    path = package_data("fixtures") / "texts" / "quality.txt"
    return Text(f"{path.parent.name}/{path.name}", path.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Terms:
    """How models are scored: ``chunks`` of ``context`` tokens at most, each within its deadline."""

    options: LoadOptions
    context: int
    chunks: int
    load_deadline_s: float
    chunk_deadline_s: float


@dataclass(frozen=True, eq=False)
class _Pass:
    """One model's way through the text."""

    chunks: TokenIds
    scores: Scores
    data: dict[str, Any]

    @property
    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        found = {"chunks": self.chunks, **vars(self.scores)}
        return {name: array for name, array in found.items() if array is not None}


@dataclass(frozen=True, eq=False)
class _Reference:
    """The most precise file after its pass: what the others are compared with."""

    model: ModelFile
    chunks: TokenIds
    logits: Path


def measure_quality(
    models: Sequence[ModelFile],
    reference: ModelFile | None,
    terms: Terms,
    *,
    text: Text,
    start: Callable[[], Engine],
    sink: Sink,
    scratch: Path,
    on_model: Callable[[int, int, str], None] = lambda _done, _total, _name: None,
) -> None:
    """Score ``reference`` and then every one of ``models`` against it, each in a fresh engine process; record it all.

    ``scratch`` holds the reference's logits meanwhile: 4 bytes x chunks x half a chunk x vocabulary. A reference that
    cannot be scored leaves the perplexity of the others, and an engine's trouble leaves the other models.
    """
    judged = [model for model in models if model.manifest.provenance.quality_judgeable]
    for model in models:
        if model not in judged:
            sink.record(MISSING, {**_identity(model), "why": RANDOM})
    if not judged:
        return
    passes = len(judged) + (reference is not None)
    against, why = None, "no file is precise enough to compare with"
    if reference is not None:
        on_model(0, passes, f"reference {reference.manifest.variant}")
        try:
            against = _score_reference(reference, terms, text, start, sink=sink, scratch=scratch)
        except RigTrouble as trouble:
            why = f"the reference {reference.manifest.variant} could not be scored: {trouble.what}"
            sink.record(MISSING, {**_identity(reference), "why": why, **describe_trouble(trouble)})
    compared = {
        "reference": against and against.model.manifest.variant,
        "reference_sha256": against and against.model.manifest.sha256,
        "why_no_reference": None if against else why,
    }
    for done, model in enumerate(judged, start=passes - len(judged)):
        on_model(done, passes, model.manifest.variant)
        try:
            found = _score(model, terms, text, start, against=against)
        except RigTrouble as trouble:
            why = ": ".join(part for part in (trouble.what, trouble.found) if part)
            sink.record(MISSING, {**_identity(model), "why": why, **describe_trouble(trouble)})
        else:
            sink.record("quality", {**_identity(model), **compared, **found.data}, found.arrays)


def _score_reference(
    model: ModelFile, terms: Terms, text: Text, start: Callable[[], Engine], *, sink: Sink, scratch: Path
) -> _Reference:
    logits = scratch / "reference.npy"
    try:
        found = _score(model, terms, text, start, keep=logits)
    except RigTrouble:
        logits.unlink(missing_ok=True)  # what there is of it may fill the disk that the evidence goes to
        raise
    sink.record("quality.reference", {**_identity(model), **found.data}, found.arrays)
    return _Reference(model, found.chunks, logits)


def _score(
    model: ModelFile,
    terms: Terms,
    text: Text,
    start: Callable[[], Engine],
    *,
    keep: Path | None = None,
    against: _Reference | None = None,
) -> _Pass:
    with start() as engine:
        options = _load(engine, model.path, terms)
        tokens = engine.tokenize(text.words)
        chunks = chunks_of(tokens, terms.context, most=terms.chunks)
        if not len(chunks):
            raise RigTrouble(
                "the text is shorter than one chunk",
                where=text.name,
                found=f"{len(tokens)} tokens",
                possible=f"protocol.quality.context below {terms.context}",
            )
        if against is not None and not np.array_equal(chunks, against.chunks):
            raise RigTrouble("the file reads the text as other tokens than the reference", where=str(model.path))
        scores = engine.score(
            chunks,
            keep=keep,
            against=None if against is None else against.logits,
            deadline_s=terms.chunk_deadline_s * len(chunks),
        )
        found = summarise(scores)
        data = {
            "text": text.name,
            "text_sha256": text.sha256,
            "text_tokens": len(tokens),
            "context": terms.context,
            "chunks": len(chunks),
            "positions": found.positions,
            "perplexity": found.perplexity.value,
            "kl_divergence": found.divergence and found.divergence.value,
            "same_top_share": found.same_top_share and found.same_top_share.value,
            "engine": asdict(engine.info),
            "options": asdict(options),
        }
    return _Pass(chunks, scores, data)


def _load(engine: Engine, model: Path, terms: Terms) -> LoadOptions:
    """Load the model, on the CPU where it does not fit the device: that changes its speed and not its quality."""
    options = terms.options
    try:
        engine.load(model, options, deadline_s=terms.load_deadline_s)
    except LoadFailed:
        if options.n_gpu_layers == 0:
            raise
        options = replace(options, n_gpu_layers=0)
        engine.load(model, options, deadline_s=terms.load_deadline_s)
    return options


def _identity(model: ModelFile) -> dict[str, Any]:
    return {"variant": model.manifest.variant, "model_sha256": model.manifest.sha256}
