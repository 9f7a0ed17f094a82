"""The quality part of a session: which models this campaign has no score of, and how they get one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from pytest_rawrxd.evidence.campaign import Campaign, Evidence
from pytest_rawrxd.measure.quality import Text, measure_quality
from pytest_rawrxd.measure.sink import Sink
from pytest_rawrxd.plugin.conditions import terms
from pytest_rawrxd.plugin.preflight import Rig
from pytest_rawrxd.plugin.progress import Progress
from pytest_rawrxd.rig.engine.choose import EngineSetup
from pytest_rawrxd.rig.models.cache import default_cache
from pytest_rawrxd.rig.models.folder import ModelFile

IN_PROCESS_ENGINE = "llama-cpp-python"


def unscored(campaign: Campaign, rig: Rig, text: Text) -> list[ModelFile]:
    """The models without a score in ``campaign``: the same file on the same text scores the same."""
    reference = rig.reference
    sha256 = reference.manifest.sha256 if reference else None
    done = Evidence.read(campaign.path).of("quality", text_sha256=text.sha256, reference_sha256=sha256)
    scored = {record.data["model_sha256"] for record in done}
    return [model for model in rig.models.values() if model.manifest.sha256 not in scored]


def score(
    models: Sequence[ModelFile], text: Text, campaign: Campaign, rig: Rig, *, sink: Sink, progress: Progress
) -> None:
    """Score ``models`` against the reference, one engine after the other."""
    folder = default_cache().root
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="quality-", dir=folder, ignore_cleanup_errors=True) as scratch:
        measure_quality(
            models,
            rig.reference,
            terms(campaign.profile, rig),
            text=text,
            start=lambda: rig.open(scorer(rig), EngineSetup(environ=os.environ)),
            sink=sink,
            scratch=Path(scratch),
            on_model=lambda done, total, name: progress.show(done, total, f"{name}, quality"),
        )


def scorer(rig: Rig) -> str:
    """Quality is a property of a file: behind a server, which tells no logits, the engine in process reads it."""
    return IN_PROCESS_ENGINE if rig.server or rig.tool else rig.engine_spec
