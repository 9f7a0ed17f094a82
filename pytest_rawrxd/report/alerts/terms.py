"""The times and margins that all alerts of a profile share, and the budgets that they have to undercut."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pytest_rawrxd.errors import ProfileProblem
from pytest_rawrxd.profile import Criterion, Profile
from pytest_rawrxd.profile.protocol import Monitoring
from pytest_rawrxd.profile.units import convert


@dataclass(frozen=True)
class Terms:
    """Seconds, and shares as ratios. ``early_share`` is where the early warning of a criterion comes."""

    profile: str
    scrape_s: float
    window_s: float
    hold_s: float
    down_hold_s: float
    sla_window_s: float
    burn_window_s: float
    burn_share: float
    health_deadline_s: float
    early: float
    early_of: dict[str, float]

    def early_share(self, criterion: str) -> float:
        return self.early_of.get(criterion, self.early)

    @property
    def window(self) -> int:
        """Scrapes in a window."""
        return round(self.window_s / self.scrape_s)

    def scrapes(self, seconds: float) -> int:
        """Scrapes until ``seconds`` are over."""
        return math.ceil(round(seconds / self.scrape_s, 6))


def monitoring_of(profile: Profile) -> Monitoring:
    """The monitoring section. Raises ProfileProblem for a profile without one."""
    if profile.protocol.monitoring is None:
        raise ProfileProblem(
            f"profile {profile.name} does not say how the engine is watched",
            where=", ".join(profile.files),
            possible="a table [protocol.monitoring], or a profile that extends rx7800xt",
        )
    return profile.protocol.monitoring


def terms_of(profile: Profile) -> Terms:
    """The terms of a profile."""
    told = monitoring_of(profile)
    return Terms(
        profile=profile.name,
        scrape_s=told.scrape_every.to("s"),
        window_s=told.window.to("s"),
        hold_s=told.hold.to("s"),
        down_hold_s=told.down_hold.to("s"),
        sla_window_s=told.sla_window.to("s"),
        burn_window_s=told.burn_window.to("s"),
        burn_share=told.burn_share.to("ratio"),
        health_deadline_s=told.health_deadline.to("s"),
        early=told.early.to("ratio"),
        early_of={name: share.to("ratio") for name, share in told.early_of.items()},
    )


def limit_of(criterion: Criterion, unit: str) -> float:
    """The one number that ``criterion`` promises, in ``unit``."""
    assert isinstance(criterion.limit, float | int)  # noqa: S101 - asked only of kinds that have one number
    return convert(float(criterion.limit), criterion.unit, unit)
