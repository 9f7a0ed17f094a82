"""The shipped profiles of a card are what the command writes from the recordings: no bound of theirs is set by hand."""

from __future__ import annotations

import pytest

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.places import package_data
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.profile.lint import Severity, lint
from pytest_rawrxd.report.new_profile import profile_toml
from pytest_rawrxd.verdict.pilot import pilot

FIXTURES = package_data("fixtures")
#: profile -> the profile it extends, and the recordings its bounds come from
WRITTEN = {
    "h100": ("h100-roadmap", ("h100-pilot-vulkan", "h100-vulkan", "h100-vulkan-load", "h100-vulkan-soak")),
    "h100-cuda": ("h100-roadmap-cuda", ("h100-pilot-cuda", "h100-cuda")),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_card_s_profile_is_what_the_command_writes(name: str) -> None:
    """Mend a difference with `rawrxd plan --new NAME --extends BASE --from RECORDING --from RECORDING`."""
    base, recordings = WRITTEN[name]
    runs = [Evidence.read(FIXTURES / "recordings" / recording) for recording in recordings]

    written = profile_toml(pilot(runs, load_profile(base)), load_profile(base))

    assert written == (FIXTURES / "profiles" / f"{name}.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", WRITTEN)
def test_the_lint_finds_no_measured_bound_impossible_or_against_another(name: str) -> None:
    profile = load_profile(name)
    measured = {criterion.id for criterion in profile.criteria.values() if criterion.source.startswith("Pilot ")}
    worse = {Severity.IMPOSSIBLE, Severity.DOES_NOT_FIT, Severity.CONTRADICTORY}

    # A single criterion that contradicts does so with the protocol: the roadmap's bursts are not light for this engine.
    found = [
        finding
        for finding in lint(profile)
        if finding.severity in worse
        and measured.issuperset(finding.criteria)
        and not (finding.severity == Severity.CONTRADICTORY and len(finding.criteria) == 1)
    ]

    assert found == []
    assert len(measured) > 30


def test_the_figures_of_levels_that_were_measured_often_enough_are_promised() -> None:
    """Five interleaved rounds on the card: what twelve streams reach, far below the roadmap's three quarters."""
    found = load_profile("h100").criteria

    assert found["P2-EFF-12"].limit == pytest.approx(23.3, abs=0.1)
    assert found["P2-EFF-12"].expected == pytest.approx(25.55, abs=0.01)
    assert found["P2-LAT-SPIKE"].limit == pytest.approx(95.55, abs=0.01)
    assert load_profile("h100").gates.planning_design_effect.to("x") == 48
