"""The matrix page says what the same data would read as elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_rawrxd.report.bridge import bridge, pool
from pytest_rawrxd.report.documents import render_matrix
from pytest_rawrxd.verdict.definitions import readings

MS = 1_000_000


def test_the_bridge_stands_on_the_matrix_page_with_every_tool(sample) -> None:
    page = render_matrix(sample.make_view(), [])

    for tool in ("pytest-rawrxd", "vLLM", "SGLang", "AIPerf", "inference-perf", "MLPerf Inference"):
        assert f'<th scope="row">{tool}</th>' in page
    assert "vllm/benchmarks/serve.py" in page


def test_ours_comes_first_and_the_gap_definitions_agree_with_it(sample) -> None:
    found = bridge(sample.make_view())

    assert found is not None
    assert found.runs == sample.PROCESSES
    vllm = next(reading for reading in found.others if (reading.tool, reading.metric) == ("vLLM", "ITL"))
    assert found.ours.p50 == pytest.approx(vllm.p50, rel=0.01)
    assert found.ours.count < vllm.count


def test_a_view_without_runs_has_no_bridge(sample) -> None:
    empty = sample.RunView.build(
        sample.make_verdicts(), records=(), load_raw=lambda _: {}, profile=sample.make_profile()
    )

    assert bridge(empty) is None


def test_processes_with_clocks_of_their_own_are_pooled_request_by_request() -> None:
    early = {"submitted_ns": np.array([0]), "offsets": np.array([0, 3]), "stamps_ns": np.array([10, 20, 30]) * MS}
    late = {
        "submitted_ns": np.array([-99 * MS]),
        "offsets": np.array([0, 2]),
        "stamps_ns": np.array([-90, -70]) * MS,
    }

    submitted, offsets, stamps = pool([early, late])

    assert offsets.tolist() == [0, 3, 5]
    itl = next(reading for reading in readings(submitted, offsets, stamps) if reading.metric == "ITL")
    assert (itl.count, itl.mean) == (3, pytest.approx(40 / 3))
