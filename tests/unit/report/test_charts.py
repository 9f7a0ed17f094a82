"""Curves: the same bytes twice, safe inside a page, drawn also where values are missing."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from pytest_rawrxd.report.charts.bandwidth import time_per_token
from pytest_rawrxd.report.charts.canvas import LOOKS
from pytest_rawrxd.report.charts.scaling import ScalingPoint, scaling
from pytest_rawrxd.report.charts.throughput import efficiency_frontier, memory_label, speed_against_memory
from pytest_rawrxd.report.variant import variants

POINTS = [
    ScalingPoint(n, 80 * n**0.9, 78 * n**0.9, 82 * n**0.9, n**-0.1, n**-0.1 - 0.02, n**-0.1 + 0.02)
    for n in (1, 4, 8, 16)
]


@pytest.fixture(scope="module")
def chart():
    return scaling(POINTS, least_efficiency=0.75)


def test_the_order_of_the_points_does_not_matter_and_two_drawings_are_equal(chart):
    again = scaling(POINTS[::-1], least_efficiency=0.75)
    assert (again.svg, again.png) == (chart.svg, chart.png)


def test_ids_are_counted_and_name_no_digest_of_coordinates(chart):
    """matplotlib's own differ between processors whose logarithms differ in the last bit; what is drawn does not."""
    ids = re.findall(r' id="([^"]+)"', chart.svg)
    named = re.findall(r'(?:href="#|url\(#)([^")]+)', chart.svg)

    assert [each for each in ids if re.fullmatch(r"[a-z]+[0-9a-f]{10}", each)] == []
    assert len(set(ids)) == len(ids)
    assert any(re.fullmatch(r"p\d+", each) for each in named)
    assert any(re.fullmatch(r"m\d+", each) for each in named)
    assert set(named) <= set(ids)


def test_the_svg_is_well_formed_and_holds_no_clock(chart):
    ET.fromstring(chart.svg)  # noqa: S314 - our own output
    assert "dc:date" not in chart.svg
    assert chart.png.startswith(b"\x89PNG")


def test_text_is_drawn_as_paths_so_that_no_font_is_needed(chart):
    assert "<text" not in chart.svg


def test_inlined_in_a_page_it_brings_no_address_no_style_and_only_its_own_ids(chart):
    assert "http" not in chart.inline
    assert "<style" not in chart.inline
    assert set(re.findall(r'\bid="([a-z]+)-', chart.inline)) == {"scaling"}
    assert all(ref.startswith("scaling-") for ref in re.findall(r"(?:href=\"#|url\(#)([^\")]+)", chart.inline))


def test_no_two_variants_share_a_marker_or_a_colour():
    assert len({marker for _, marker, _ in LOOKS.values()}) == len(LOOKS)
    assert len({colour for colour, _, _ in LOOKS.values()}) == len(LOOKS)


def test_without_vram_the_axis_is_the_weights_read_per_token(view):
    bare = [replace(variant, cell=replace(variant.cell, vram_gb=None)) for variant in variants(view)]
    assert memory_label(bare) == "weights read per token, GB"
    assert "weights read per token" in speed_against_memory(bare).caption


def test_a_variant_without_rate_interval_or_size_is_left_out_and_not_drawn_at_zero(view):
    known = variants(view)
    gap = replace(known[0], cell=replace(known[0].cell, tps=None, lower=None, upper=None), bytes_per_token=None)
    single = replace(known[1], cell=replace(known[1].cell, lower=None, upper=None))
    for paint in (
        speed_against_memory([gap, single]),
        efficiency_frontier([gap, single]),
        time_per_token([gap, single], available=None),
    ):
        assert paint.svg


def test_importing_the_report_does_not_import_matplotlib():
    code = "import sys, pytest_rawrxd.report.bundle, pytest_rawrxd.report.terminal; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
