"""Success criterion: all nine documents updated with the results of phases 1 and 2."""

import pytest

pytestmark = pytest.mark.phase3


@pytest.mark.sla("P3-DOCS")
def test_all_nine_documents_carry_the_measured_results(documents, sla):
    """A document with a place that says "not measured" does not count."""
    assert documents.complete >= sla["P3-DOCS"]


@pytest.mark.parametrize(
    ("document", "criterion"),
    [
        pytest.param("EXECUTIVE_SUMMARY.md", "P3-DOC-EXECUTIVE", marks=pytest.mark.sla("P3-DOC-EXECUTIVE")),
        pytest.param("BENCHMARK_VISUAL_SUMMARY.txt", "P3-DOC-VISUAL", marks=pytest.mark.sla("P3-DOC-VISUAL")),
        pytest.param("Q2K_vs_Q4K_BENCHMARK_REPORT.md", "P3-DOC-VARIANTS", marks=pytest.mark.sla("P3-DOC-VARIANTS")),
        pytest.param("PERFORMANCE_SLA_SPECIFICATION.md", "P3-DOC-SLA", marks=pytest.mark.sla("P3-DOC-SLA")),
        pytest.param("OPERATOR_DEPLOYMENT_GUIDE.md", "P3-DOC-OPERATOR", marks=pytest.mark.sla("P3-DOC-OPERATOR")),
        pytest.param("PERFORMANCE_TRADE_OFF_ANALYSIS.md", "P3-DOC-TRADEOFF", marks=pytest.mark.sla("P3-DOC-TRADEOFF")),
        pytest.param("FINAL_GPU_BENCHMARK_REPORT.md", "P3-DOC-FINAL", marks=pytest.mark.sla("P3-DOC-FINAL")),
        pytest.param("GPU_SETUP_INSTRUCTIONS.md", "P3-DOC-SETUP", marks=pytest.mark.sla("P3-DOC-SETUP")),
        pytest.param(
            "PRODUCTION_READINESS_FINAL_ASSESSMENT.md", "P3-DOC-READINESS", marks=pytest.mark.sla("P3-DOC-READINESS")
        ),
    ],
)
def test_a_document_is_complete(documents, sla, document, criterion):
    """Nothing that it prints is lacking in the evidence."""
    assert documents.document(document) == sla[criterion]
