"""Success criterion: performance matrix for all 6 variants."""

import pytest

pytestmark = pytest.mark.phase1


@pytest.mark.sla("P1-MATRIX")
def test_all_six_variants_are_measured_in_every_cell(ladder, sla):
    """No shortcuts; a complete performance matrix."""
    assert ladder.variants_measured >= sla["P1-MATRIX"]


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param("Q2_K", marks=pytest.mark.sla("P1-TPS-Q2_K")),
        pytest.param("Q4_K", marks=pytest.mark.sla("P1-TPS-Q4_K")),
        pytest.param("Q5_K_M", marks=pytest.mark.sla("P1-TPS-Q5_K_M")),
        pytest.param("Q6_K", marks=pytest.mark.sla("P1-TPS-Q6_K")),
        pytest.param("Q8_0", marks=pytest.mark.sla("P1-TPS-Q8_0")),
        pytest.param("Hybrid", marks=pytest.mark.sla("P1-TPS-Hybrid")),
    ],
)
def test_a_variant_decodes_at_its_expected_speed(decode, sla, variant):
    """The mean over fresh processes lies in the band that the roadmap expects."""
    observed = decode(variant=variant)

    assert observed.throughput in sla[f"P1-TPS-{variant}"]


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param("Q2_K", marks=pytest.mark.sla("P1-VRAM-Q2_K")),
        pytest.param("Q4_K", marks=pytest.mark.sla("P1-VRAM-Q4_K")),
        pytest.param("Q5_K_M", marks=pytest.mark.sla("P1-VRAM-Q5_K_M")),
        pytest.param("Hybrid", marks=pytest.mark.sla("P1-VRAM-Hybrid")),
    ],
)
def test_a_variant_takes_its_expected_memory(decode, sla, variant):
    """Weights, KV cache and compute buffers together lie in the expected band."""
    observed = decode(variant=variant)

    assert observed.memory in sla[f"P1-VRAM-{variant}"]


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param("Q6_K", marks=pytest.mark.sla("P1-VRAM-Q6_K")),
        pytest.param("Q8_0", marks=pytest.mark.sla("P1-VRAM-Q8_0")),
    ],
)
def test_a_large_variant_takes_at_least_its_expected_memory(decode, sla, variant):
    """The two largest variants are expected from a size upwards."""
    observed = decode(variant=variant)

    assert observed.memory >= sla[f"P1-VRAM-{variant}"]


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param("Q2_K", marks=pytest.mark.sla("P1-LAT-Q2_K")),
        pytest.param("Q4_K", marks=pytest.mark.sla("P1-LAT-Q4_K")),
        pytest.param("Q5_K_M", marks=pytest.mark.sla("P1-LAT-Q5_K_M")),
        pytest.param("Q6_K", marks=pytest.mark.sla("P1-LAT-Q6_K")),
        pytest.param("Q8_0", marks=pytest.mark.sla("P1-LAT-Q8_0")),
        pytest.param("Hybrid", marks=pytest.mark.sla("P1-LAT-Hybrid")),
    ],
)
def test_a_variant_takes_its_expected_time_per_token(decode, sla, variant):
    """Informative: the time per token that the roadmap's table implies."""
    observed = decode(variant=variant)

    assert observed.time_per_token <= sla[f"P1-LAT-{variant}"]


@pytest.mark.sla("P1-TABLE")
def test_the_matrix_is_a_table_with_the_columns_of_the_roadmap(output, sla):
    """Model, tokens, run, TPS, latency, VRAM, P50, P95 and P99 of every run."""
    assert output("performance_matrix") == sla["P1-TABLE"]


@pytest.mark.sla("P1-STATS")
def test_mean_spread_and_p95_are_tabulated(output, sla):
    """The statistical analysis beside the table."""
    assert output("statistical_analysis") == sla["P1-STATS"]
