"""The feasibility lint: what a profile's numbers say about themselves, before any GPU time is spent."""

from __future__ import annotations

from pytest_rawrxd.profile.lint.bandwidth import bandwidth_findings
from pytest_rawrxd.profile.lint.durations import duration_findings
from pytest_rawrxd.profile.lint.expectations import expectation_findings
from pytest_rawrxd.profile.lint.finding import LintFinding, Severity, render
from pytest_rawrxd.profile.lint.memory import memory_findings
from pytest_rawrxd.profile.lint.samples import sample_findings
from pytest_rawrxd.profile.lint.scaling import scaling_findings
from pytest_rawrxd.profile.profile import Profile

__all__ = ["LintFinding", "Severity", "lint", "render"]

_RULES = (
    bandwidth_findings,
    memory_findings,
    scaling_findings,
    expectation_findings,
    sample_findings,
    duration_findings,
)


def lint(profile: Profile) -> tuple[LintFinding, ...]:
    """Every finding about ``profile``, worst first. Every number in them comes from the profile."""
    order = list(Severity)
    found = [finding for rule in _RULES for finding in rule(profile)]
    return tuple(sorted(found, key=lambda finding: order.index(finding.severity)))
