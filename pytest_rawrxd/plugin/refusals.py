"""pytest options that would turn a verdict round, refused before anything is collected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_rawrxd.errors import UsageProblem

if TYPE_CHECKING:
    import pytest

#: Distribution modes that re-run a crashing test, or that pytest 9.2 ignores silently.
REFUSED_DIST = ("loadgroup", "loadscope", "loadfile", "each")
#: Plugins that rerun failed tests, by the names they register under.
RERUNNERS = ("rerunfailures", "pytest_rerunfailures", "flaky.pytest", "flaky", "pytest_retry", "pytest-retry", "retry")


def check(config: pytest.Config, lanes: int) -> None:
    """Raise UsageProblem for the first option that does not go with an active profile."""
    wanted = workers(config)
    if wanted > lanes:
        raise UsageProblem(
            "more workers than GPU lanes",
            where="-n",
            found=f"{wanted} workers",
            possible=f"at most {lanes}: one load at a time on one device",
        )
    dist = config.getoption("dist", default="no")
    if dist in REFUSED_DIST:
        raise UsageProblem(
            f"--dist {dist} does not go with an SLA profile",
            where="--dist",
            found="it runs a crashing test again, or is ignored by this pytest",
            possible="leave --dist away",
        )
    if config.getoption("clean_alluredir", default=False):
        raise UsageProblem(
            "--clean-alluredir does not go with an SLA profile",
            where="--clean-alluredir",
            found="one worker crash would delete every earlier result",
            possible="a new directory for --alluredir",
        )
    for name in RERUNNERS:
        if config.pluginmanager.hasplugin(name):
            raise UsageProblem(
                "a plugin that reruns failed tests does not go with an SLA profile",
                where=f"plugin {name}",
                found="a rerun until pass would hide a broken promise",
                possible=f"-p no:{name}",
            )


def workers(config: pytest.Config) -> int:
    """Workers that xdist was asked for; 0 without xdist."""
    tx = config.getoption("tx", default=None) or []
    total = 0
    for spec in tx:
        count, star, _ = spec.partition("*")
        total += int(count) if star and count.isdigit() else 1
    return max(total, int(config.getoption("numprocesses", default=None) or 0))
