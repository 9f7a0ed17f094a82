"""``vram_used``: memory of the engine process with the model held, of a variant, in the bandwidth test, under load."""

from __future__ import annotations

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.verdict.answers.soak_memory import soak_memory_used
from pytest_rawrxd.verdict.answers.sustained_duration import bandwidth_sample
from pytest_rawrxd.verdict.cell import CellSample, cell_sample, with_note
from pytest_rawrxd.verdict.counts import value_range
from pytest_rawrxd.verdict.level import LevelSample, load_sample
from pytest_rawrxd.verdict.memory import used_bytes
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict


def vram_used(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the most that any process held."""
    if criterion.where.get("during") == "soak":
        return soak_memory_used(evidence, criterion)
    sample = _sample(evidence, criterion)
    if sample is None:
        return Finding(Verdict.NOT_MEASURED, f"memory {dict(criterion.where)} is not recorded in this campaign"), ()
    if sample.problem is not None:
        return sample.problem, sample.sources
    assert not isinstance(criterion.limit, bool)  # noqa: S101 - a size is never promised as yes or no
    processes = sample.runs if isinstance(sample, LevelSample) else sample.processes
    sizes = [used_bytes(process.record.data) for process in processes]
    known = [size for size in sizes if size is not None]
    if not known:
        said = "the engine's load log names no buffer on the device, and no resident memory was read"
        return Finding(Verdict.NOT_MEASURED, said, next="an engine that lists its buffers at load"), sample.sources
    value = convert(float(max(known)), "B", criterion.unit)
    found = value_range(value, direction=criterion.direction, limit=criterion.limit, unit=criterion.unit)
    return with_note(found, sample.note), sample.sources


def _sample(evidence: Evidence, criterion: Criterion) -> CellSample | LevelSample | None:
    where = criterion.where
    if "variant" in where:
        tokens = evidence.campaign.profile.protocol.phase1.judged_tokens
        return cell_sample(evidence, str(where["variant"]), tokens)
    if where.get("during") == "load":
        return load_sample(evidence)
    return bandwidth_sample(evidence)[1] if where.get("during") == "bandwidth" else None
