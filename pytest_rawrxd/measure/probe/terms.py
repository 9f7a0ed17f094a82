"""What a probe is told: its target, its pace, its edges; plain values that travel to a process of its own as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from pytest_rawrxd.errors import ProfileProblem
from pytest_rawrxd.measure.probe.edges import FIRST_TOKENS, GAPS, REQUESTS, edges
from pytest_rawrxd.measure.prompts import prompts, short_texts
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.rig.server.target import HttpTarget

WATCHES_PER_SCRAPE = 2


@dataclass(frozen=True)
class ProbeTerms:
    """One stream at most: a request begins ``every_s`` after the end of the one before. Edges in s, ascending."""

    tokens: int
    every_s: float
    deadline_s: float
    health_every_s: float
    health_deadline_s: float
    gap_edges: tuple[float, ...]
    first_edges: tuple[float, ...]
    request_edges: tuple[float, ...]
    prompts: tuple[str, ...]
    seed: int
    host: str = "127.0.0.1"
    port: int = 0  #: 0: any that is free
    url: str = ""  #: where the kind of server is to be found out
    target: HttpTarget | None = None  #: where it is known
    pid: int | None = None  #: of a server on this machine, for its memory and its start

    @classmethod
    def of(cls, profile: Profile) -> Self:
        """What the profile says. Raises ProfileProblem for one that says nothing of monitoring."""
        told = profile.protocol.monitoring
        if told is None:
            raise ProfileProblem(
                f"profile {profile.name} does not say how the engine is watched",
                where=", ".join(profile.files),
                possible="a table [protocol.monitoring], or a profile that extends rx7800xt",
            )
        return cls(
            tokens=told.probe_tokens,
            every_s=told.probe_every.to("s"),
            deadline_s=told.probe_deadline.to("s"),
            health_every_s=told.scrape_every.to("s") / WATCHES_PER_SCRAPE,
            health_deadline_s=told.health_deadline.to("s"),
            gap_edges=edges(profile, GAPS),
            first_edges=edges(profile, FIRST_TOKENS),
            request_edges=edges(profile, REQUESTS),
            prompts=short_texts(prompts(profile.protocol.seed), tokens=profile.protocol.phase2.prompt_tokens),
            seed=profile.protocol.seed,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values; ``from_json`` is the inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        lists = {name: tuple(value) for name, value in plain.items() if isinstance(value, list)}
        terms = cls(**{**plain, **lists})
        target = plain.get("target")
        return replace(terms, target=HttpTarget.from_json(target) if target else None)
