"""Critical metric: more than 75 % scaling efficiency at 8 to 16 streams."""

import pytest

pytestmark = pytest.mark.phase2


@pytest.mark.sla("P2-EFF-8")
def test_eight_streams_scale(load, sla):
    """Eight streams reach the promised share of eight times one stream."""
    assert load(streams=8).efficiency >= sla["P2-EFF-8"]


@pytest.mark.sla("P2-EFF-10")
def test_ten_streams_scale(load, sla):
    """Ten streams reach the promised share of ten times one stream."""
    assert load(streams=10).efficiency >= sla["P2-EFF-10"]


@pytest.mark.sla("P2-EFF-12")
def test_twelve_streams_scale(load, sla):
    """Twelve streams reach the promised share of twelve times one stream."""
    assert load(streams=12).efficiency >= sla["P2-EFF-12"]


@pytest.mark.sla("P2-EFF-15")
def test_fifteen_streams_scale(load, sla):
    """Fifteen streams reach the promised share of fifteen times one stream."""
    assert load(streams=15).efficiency >= sla["P2-EFF-15"]


@pytest.mark.sla("P2-EFF-16")
def test_sixteen_streams_scale(load, sla):
    """Sixteen streams reach the promised share of sixteen times one stream."""
    assert load(streams=16).efficiency >= sla["P2-EFF-16"]
