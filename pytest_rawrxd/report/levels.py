"""The load test as a table: a row for each level of each engine, from raw instants of every run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.measure.concurrency import RUN
from pytest_rawrxd.measure.levels import LEVEL, MAIN, OPEN
from pytest_rawrxd.report.plain import plain
from pytest_rawrxd.report.runs import LoadRaw, RecordLike
from pytest_rawrxd.verdict.answers.time_to_first_token import first_token_ns
from pytest_rawrxd.verdict.efficiency import efficiency_interval
from pytest_rawrxd.verdict.gaps import Views, views
from pytest_rawrxd.verdict.level import LevelSample
from pytest_rawrxd.verdict.load_run import LoadRun, read_run
from pytest_rawrxd.verdict.means import mean_interval
from pytest_rawrxd.verdict.outcome import Interval
from pytest_rawrxd.verdict.quantile import quantile_interval

COLUMNS = (
    "Engine",
    "Target",
    "Streams",
    "Runs",
    "Requests",
    "Completed",
    "TPS",
    "TPS_lower95",
    "TPS_upper95",
    *(f"P{percentile}_ms{end}" for percentile in (50, 95, 99) for end in ("", "_lower95", "_upper95")),
    "Max_gap_ms",
    "Efficiency_percent",
    "Efficiency_lower95",
    "Efficiency_upper95",
)
QUANTILES = (0.5, 0.95, 0.99)
LEAST_RUNS = LEAST_BLOCKS = 2  #: below, there is no interval
NS_PER_MS = 1e6

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """A value between its one-sided 95 % bounds; None where there is none."""

    value: float
    lower: float | None = None
    upper: float | None = None

    @classmethod
    def of(cls, interval: Interval) -> Figure:
        """The figure that an interval is."""
        return cls(interval.estimate, interval.lower, interval.upper)


@dataclass(frozen=True, eq=False)
class LevelRow:
    """One number of streams on one engine, over its runs."""

    engine: str  #: in the words of a record: name, version, and what it is reached through
    beside: bool  #: beside the engine under test: it decides nothing
    target: str  #: "in process" or "http"
    streams: int
    runs: tuple[LoadRun, ...]  #: with every stream busy for a while
    recorded: int  #: runs that were recorded, those without such a stretch included
    tps: Figure | None
    quantiles: tuple[Figure | None, ...]  #: P50, P95, P99 of the pooled gaps in ms
    longest_ms: float | None
    efficiency: Figure | None  #: in %, of the runs that were interleaved with one stream

    @property
    def name(self) -> str:
        """The level as a legend names it."""
        return f"{self.streams} stream{'s' if self.streams > 1 else ''}"

    @property
    def records(self) -> tuple[str, ...]:
        """The evidence of its runs."""
        return tuple(run.record.id for run in self.runs)

    @property
    def requests(self) -> int:
        return sum(len(run.reasons) for run in self.runs)

    @property
    def completed(self) -> int:
        return sum(run.completed for run in self.runs)

    @property
    def gaps_ms(self) -> Floats:
        """Every gap between tokens (n,)."""
        return np.concatenate([np.empty(0), *(run.gaps.gap_ns / NS_PER_MS for run in self.runs)])

    @property
    def mean_ms(self) -> Figure | None:
        """The mean gap over runs."""
        means = np.array([run.gaps.gap_ns.mean() / NS_PER_MS for run in self.runs if len(run.gaps)])
        return _mean(means)

    @property
    def overhead_us(self) -> float | None:
        """The instrument's own time per decode step, the largest of the runs; None where no steps are seen."""
        costs = [run.data["cost"]["overhead_us_per_step"] for run in self.runs if run.data["cost"]]
        return max((cost for cost in costs if cost is not None), default=None)

    @property
    def foreign_share(self) -> float | None:
        """Share of the processor that others used, the largest of the runs."""
        return max((run.data["host"]["foreign_share"] for run in self.runs), default=None)

    @property
    def noise_ms(self) -> float | None:
        """P99 error of the client's own intervals, the largest calibration; None in process."""
        found = [c["p99_us"] / 1e3 for run in self.runs if "http" in run.data for c in run.data["http"]["calibration"]]
        return max(found, default=None)

    @property
    def views(self) -> tuple[tuple[str, tuple[float, ...]], ...]:
        """P50, P95, P99 in ms of the three views of inter-token latency, and of none of them an average."""
        found = [views(run.gaps) for run in self.runs]
        return tuple((said, _percentiles([each(view) for view in found])) for said, each in VIEWS if found)


VIEWS: tuple[tuple[str, Any], ...] = (
    ("every gap, pooled", lambda view: _ms(view, "pooled")),
    ("mean gap of each request", lambda view: _ms(view, "request_mean")),
    ("longest gap of each request", lambda view: _ms(view, "request_longest")),
)


@dataclass(frozen=True)
class FirstTokens:
    """The waits for the first token under open-loop load, from the instant at which each request was due."""

    engine: str
    records: tuple[str, ...]
    streams: int
    arrivals: str  #: how requests came: "poisson", "burst"; "not told" by a record of before that was told
    requests: int
    failed: int
    rate: float  #: requests a second
    quantiles_ms: tuple[float, ...]  #: P50, P95, P99 of those that were answered


def level_rows(records: Iterable[RecordLike], load_raw: LoadRaw, *, block_s: float | None) -> tuple[LevelRow, ...]:
    """A row for each level, the engine under test first, streams rising. EvidenceProblem: raw data that cannot be."""
    runs = [read_run(load_raw, record) for record in records if record.kind == RUN]
    closed = [run for run in runs if run.data["part"] in (MAIN, LEVEL)]
    keys = sorted({(run.data.get("beside") or "", run.streams) for run in closed})
    return tuple(
        _row([run for run in closed if (run.data.get("beside") or "", run.streams) == key], closed, block_s)
        for key in keys
    )


def first_tokens(records: Iterable[RecordLike], load_raw: LoadRaw) -> tuple[FirstTokens, ...]:
    """What the open-loop runs show, one entry an engine."""
    runs = [read_run(load_raw, record) for record in records if record.kind == RUN and record.data["part"] == OPEN]
    found = []
    for engine in dict.fromkeys(engine_name(run) for run in runs):
        own = [run for run in runs if engine_name(run) == engine and run.reasons]
        if not own or any("ttft" in run.untold for run in own):
            continue
        waits = np.concatenate([first_token_ns(run)[_answered(run)] / NS_PER_MS for run in own])
        sent = sum(len(run.reasons) for run in own)
        seconds = sum(float(np.ptp(run.due_ns)) / 1e9 for run in own)
        if waits.size and seconds:
            rate = (sent - len(own)) / seconds
            quantiles = tuple(float(value) for value in np.quantile(waits, QUANTILES))
            ids = tuple(run.record.id for run in own)
            came = ", ".join(sorted({_arrivals(run) for run in own}))
            found.append(FirstTokens(engine, ids, own[0].streams, came, sent, sent - waits.size, rate, quantiles))
    return tuple(found)


def _arrivals(run: LoadRun) -> str:
    told = run.data.get("http")
    came = told.get("arrivals") if isinstance(told, dict) else None
    return plain(str(came["kind"])) if isinstance(came, dict) and "kind" in came else "not told"


def levels_csv(rows: Sequence[LevelRow]) -> str:
    """Return concurrency_load_test.csv: a row a level; an absent value is an empty cell."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        figures = (row.tps, *row.quantiles)
        writer.writerow(
            [
                plain(row.engine),
                row.target,
                row.streams,
                len(row.runs),
                row.requests,
                row.completed,
                *(cell for figure in figures for cell in _cells(figure)),
                "" if row.longest_ms is None else f"{row.longest_ms:.6g}",
                *_cells(row.efficiency),
            ]
        )
    return buffer.getvalue()


def engine_name(run: LoadRun) -> str:
    """The engine of a run: "llama.cpp 7e4c0a9, cpu, through llama-server"."""
    engine = run.data["engine"]
    through = f", through {engine['binding']}" if engine.get("binding") else ""
    return f"{engine['name']} {engine['version']}, {engine['backend']}{through}"


def _row(own: Sequence[LoadRun], every: Sequence[LoadRun], block_s: float | None) -> LevelRow:
    first = own[0]
    usable = tuple(run for run in own if run.window is not None)
    gaps = [run.gaps.gap_ns for run in usable if len(run.gaps)]
    return LevelRow(
        engine=engine_name(first),
        beside=first.data.get("beside") is not None,
        target=str(first.data["target"]),
        streams=first.streams,
        runs=usable,
        recorded=len(own),
        tps=_mean(np.array([run.tps for run in usable])),
        quantiles=_quantiles(usable, block_s),
        longest_ms=max((float(gap.max()) / NS_PER_MS for gap in gaps), default=None),
        efficiency=_efficiency(usable, every),
    )


def _quantiles(runs: tuple[LoadRun, ...], block_s: float | None) -> tuple[Figure | None, ...]:
    sample = LevelSample(runs, (), None)
    if not any(len(run.gaps) for run in runs):
        return (None,) * len(QUANTILES)
    histogram = sample.histogram(bound_ns=0, block_s=block_s or sample.minutes * 60)
    if histogram.blocks.size < LEAST_BLOCKS:
        gaps = np.concatenate([run.gaps.gap_ns for run in runs]) / NS_PER_MS
        return tuple(Figure(float(np.quantile(gaps, q))) for q in QUANTILES)
    return tuple(Figure.of(quantile_interval(histogram, quantile=q, steps=sample.steps)) for q in QUANTILES)


def _efficiency(own: Sequence[LoadRun], every: Sequence[LoadRun]) -> Figure | None:
    """The runs of a length of time against those with one stream on the same engine; of one stream 100 %."""
    if own and own[0].streams == 1:
        return Figure(100.0)
    many = [run.tps for run in own if run.data["part"] == LEVEL]
    one = (
        [
            run.tps
            for run in every
            if run.data["part"] == LEVEL and run.streams == 1 and run.window is not None
            if run.data.get("beside") == own[0].data.get("beside")
        ]
        if own
        else []
    )
    if min(len(many), len(one)) < LEAST_RUNS or min(*many, *one) <= 0:
        return None
    return Figure.of(efficiency_interval(many, one, streams=own[0].streams))


def _mean(values: Floats) -> Figure | None:
    if values.size < LEAST_RUNS:
        return Figure(float(values[0])) if values.size else None
    return Figure.of(mean_interval(values))


def _ms(view: Views, name: str) -> Floats:
    return np.asarray(getattr(view, name), np.float64) / NS_PER_MS


def _percentiles(parts: Sequence[Floats]) -> tuple[float, ...]:
    values = np.concatenate(parts)
    return tuple(float(value) for value in np.quantile(values, QUANTILES)) if values.size else ()


def _answered(run: LoadRun) -> npt.NDArray[np.bool_]:
    return np.array([reason == "length" for reason in run.reasons]) & (np.diff(run.offsets) > 0)


def _cells(figure: Figure | None) -> list[str]:
    values = (None, None, None) if figure is None else (figure.value, figure.lower, figure.upper)
    return ["" if value is None else f"{value:.6g}" for value in values]
