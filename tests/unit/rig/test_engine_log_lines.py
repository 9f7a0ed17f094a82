"""Which lines of an engine's log are new, and what they say."""

from __future__ import annotations

import pytest

from pytest_rawrxd.rig.boot import asleep_ns, boot_id
from pytest_rawrxd.rig.engine.log import classify, fresh_lines, remarkable


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("E ggml_vulkan: device lost", "error"),
        ("ggml_vulkan: ErrorDeviceLost", "error"),
        ("W n_ctx is small", "warning"),
        ("I failed to find a draft", "warning"),
        ("I load_tensors: done", "information"),
        ("Fatal Python error", "warning"),
        ("something that nobody knows", "unknown"),
    ],
)
def test_a_line_has_a_class(line, what):
    assert classify(line) == what


def test_only_lines_that_are_more_than_information_are_kept():
    assert remarkable(["I fine", "E bad", "", "odd"]) == ["E bad", "odd"]


def test_lines_are_fresh_once():
    first, seen = fresh_lines(("a", "b"), ())
    second, seen = fresh_lines(("a", "b", "c"), seen)
    third, _ = fresh_lines(("a", "b", "c"), seen)

    assert (first, second, third) == (("a", "b"), ("c",), ())


def test_a_ring_that_dropped_what_was_seen_is_all_fresh():
    _, seen = fresh_lines(("a", "b"), ())

    assert fresh_lines(("x", "y"), seen)[0] == ("x", "y")


def test_a_boot_has_a_name_and_elsewhere_the_minute_of_its_start(tmp_path):
    (tmp_path / "id").write_text("abc\n")

    assert boot_id(tmp_path / "id") == "abc"
    assert boot_id(tmp_path / "none", lambda: 6000.0) == "booted at 100 min"
    assert asleep_ns() >= 0
