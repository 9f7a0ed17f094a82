"""The load hosts of a session, opened before the first measurement: a worker that did not come costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.measure.hosts.place import parse_place
from pytest_rawrxd.measure.soak.plan import latency_bounds_ns
from pytest_rawrxd.plugin.preflight import Rig
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.rig.server.found import FoundRemote
from pytest_rawrxd.rig.server.target import LOOPBACK

if TYPE_CHECKING:
    from pytest_rawrxd.measure.hosts.coordinator import LoadHosts

FLAG = "--sla-load-hosts"


def open_hosts(spec: str, profile: Profile, rig: Rig, *, lanes: int) -> LoadHosts:
    """The coordinator at ``spec`` with all its workers. Raises UsageProblem where they cannot load this engine."""
    place = parse_place(spec)
    if not isinstance(rig.server, FoundRemote):
        raise UsageProblem(
            "load from many hosts needs a server that is running",
            where=FLAG,
            found=f"--sla-engine {rig.engine_spec}",
            possible="openai:URL, ollama:URL#model=NAME or rawrxd:URL; a server of the suite's own listens on loopback",
        )
    if lanes:
        raise UsageProblem(
            "load hosts go with one lane", where="-n", found=f"{lanes} workers of xdist", possible="no -n"
        )
    try:
        from pytest_rawrxd.measure.hosts.coordinator import LoadHosts  # noqa: PLC0415  # an extra, and 1.3 s of imports
    except ImportError as problem:
        raise UsageProblem(
            "load from many hosts is not installed",
            where=FLAG,
            found=str(problem),
            possible='pip install "pytest-rawrxd[distributed]"',
        ) from problem
    hosts = LoadHosts(place, bounds_ns=latency_bounds_ns(profile), now=SYSTEM.wall())
    away = sorted(worker.name for worker in hosts.workers if worker.host["kernel"] != hosts.kernel)
    if urlsplit(rig.server.target.base_url).hostname in LOOPBACK and away:
        hosts.close()
        raise UsageProblem(
            "other hosts do not reach a loopback address of this one",
            where=rig.server.target.base_url,
            found=f"load workers {', '.join(away)}",
            possible="the server's address in their network",
        )
    return hosts
