"""Is the feasibility of the hybrid known? It is built, proven tensor by tensor, and measured."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.outcome import Finding, Verdict

METHOD = "built, proven per tensor, measured"


def hybrid(
    *, built: bool, tensors: int, wrong_tensors: Sequence[str], measured_runs: int, why_not: str | None = None
) -> Finding:
    """Judge "hybrid feasibility known" from plain facts.

    ``wrong_tensors`` names those of ``tensors`` whose type is not the recipe's, ``why_not`` what stopped the build.
    """
    if not built:
        return Finding(
            Verdict.NOT_MEASURED,
            f"the hybrid was not built: {why_not or 'no reason was recorded'}",
            method=METHOD,
            next="build it from the highest precision present",
        )
    if tensors == 0 or wrong_tensors:
        named = ", ".join(wrong_tensors[:3])
        return invalid(
            f"the file is not the hybrid: {len(wrong_tensors)} of {tensors} tensors have another type, such as {named}"
            if wrong_tensors
            else "the file has no tensors to prove",
            next_step="build it again with the recipe's overrides",
            method=METHOD,
        )
    if measured_runs == 0:
        return Finding(
            Verdict.NOT_MEASURED,
            f"built and proven in {tensors} tensors, not measured",
            method=METHOD,
            next="measure its throughput and memory",
        )
    return Finding(
        Verdict.PASS,
        f"built, proven in {tensors} tensors, measured in {measured_runs} runs",
        n=measured_runs,
        method=METHOD,
    )
