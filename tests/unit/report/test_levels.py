"""The load test as a table, a page and curves: each figure from raw instants, each engine by its name."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import numpy as np
import pytest

from pytest_rawrxd.report.charts.canvas import ranked
from pytest_rawrxd.report.charts.latency import QuantileBound, latency_histograms
from pytest_rawrxd.report.levels import COLUMNS, first_tokens, level_rows, levels_csv
from pytest_rawrxd.report.load_pages import load_curves, load_thumbnails, render_load

TOKENS = 16


class Load:
    """Records of a load test with their raw arrays: streams that share every step."""

    def __init__(self, sample: Any) -> None:
        self.records: list[Any] = []
        self.raw: dict[str, dict[str, Any]] = {}
        self._sample = sample
        self._random = np.random.default_rng(11)

    def run(self, streams: int, part: str = "level", run: int = 1, step_ms: float = 10.0, **changes: Any) -> None:
        rounds = changes.pop("rounds", 20)
        gaps = self._random.normal(step_ms, step_ms / 50, rounds * TOKENS)
        stamps = np.cumsum(gaps * 1e6).astype(np.int64).reshape(rounds, TOKENS)
        begins = np.concatenate([[0], stamps[:-1, -1]])
        name = f"raw-{len(self.records)}"
        self.raw[name] = {
            "submitted_ns": np.repeat(begins, streams),
            "offsets": np.arange(rounds * streams + 1) * TOKENS,
            "stamps_ns": np.repeat(stamps, streams, axis=0).ravel(),
            "prompt_tokens": np.full(rounds * streams, 8),
            "ended_ns": np.repeat(stamps[:, -1], streams),
            "finish": np.zeros(rounds * streams, np.int32),
            **changes.pop("arrays", {}),
        }
        data = {
            "variant": "Q4_K",
            "target": "in process",
            "beside": None,
            "part": part,
            "streams": streams,
            "run": run,
            "tokens": TOKENS,
            "requests": rounds * streams,
            "finish_reasons": ["length"],
            "engine": {"name": "llama.cpp", "version": "b1", "backend": "cpu", "binding": "llama-cpp-python"},
            "cost": {"overhead_us_per_step": 90.0 + run},
            "host": {"foreign_share": 0.01 * run},
            "raw": {"file": name, "sha256": "0" * 64, "bytes": 1},
        }
        self.records.append(self._sample.Record(f"s001-main-{name}", "load.run", {**data, **changes}))

    def load_raw(self, ref: dict[str, Any]) -> dict[str, Any]:
        return self.raw[ref["file"]]


SERVER = {
    "beside": "llama-server",
    "target": "http",
    "engine": {"name": "llama.cpp", "version": "b2", "backend": "cpu", "binding": "llama-server"},
    "cost": None,
    "http": {"calibration": [{"p99_us": 100.0}, {"p99_us": 300.0}]},
}


@pytest.fixture
def load(sample):
    """Three runs of one, four and twelve streams; the main run; and a server beside it."""
    built = Load(sample)
    for run in (1, 2, 3):
        built.run(1, run=run, step_ms=10.0)
        built.run(4, run=run, step_ms=12.5)
        built.run(12, run=run, step_ms=20.0)
        built.run(12, "main", run, step_ms=20.0)
        built.run(12, "main", run, step_ms=25.0, **SERVER)
    return built


@pytest.fixture
def rows(load):
    return level_rows(load.records, load.load_raw, block_s=1.0)


def test_the_engine_under_test_comes_first_and_streams_rise(rows):
    assert [(row.beside, row.streams) for row in rows] == [(False, 1), (False, 4), (False, 12), (True, 12)]
    assert rows[0].engine == "llama.cpp b1, cpu, through llama-cpp-python"


def test_throughput_efficiency_and_quantiles_come_from_the_instants(rows):
    _, four, twelve, server = rows

    assert four.tps.value == pytest.approx(4 / 0.0125, rel=0.01)
    assert four.efficiency.value == pytest.approx(80, rel=0.01)
    assert four.tps.lower < four.tps.value < four.tps.upper
    assert twelve.quantiles[0].value == pytest.approx(20, rel=0.02)
    assert twelve.quantiles[1].lower <= twelve.quantiles[1].value <= twelve.quantiles[1].upper
    assert server.efficiency is None


def test_the_main_run_joins_the_latency_and_not_the_efficiency(load):
    for run in (4, 5):
        load.run(12, "main", run, step_ms=200.0)

    twelve = level_rows(load.records, load.load_raw, block_s=1.0)[2]

    assert len(twelve.runs) == 8
    assert twelve.longest_ms > 190
    assert twelve.efficiency.value == pytest.approx(50, rel=0.02)


def test_one_stream_is_its_own_measure(rows):
    assert (rows[0].efficiency.value, rows[0].efficiency.lower) == (100.0, None)


def test_one_run_has_a_value_and_no_interval(sample):
    built = Load(sample)
    built.run(12)

    [row] = level_rows(built.records, built.load_raw, block_s=60.0)

    assert row.tps.lower is None
    assert row.quantiles[0].lower is None
    assert row.efficiency is None


def test_a_run_that_never_had_every_stream_busy_is_counted_and_not_used(load):
    load.run(3, rounds=2)
    load.records[-1].data["streams"] = 5

    row = level_rows(load.records, load.load_raw, block_s=1.0)[2]

    assert (row.streams, len(row.runs), row.recorded) == (5, 0, 1)
    assert (row.tps, row.longest_ms, row.quantiles) == (None, None, (None, None, None))


def test_the_instrument_is_shown_at_its_worst(rows):
    assert rows[2].overhead_us == 93.0
    assert rows[2].foreign_share == 0.03
    assert (rows[2].noise_ms, rows[3].noise_ms) == (None, 0.3)


def test_the_three_views_tell_apart_what_pooled_gaps_hide(load):
    built = Load(load._sample)
    for run in (1, 2):
        built.run(4, run=run)
    stamps = built.raw["raw-0"]["stamps_ns"].reshape(20, 4, TOKENS)
    stamps[5, :, 10:] += 400_000_000
    stamps[6:] += 400_000_000
    raw = built.raw["raw-0"]
    raw["submitted_ns"] = np.concatenate([np.zeros(4, np.int64), stamps[:-1, :, -1].ravel()])
    raw["ended_ns"] = stamps[:, :, -1].ravel()

    [row] = level_rows(built.records, built.load_raw, block_s=1.0)

    pooled, means, longest = (values for _, values in row.views)
    assert pooled[2] < 12
    assert longest[2] > 400
    assert 12 < means[2] < 400


def test_the_table_has_a_row_a_level_and_empty_cells_for_what_is_absent(rows):
    read = list(csv.DictReader(io.StringIO(levels_csv(rows))))

    assert tuple(read[0]) == COLUMNS
    assert [(row["Engine"].split()[-1], row["Streams"]) for row in read] == [
        ("llama-cpp-python", "1"),
        ("llama-cpp-python", "4"),
        ("llama-cpp-python", "12"),
        ("llama-server", "12"),
    ]
    assert (read[3]["Efficiency_percent"], read[0]["Efficiency_lower95"]) == ("", "")


@pytest.mark.parametrize(
    ("told", "shown"), [({"arrivals": {"kind": "burst", "size": 12}}, "burst"), ({}, "not told"), (None, "not told")]
)
def test_the_wait_for_the_first_token_says_how_requests_came(load, told, shown):
    due = np.repeat(np.arange(20) * 100_000_000, 12)
    load.run(12, "open", arrays={"intended_ns": due}, **(SERVER | {"http": told}))

    [found] = first_tokens(load.records, load.load_raw)

    assert found.arrivals == shown


def test_the_wait_for_the_first_token_counts_from_the_instant_it_was_due(load):
    due = np.repeat(np.arange(20) * 100_000_000, 12)
    load.run(12, "open", arrays={"intended_ns": due}, **SERVER)

    [found] = first_tokens(load.records, load.load_raw)

    assert (found.requests, found.failed) == (240, 0)
    assert found.engine.endswith("llama-server")
    assert found.quantiles_ms[0] == pytest.approx(np.median(_first(load) - due) / 1e6)


def _first(load):
    return load.raw[load.records[-1].data["raw"]["file"]]["stamps_ns"][::TOKENS]


@pytest.fixture
def shown(sample, load, view):
    """The sample's dossier with the load test in its ledger."""
    records = [*view.records, *load.records]
    absent = sample.Record("s001-main-absent", "load.missing", {"beside": "vllm", "why": "it is not installed"})
    return sample.RunView.build(
        view.verdicts,
        records=[*records, absent],
        load_raw=lambda ref: load.raw.get(ref["file"]) or view.load_raw(ref),
        profile=view.profile,
    )


def test_the_page_names_every_engine_and_what_is_not_there(shown):
    page = render_load(shown, load_curves(shown))

    assert "beside the engine under test, decides nothing" in page
    assert "vllm was not measured beside it: it is not installed" in page
    assert "inference-perf" in page
    assert len(re.findall(r"<figure>", page)) == 4


def test_the_curves_are_of_the_engine_under_test_only(shown):
    names = [chart.name for chart in load_curves(shown)]

    assert names == ["scaling", "latency-histograms", "levels-cdf", "levels-distributions"]
    assert all("12 streams" in chart.alt for chart in load_curves(shown)[1:3])
    assert [chart.name for chart in load_thumbnails(shown)] == [
        "scaling-small",
        "latency-histograms-small",
        "levels-cdf-small",
    ]


def test_without_a_load_test_there_is_no_curve(view):
    assert load_curves(view) == load_thumbnails(view) == ()


def test_a_histogram_is_drawn_where_a_level_has_no_gaps():
    gaps = {"1 stream": np.empty(0), "12 streams": np.array([10.0, 11.0, 12.0])}

    chart = latency_histograms(gaps, [QuantileBound("P2-LAT-P95", 0.95, 50.0)], looks=ranked(gaps))

    assert chart.png.startswith(b"\x89PNG")


def test_ranked_names_have_looks_of_their_own():
    looks = ranked([f"{n} streams" for n in range(8)])

    assert len({colour for colour, _, _ in looks.values()}) == 8
    assert len({marker for _, marker, _ in looks.values()}) == 8
