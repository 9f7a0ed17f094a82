"""The same instants in the definitions of other tools."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_rawrxd.verdict.definitions import Reading, readings
from pytest_rawrxd.verdict.gaps import token_gaps

MS = 1_000_000


def read(stamps: list[list[int]], submitted: list[int]) -> dict[tuple[str, str], Reading]:
    offsets = np.cumsum([0, *map(len, stamps)])
    found = readings(submitted, offsets, np.concatenate(stamps))
    return {(reading.tool, reading.metric): reading for reading in found}


def test_four_tokens_per_chunk_read_as_40_or_10_or_0_depending_on_the_tool() -> None:
    stamps = np.repeat(np.arange(1, 65) * 40 * MS, 4).tolist()

    found = read([stamps], [0])

    assert found["vLLM", "ITL"].p50 == 40
    assert found["vLLM", "TPOT"].p50 == pytest.approx(63 * 40 / 255)
    assert found["SGLang", "ITL"].p50 == 10
    assert found["AIPerf", "inter_token_latency"].p50 == pytest.approx(63 * 40 / 252)
    assert found["inference-perf", "inter_token_latency"].p50 == 0.0
    assert found["inference-perf", "normalized_time_per_output_token"].p50 == 10
    assert found["MLPerf Inference", "TPOT"].p50 == pytest.approx(63 * 40 / 255, abs=1e-6)
    assert token_gaps([0, len(stamps)], stamps).coalesced == 192


def test_one_token_per_chunk_makes_the_gap_definitions_agree() -> None:
    stamps = np.cumsum([20, 12, 13, 12, 60, 12]).astype(int) * MS

    found = read([stamps.tolist()], [0])

    gaps = {found[key].p50 for key in found if key[1] in ("ITL", "inter_chunk_latency")}
    assert gaps == {12.0}
    assert found["vLLM", "TPOT"].p50 == pytest.approx(21.8)
    assert found["AIPerf", "inter_token_latency"].p50 == pytest.approx(21.8)


def test_per_request_averages_hide_the_stall_that_pooled_gaps_show() -> None:
    calm = [(np.arange(100) * 12 * MS).tolist() for _ in range(9)]
    stalled = np.arange(100) * 12 * MS
    stalled[50:] += 900 * MS

    found = read([*calm, stalled.tolist()], [0] * 10)

    assert found["AIPerf", "inter_token_latency"].p99 == pytest.approx(20.4, rel=0.05)
    assert found["vLLM", "ITL"].mean == pytest.approx(12.9, rel=0.01)


def test_requests_without_a_second_token_have_no_value() -> None:
    found = read([[5 * MS]], [0])

    assert {reading.count for reading in found.values()} == {0}
    assert found["vLLM", "TPOT"].p99 is None


def test_every_reading_names_its_definition_and_its_source() -> None:
    for reading in read([[5 * MS, 6 * MS]], [0]).values():
        assert "/" in reading.source
        assert reading.definition
