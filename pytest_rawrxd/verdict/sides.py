"""What a comparison is made of: cells, levels and soak of a run directory, or the figures of another tool's file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.believed import believed
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.cards import by_card, cards_of
from pytest_rawrxd.evidence.foreign.figure import ForeignResult
from pytest_rawrxd.measure.decode import RUN
from pytest_rawrxd.verdict.answers.soak_latency import hourly_means
from pytest_rawrxd.verdict.cell import cell_sample
from pytest_rawrxd.verdict.level import level_sample, load_records
from pytest_rawrxd.verdict.soak import usable_soak


@dataclass(frozen=True)
class Sample:
    """One metric under one condition: a value a process or repetition, with the instants they were recorded at."""

    metric: str
    unit: str
    where: Mapping[str, str | int]
    values: tuple[float, ...]
    at: tuple[str, ...] = ()  #: ISO instants, empty where the source has none
    problem: str | None = None  #: why it cannot be used
    mismatches: tuple[str, ...] = ()  #: how its definition differs from ours


def _sample(data: Mapping[str, Any]) -> Sample:
    return Sample(
        metric=str(data["metric"]),
        unit=str(data["unit"]),
        where=dict(data["where"]),
        values=tuple(map(float, data["values"])),
        at=tuple(map(str, data["at"])),
        problem=data["problem"],
        mismatches=tuple(data["mismatches"]),
    )


@dataclass(frozen=True)
class Side:
    """What is compared: a run directory or a file. ``identity`` is None where the source carries none."""

    name: str
    source: str  #: "run directory" or the tool's name
    identity: Mapping[str, Any] | None
    samples: tuple[Sample, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the ledger."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Side:
        """Read what `to_dict` wrote; EvidenceProblem where it is something else."""
        try:
            samples = tuple(_sample(sample) for sample in data["samples"])
            return cls(str(data["name"]), str(data["source"]), data["identity"], samples)
        except (KeyError, TypeError, ValueError) as error:
            raise EvidenceProblem("a recorded baseline cannot be read", found=repr(error)) from error


def campaign_side(evidence: Evidence) -> Side:
    """The decoding cells, the levels of the load test and the soak of a run directory.

    Of several cards the first, which the side's name then says.
    Raises EvidenceProblem where a record is of another shape than a session writes.
    """
    with believed(evidence.campaign.path, "compared"):
        first, *others = by_card(evidence)
        side = _campaign_side(first)
        return replace(side, name=f"{side.name}, {cards_of(evidence)[0]} alone") if others else side


def _campaign_side(evidence: Evidence) -> Side:
    cells = sorted({(record.data["variant"], record.data["tokens"]) for record in evidence.of(RUN)})
    samples = []
    for variant, tokens in cells:
        sample = cell_sample(evidence, variant, tokens)
        problem = None if sample.problem is None else sample.problem.reason
        samples.append(
            Sample(
                "decode_tps",
                "tok/s",
                {"variant": variant, "tokens": tokens, "streams": 1},
                tuple(float(value) for value in sample.tps),
                tuple(process.record.at for process in sample.processes),
                problem,
            )
        )
    samples += [*_levels(evidence), *_soak(evidence)]
    return Side(evidence.campaign.id, "run directory", evidence.campaign.identity.to_dict(), tuple(samples))


def _levels(evidence: Evidence) -> Iterator[Sample]:
    """Aggregate throughput of each number of streams, one value a run."""
    load = evidence.campaign.profile.protocol.phase2
    at = {record.id: record.at for record in load_records(evidence)}
    for streams in sorted({record.data["streams"] for record in load_records(evidence)}):
        sample = level_sample(evidence, streams)
        usable = sample.problem is None
        yield Sample(
            "aggregate_tps",
            "tok/s",
            {"variant": load.variant, "tokens": load.tokens, "streams": streams},
            tuple(float(value) for value in sample.tps) if usable else (),
            tuple(at[run.record.id] for run in sample.runs) if usable else (),
            sample.problem.reason if sample.problem is not None else None,
        )


def _soak(evidence: Evidence) -> Iterator[Sample]:
    """The mean gap of each hour of the soak."""
    run, problem = usable_soak(evidence)
    if run is None or run.histogram is None:
        return
    _, means = hourly_means(run, run.histogram)
    said = problem.reason if problem is not None else None
    where: dict[str, str | int] = {
        "variant": run.schedule.variant,
        "streams": run.schedule.streams,
        "statistic": "soak",
    }
    yield Sample("mean_inter_token_latency", "ms", where, tuple(map(float, means)), problem=said)


def foreign_side(result: ForeignResult, files: Mapping[str, str]) -> Side:
    """The figures of another tool's file; ``files`` maps the names of measured model files to variants.

    A file name is all that links a figure to a variant: where it differs, nothing is guessed.
    """
    samples = []
    for figure in result.figures:
        where = dict(figure.where)
        mismatches = figure.mismatches
        if (variant := files.get(str(where.get("model")))) is not None:
            where["variant"] = variant
            mismatches += ("the model is the same by its file name only",)
        samples.append(Sample(figure.metric, figure.unit, where, figure.values, mismatches=mismatches))
    return Side(result.file, result.tool, None, tuple(samples))


def model_files(evidence: Evidence) -> dict[str, str]:
    """File name -> variant, of the models that a campaign measured. Raises EvidenceProblem as ``campaign_side``."""
    with believed(evidence.campaign.path, "compared"):
        return {str(record.data["file"]): str(record.data["variant"]) for record in evidence.of("model")}
