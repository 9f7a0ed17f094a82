"""``gpu_temperature``, ``gpu_utilisation``: what a probe of the GPU reports while it is loaded."""

from __future__ import annotations

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict


def gpu_temperature(evidence: Evidence, criterion: Criterion) -> Answer:
    """NOT MEASURED: this version samples no GPU while it measures."""
    return _unsampled(evidence, criterion, "temperature")


def gpu_utilisation(evidence: Evidence, criterion: Criterion) -> Answer:
    """NOT MEASURED: this version samples no GPU while it measures."""
    return _unsampled(evidence, criterion, "utilisation")


def _unsampled(evidence: Evidence, criterion: Criterion, what: str) -> Answer:
    machines = evidence.of("machine")
    gpus = machines[-1].data["gpus"] if machines else []
    said = ", ".join(gpu["name"] for gpu in gpus) or "no GPU on this machine"
    return Finding(
        Verdict.NOT_MEASURED,
        f"the GPU's {what} was not sampled during {criterion.where['during']}: {said}",
        next="a version of pytest-rawrxd that samples the GPU while it measures",
    ), ()
