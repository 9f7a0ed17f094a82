"""The performance matrix and its statistics, from raw stamps."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.report.matrix import cells, performance_matrix, statistics_csv
from pytest_rawrxd.report.runs import decode_runs


def record(sample, name="r1", **data):
    base = {"variant": "Q4_K", "tokens": 4, "process": 0, "prompt_tokens": [8], "raw": {"file": name}}
    base |= {"engine": {"backend": "vulkan"}, "load": {"buffers": []}, "memory": {"resident_bytes": None}}
    return sample.Record(name, "decode.run", {**base, **data})


def arrays(stamps_ms, offsets):
    return {"stamps_ns": np.array(stamps_ms) * 1_000_000, "offsets": np.array(offsets)}


def test_the_header_is_the_roadmaps(view):
    assert performance_matrix(view.runs).splitlines()[0] == "Model,Tokens,Run,TPS,Latency_ms,VRAM_GB,P50,P95,P99"


def test_there_is_a_row_for_each_fresh_process_in_ledger_order(view):
    rows = list(csv.DictReader(io.StringIO(performance_matrix(view.runs))))
    assert [(row["Model"], row["Run"]) for row in rows[:8]] == [("Q2_K", str(n)) for n in range(1, 8)] + [("Q4_K", "1")]
    assert all(float(row["P50"]) <= float(row["P95"]) <= float(row["P99"]) for row in rows)
    assert all(float(row["TPS"]) * float(row["Latency_ms"]) == pytest.approx(1000, rel=1e-4) for row in rows)


def test_rate_and_quantiles_come_from_the_stamps(sample):
    raw = arrays([0, 10, 30, 60], [0, 4])
    (run,) = decode_runs([record(sample)], lambda _: raw)
    assert run.tps == pytest.approx(2 / 0.050)  # the first of three gaps is warm-up, as the verdict cuts it
    assert run.latency_ms == pytest.approx(25)
    assert run.quantile(0.5) == pytest.approx(25)


def test_the_pause_between_two_requests_is_no_gap(sample):
    raw = arrays([0, 10, 20, 5000, 5010, 5020], [0, 3, 6])
    (run,) = decode_runs([record(sample, prompt_tokens=[8, 8])], lambda _: raw)
    assert run.gaps_ms.max() == pytest.approx(10)


def test_an_absent_value_is_an_empty_cell_and_never_zero(sample):
    raw = arrays([0, 10, 30, 60], [0, 4])
    silent = record(
        sample, load={"buffers": [{"device": "CPU_Mapped", "bytes": 5}, {"device": "CUDA_Host", "bytes": 5}]}
    )
    row = performance_matrix(decode_runs([silent], lambda _: raw)).splitlines()[1].split(",")
    assert row[5] == ""


def test_memory_is_what_the_load_log_allocated_on_devices_and_the_resident_one_on_a_cpu(sample):
    raw = arrays([0, 10, 30, 60], [0, 4])
    buffers = [("Vulkan0", 3_500_000_000), ("Vulkan0", 500_000_000), ("Vulkan_Host", 9), ("CPU_Mapped", 9)]
    load = {"buffers": [{"device": device, "bytes": size} for device, size in buffers]}
    on_cpu = {"engine": {"backend": "cpu"}, "memory": {"resident_bytes": 5_000_000_000}}
    found = decode_runs([record(sample, load=load), record(sample, load=load, **on_cpu)], lambda _: raw)
    assert [run.vram_gb for run in found] == [4.0, 5.0]


@pytest.mark.parametrize(("layers", "partial"), [(0, False), (32, True), (33, False)])
def test_partial_offload_is_some_layers_but_not_all(sample, layers, partial):
    load = {"layers_total": 33, "layers_offloaded": layers, "buffers": []}
    (run,) = decode_runs([record(sample, load=load)], lambda _: arrays([0, 10, 30, 60], [0, 4]))
    assert run.partial_offload is partial


def test_stamps_that_do_not_fit_their_offsets_are_refused(sample):
    with pytest.raises(EvidenceProblem):
        decode_runs([record(sample)], lambda _: arrays([0, 10, 30], [0, 4]))


def test_cells_pool_gaps_and_never_average_percentiles(sample):
    fast, slow = arrays(np.arange(101) * 10, [0, 101]), arrays(np.arange(101) * 30, [0, 101])
    runs = decode_runs([record(sample, "a"), record(sample, "b")], lambda ref: fast if ref["file"] == "a" else slow)
    (cell,) = cells(runs, ("Q4_K",))
    assert cell.quantiles_ms[1] == pytest.approx(30)
    assert cell.latency_ms == pytest.approx(20)
    assert cell.tps == pytest.approx((100 + 1000 / 30) / 2)


def test_one_run_has_a_mean_but_no_interval_and_no_spread(sample):
    runs = decode_runs([record(sample)], lambda _: arrays([0, 10, 30, 60], [0, 4]))
    (cell,) = cells(runs, ("Q4_K",))
    assert cell.tps is not None
    assert (cell.lower, cell.upper, cell.std, cell.cv) == (None, None, None, None)
    assert ",,,," in statistics_csv([cell])


def test_variants_come_in_the_order_of_the_profile(view):
    assert view.variants == ("Q2_K", "Q4_K", "Q5_K_M", "Q6_K", "Q8_0", "Hybrid")
    assert [cell.variant for cell in cells(view.runs, view.variants)] == list(view.variants)
