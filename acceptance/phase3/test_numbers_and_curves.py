"""Definitive metrics only: no estimates, and curves of publication quality."""

import pytest

pytestmark = pytest.mark.phase3


@pytest.mark.sla("P3-MEASURED")
def test_every_number_was_measured(documents, sla):
    """No place of a document stays without its value, and no script stands in for an engine."""
    assert documents.measured_only == sla["P3-MEASURED"]


@pytest.mark.sla("P3-CURVES")
def test_every_curve_has_its_intervals(documents, sla):
    """Rate, latency, scaling and stability."""
    assert documents.curves_publishable == sla["P3-CURVES"]


@pytest.mark.sla("P3-MATRIX")
def test_the_performance_matrix_has_every_variant(documents, sla):
    """All six variants, in every cell of the protocol."""
    assert documents.output("performance_matrix") == sla["P3-MATRIX"]


@pytest.mark.sla("P3-SCALING")
def test_the_scaling_graph_has_every_number_of_streams(documents, sla):
    """Efficiency at one to sixteen streams."""
    assert documents.output("scaling_graph") == sla["P3-SCALING"]


@pytest.mark.sla("P3-HISTORY")
def test_every_document_has_its_version_history(documents, sla):
    """Each session with its instant and the version that measured."""
    assert documents.version_history == sla["P3-HISTORY"]
