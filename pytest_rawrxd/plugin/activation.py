"""What happens when a profile is active, and only then."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from pytest_rawrxd.errors import EvidenceProblem, UsageProblem
from pytest_rawrxd.evidence.campaign import CARD, read_card
from pytest_rawrxd.plugin import fixtures, options, refusals, reporters
from pytest_rawrxd.plugin.acceptance import Acceptance
from pytest_rawrxd.plugin.deadline import Deadlines
from pytest_rawrxd.plugin.lanes import WorkerSeed
from pytest_rawrxd.plugin.metadata import keep_secrets
from pytest_rawrxd.profile import Profile, load_profile
from pytest_rawrxd.report.plain import spelled_out

if TYPE_CHECKING:
    from pytest_rawrxd.settings import Setting

PLUGIN = "rawrxd-acceptance"


def activate(config: pytest.Config) -> None:
    """Load the profile, refuse what does not go with it, and register the plugins of an acceptance session."""
    seed = WorkerSeed.of(config)
    try:
        profile = seed.profile if seed else _profile(config)
        if seed is None:
            refusals.check(config, profile.lanes)
        config.hook.pytest_rawrxd_profile(config=config, profile=profile)
    except UsageProblem as problem:
        refuse(problem)
    keep_secrets(config)
    acceptance = Acceptance(config, profile, seed)
    config.pluginmanager.register(acceptance, PLUGIN)
    reporters.register(config, acceptance)
    if config.pluginmanager.hasplugin("timeout"):
        config.pluginmanager.register(Deadlines(profile), "rawrxd-deadlines")
    config.pluginmanager.register(fixtures, "rawrxd-fixtures")


def refuse(problem: UsageProblem) -> NoReturn:
    """End the session with exit code 4 and the problem's own words."""
    raise pytest.UsageError(spelled_out(str(problem))) from problem


def _profile(config: pytest.Config) -> Profile:
    """The profile that was named; of a soak that goes on without one, that of its campaign."""
    resumed = options.setting(config, "resume")
    if resumed is not None and options.setting(config, "profile") is None and (Path(resumed.value) / CARD).is_file():
        try:
            return read_card(Path(resumed.value)).profile
        except EvidenceProblem as problem:
            raise UsageProblem(problem.what, where=problem.where, found=problem.found) from problem
    named: Setting | None = options.profile_setting(config)
    if named is None:
        raise UsageProblem("no profile is active", possible="--sla-profile NAME")
    return load_profile(named.value)
