"""What was achieved already: every layer on the GPU, and 2.86 times the speed of the CPU."""

import pytest

pytestmark = pytest.mark.phase1


@pytest.mark.sla("P1-OFFLOAD")
def test_every_layer_of_q4_k_is_on_the_gpu(decode, sla):
    """The load log proves it."""
    observed = decode(variant="Q4_K")

    assert observed.fully_offloaded == sla["P1-OFFLOAD"]


@pytest.mark.sla("P1-SPEEDUP")
def test_the_gpu_is_faster_than_the_cpu(decode, sla):
    """Informative: the speed-up of the roadmap, on the same file."""
    observed = decode(variant="Q4_K")

    assert observed.gpu_speedup >= sla["P1-SPEEDUP"]


@pytest.mark.sla("P1-TPS-CPU")
def test_the_cpu_baseline_is_reproduced(decode, sla):
    """Informative: the throughput of the CPU that the speed-up is counted from."""
    observed = decode(variant="Q4_K", backend="cpu")

    assert observed.throughput >= sla["P1-TPS-CPU"]
