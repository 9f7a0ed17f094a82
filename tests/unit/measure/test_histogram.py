"""The latency histogram: its guarantee, its exact counters, its sums."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.measure.histogram import (
    MOST_NS,
    Histogram,
    bins_of,
    edges_ns,
    merge,
    middles_ns,
    record,
)

BOUNDS = (13_000_000, 50_000_000, 200_000_000)
GAPS = st.lists(st.integers(0, 2 * MOST_NS), min_size=1, max_size=60)


def same(left: Histogram, right: Histogram) -> bool:
    other = right.to_arrays()
    return all(
        array.dtype == other[name].dtype and array.tobytes() == other[name].tobytes()
        for name, array in left.to_arrays().items()
    )


def test_every_value_finds_the_bin_that_a_search_finds() -> None:
    edges = edges_ns()
    random = np.random.default_rng(5)
    values = np.concatenate([edges - 1, edges, edges + 1, [0, 1], np.exp(random.uniform(0, 30, 20_000)).astype(int)])

    assert np.array_equal(bins_of(values), np.searchsorted(edges, values))


def test_a_bin_stands_within_half_a_per_cent_for_all_it_holds() -> None:
    edges = edges_ns()
    ends = np.concatenate([edges[1:], edges[:-1] + 1])

    assert np.abs(middles_ns()[bins_of(ends)] / ends - 1).max() <= 0.005


@given(gaps=st.lists(st.integers(1_000, MOST_NS), min_size=1, max_size=60), share=st.floats(0, 1))
def test_a_quantile_is_within_half_a_per_cent_of_a_true_one(gaps: list[int], share: float) -> None:
    true = np.quantile(gaps, share, method="inverted_cdf")

    assert record(gaps, bounds_ns=BOUNDS).quantile_ns(share) == pytest.approx(true, rel=0.005000001)


@given(gaps=GAPS, blocks=st.data())
def test_counters_at_the_bounds_are_exact(gaps: list[int], blocks: st.DataObject) -> None:
    numbers = blocks.draw(st.lists(st.integers(0, 3), min_size=len(gaps), max_size=len(gaps)))

    found = record(gaps, block=numbers, bounds_ns=BOUNDS)

    for row, block in enumerate(found.blocks):
        mine = np.array(gaps)[np.array(numbers) == block]
        assert found.over[row].tolist() == [int((mine > bound).sum()) for bound in BOUNDS]
        assert found.over_ns[row].tolist() == [int(mine[mine > bound].sum()) for bound in BOUNDS]
        assert (found.totals[row], found.total_ns[row], found.longest_ns[row]) == (mine.size, mine.sum(), mine.max())


@given(parts=st.lists(st.tuples(st.integers(0, 3), GAPS), min_size=1, max_size=6), seed=st.randoms())
def test_merging_gives_the_same_bits_in_any_order_and_grouping(
    parts: list[tuple[int, list[int]]], seed: st.DataObject
) -> None:
    whole = record(
        np.concatenate([gaps for _, gaps in parts]),
        block=np.concatenate([[block] * len(gaps) for block, gaps in parts]),
        bounds_ns=BOUNDS,
    )
    pieces = [record(gaps, block=block, bounds_ns=BOUNDS) for block, gaps in parts]
    seed.shuffle(pieces)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    half = len(pieces) // 2
    grouped = [merge(*group) for group in (pieces[:half], pieces[half:]) if group]

    assert same(merge(*pieces), whole)
    assert same(merge(*grouped), whole)


def test_a_histogram_survives_npz() -> None:
    found = record([12_500_000, 61_000_000, 5 * MOST_NS], block=[0, 7, 7], bounds_ns=BOUNDS)
    kept = io.BytesIO()
    np.savez_compressed(kept, **found.to_arrays())
    kept.seek(0)

    with np.load(kept) as arrays:
        assert same(Histogram.from_arrays(arrays), found)


def test_a_value_above_an_hour_reads_as_the_longest_one() -> None:
    assert record([5 * MOST_NS], bounds_ns=BOUNDS).quantile_ns(0.5) == 5 * MOST_NS


def test_a_bound_itself_is_not_above_it() -> None:
    found = record([49_999_999, 50_000_000, 50_000_001], bounds_ns=[50_000_000])

    assert found.over.tolist() == [[1]]
    assert found.bound(50_000_000) == 0


def test_an_empty_record_is_kept_and_has_no_quantile() -> None:
    empty = record(np.empty(0, np.int64), bounds_ns=BOUNDS)

    assert empty.total == 0
    assert same(merge(empty, record([5], bounds_ns=BOUNDS)), record([5], bounds_ns=BOUNDS))
    with pytest.raises(EvidenceProblem, match="empty histogram"):
        empty.quantile_ns(0.5)


def test_a_block_of_a_soak_takes_few_kilobytes() -> None:
    random = np.random.default_rng(0)
    minute = record((random.gamma(50, 0.25e6, 57_600)).astype(np.int64), bounds_ns=BOUNDS)

    size = sum(array.nbytes for array in minute.to_arrays().values())

    assert size * 2880 < 10e6


@pytest.mark.parametrize(
    ("gaps", "words"),
    [([5, -1], "negative"), ([1.5], "whole nanoseconds"), ([float("nan")], "whole nanoseconds"), ([[1]], "whole")],
)
def test_impossible_latencies_are_named_errors(gaps: list[float], words: str) -> None:
    with pytest.raises(EvidenceProblem, match=words):
        record(gaps, bounds_ns=BOUNDS)


def test_what_does_not_fit_together_is_refused() -> None:
    found = record([5], bounds_ns=BOUNDS)

    with pytest.raises(EvidenceProblem, match="different bounds"):
        merge(found, record([5], bounds_ns=[1]))
    with pytest.raises(EvidenceProblem, match="Each latency needs its block"):
        record([5, 6], block=[1], bounds_ns=BOUNDS)
    with pytest.raises(EvidenceProblem, match="No exact count"):
        found.bound(49)
    with pytest.raises(EvidenceProblem, match="outside 0 to 1"):
        found.quantile_ns(95)
    with pytest.raises(EvidenceProblem, match="Nothing to merge"):
        merge()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"totals": np.array([2])}, "counts other values"),
        ({"over": np.zeros((1, 2), int)}, "do not fit"),
        ({"bins": None}, "lacks arrays"),
    ],
)
def test_stored_arrays_that_contradict_each_other_are_refused(change: dict[str, object], words: str) -> None:
    arrays = {**record([5], bounds_ns=BOUNDS).to_arrays(), **change}

    with pytest.raises(EvidenceProblem, match=words):
        Histogram.from_arrays({name: array for name, array in arrays.items() if array is not None})  # type: ignore[misc]  # a broken file is the case
