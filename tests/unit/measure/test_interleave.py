"""Interleaving keeps a drifting machine from favouring a variant."""

from collections import Counter

from pytest_rawrxd.measure.interleave import interleaved


def test_every_run_is_made_once_and_rounds_do_not_overlap():
    order = interleaved({"a": 3, "b": 2, "c": 3})

    assert Counter(cell for cell, _ in order) == {"a": 3, "b": 2, "c": 3}
    assert [number for _, number in order] == sorted(number for _, number in order)


def test_each_round_starts_one_cell_later():
    order = interleaved({"a": 3, "b": 3, "c": 3})

    assert [cell for cell, _ in order] == ["a", "b", "c", "b", "c", "a", "c", "a", "b"]


def test_nothing_asked_is_nothing_done():
    assert interleaved({}) == []
