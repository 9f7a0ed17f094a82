"""The device over a soak: its temperature and its utilisation in the loaded part of each time block."""

from __future__ import annotations

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.verdict.counts import value_range
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict
from pytest_rawrxd.verdict.soak import SoakRun, capped, usable_soak, with_soak
from pytest_rawrxd.verdict.utilisation import utilisation


def soak_temperature(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the hottest of the block means."""
    run, answer = _run(evidence, "temperature_c")
    if run is None:
        return answer
    assert not isinstance(criterion.limit, bool)  # noqa: S101 - a temperature is never promised as yes or no
    hottest = convert(float(run.loaded_means("temperature_c").max()), "degC", criterion.unit)
    found = value_range(hottest, direction=criterion.direction, limit=criterion.limit, unit=criterion.unit)
    return capped(with_soak(found, run), run, evidence), run.sources


def soak_utilisation(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the mean of the block means against the band."""
    run, answer = _run(evidence, "utilisation_percent")
    if run is None:
        return answer
    assert isinstance(criterion.limit, tuple)  # noqa: S101 - the profile checks that a utilisation has a band
    low, high = (convert(limit, criterion.unit, "%") for limit in criterion.limit)
    found = utilisation(
        run.loaded_means("utilisation_percent"),
        limits=(low, high),
        confidence=criterion.confidence,
        min_means=run.profile.gates.min_blocks,
        minutes_each=run.schedule.block_s / 60,
    )
    return capped(with_soak(found, run), run, evidence), run.sources


def _run(evidence: Evidence, signal: str) -> tuple[SoakRun | None, Answer]:
    """The soak with readings of ``signal``, or what to answer instead."""
    run, problem = usable_soak(evidence)
    if run is None or problem is not None:
        assert problem is not None  # noqa: S101 - without a soak there is a finding that says so
        return None, (problem, run.sources if run else ())
    if not run.loaded_means(signal).size:
        what = signal.rpartition("_")[0]
        said = f"the GPU's {what} was not read during the soak: {run.why_absent(signal)}"
        return None, (Finding(Verdict.NOT_MEASURED, said, next="a GPU whose driver shows its readings"), run.sources)
    return run, (Finding(Verdict.NOT_MEASURED, ""), run.sources)
