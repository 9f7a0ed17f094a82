"""Who answers over HTTP, found before anything is measured."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.rig.engine.devices import digest, foremost
from pytest_rawrxd.rig.engine.environment import child_environment
from pytest_rawrxd.rig.engine.protocol import Device, EngineInfo
from pytest_rawrxd.rig.process import listening
from pytest_rawrxd.rig.server.framing import EventError, parse_object, printable
from pytest_rawrxd.rig.server.managed import backend_of, server_environment
from pytest_rawrxd.rig.server.probe import get
from pytest_rawrxd.rig.server.program import Program, find_program
from pytest_rawrxd.rig.server.rawrxd import HEALTH_PATH
from pytest_rawrxd.rig.server.secret import key_of
from pytest_rawrxd.rig.server.target import (
    HTTP_KINDS,
    LOOPBACK,
    MANAGED,
    HttpTarget,
    ManagedTarget,
    kind_of,
    parse_target,
)

KINDS = (*HTTP_KINDS, MANAGED, "command")
UNTOLD = "not told"  #: a server keeps its backend to itself, and nobody else can know it
PROBE_S = 10.0
NAME_LIMIT = 500  #: characters
NAMES = {"openai": "OpenAI-compatible server", "openai-chat": "OpenAI-compatible server", "ollama": "ollama"}
_DEVICE = re.compile(r"^\s+(?P<name>\S+): (?P<description>.+) \((?P<total>\d+) MiB, (?P<free>\d+) MiB free\)$", re.M)

Get = Callable[..., tuple[int, bytes] | None]


@dataclass(frozen=True)
class FoundProgram:
    """A llama-server that the suite will start, or a fleet of it. ``info`` is who it is before it has a model."""

    program: Program
    arguments: tuple[str, ...]
    info: EngineInfo
    devices: tuple[Device, ...]
    servers: int = 1  #: that the suite will start, as one fleet


@dataclass(frozen=True)
class FoundRemote:
    """A server that is running."""

    target: HttpTarget
    info: EngineInfo
    devices: tuple[Device, ...] = ()  #: it does not tell
    pid: int | None = None  #: where it runs on this machine and the system tells
    more_pids: tuple[int, ...] = ()  #: of the further servers of a fleet

    @property
    def seen(self) -> bool:
        """Whether the process of every server is seen here."""
        return self.pid is not None and len(self.more_pids) == len(self.target.others) and not self.target.server_header


FoundServer = FoundProgram | FoundRemote


def key_for(found: FoundServer, environ: Mapping[str, str]) -> str | None:
    """The API key of a running server; None for one that needs none."""
    return key_of(found.target, environ) if isinstance(found, FoundRemote) else None


def is_server(spec: str) -> bool:
    """Whether an engine's name means a server, or a tool, and no engine of this suite's own making."""
    return kind_of(spec) in KINDS


def find_server(
    spec: str,
    *,
    environ: Mapping[str, str],
    on_cpu: bool,
    probe: Get = get,
    listener: Callable[[str, int], int | None] = listening,
    find: Callable[..., Program] = find_program,
    run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run,
) -> FoundServer:
    """The server that ``spec`` names, asked who it is. Raises UsageProblem where nothing answers or nothing is found.

    ``on_cpu`` says that a managed server will be started without devices.
    """
    target = parse_target(spec, environ=environ, windows=sys.platform == "win32")
    if isinstance(target, HttpTarget):
        key_of(target, environ)  # asked now: a key that is not there is found before anything is measured
        alone = [replace(target, base_url=base, others=(), servers=1) for base in (target.base_url, *target.others)]
        pids = [_pid(each, listener) for each in alone]
        more = tuple(pid for pid in pids[1:] if pid is not None)
        return FoundRemote(target, _one_build([_ask(each, probe) for each in alone]), pid=pids[0], more_pids=more)
    if isinstance(target, ManagedTarget):
        program = find(target.program, environment=child_environment(environ))
        devices = () if on_cpu else _devices(program, environ, run)
        info = _program_info(program, devices)
        if target.servers > 1:
            info = replace(info, details={**info.details, "servers": target.servers})
        return FoundProgram(program, target.arguments, info, devices, target.servers)
    raise UsageProblem(
        "an external tool is not judged: what it prints is secondary evidence",
        where=f"--sla-engine {spec}",
        possible=", ".join((*HTTP_KINDS, MANAGED, "llama-cpp-python")),
    )


def found_again(
    remote: FoundRemote, *, probe: Get = get, listener: Callable[[str, int], int | None] = listening
) -> FoundRemote | None:
    """The running server as it is now, with its present process; None where nothing answers."""
    try:
        return FoundRemote(remote.target, _ask(remote.target, probe), pid=_pid(remote.target, listener))
    except UsageProblem:
        return None


def _program_info(program: Program, devices: tuple[Device, ...]) -> EngineInfo:
    used = foremost(devices) if devices else None
    files = (path for path in sorted(program.path.parent.iterdir()) if path.is_file())
    return EngineInfo(
        name="llama.cpp",
        version=program.commit,
        binding="llama-server",
        backend=used.backend if used else "cpu",
        device=used.description if used else "CPU",
        library_sha256=digest(path for path in files if any(part in path.name for part in ("llama", "ggml", "mtmd"))),
        details={"version": program.version, "program": program.path.name, "source": program.source},
    )


def _devices(
    program: Program, environ: Mapping[str, str], run: Callable[..., subprocess.CompletedProcess[str]]
) -> tuple[Device, ...]:
    """The devices that the program lists with their memory; none where this build has no such option."""
    if "--list-devices" not in program.options:
        return ()
    said = run(
        [str(program.path), "--list-devices"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=60,
        env=server_environment(environ, program),
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return tuple(_device(found) for found in _DEVICE.finditer(said.stdout + said.stderr))


def _device(found: re.Match[str]) -> Device:
    free, total = (int(found[name]) << 20 for name in ("free", "total"))
    reported = free != total  # equal is how ggml says that it does not know
    return Device(
        name=found["name"],
        description=found["description"],
        kind="gpu",
        backend=backend_of(found["name"]),
        memory_free=free if reported else None,
        memory_total=total if reported else None,
        reason="" if reported else "the backend does not report it: free equals total",
    )


def _ask(target: HttpTarget, probe: Get) -> EngineInfo:
    """What a running server says about itself; none of it is believed more than any word of a stranger."""
    asked = _addresses(target)
    trusted = {"ca_file": target.ca_file} if target.ca_file else {}
    answers = [probe(address, timeout_s=PROBE_S, **trusted) for address in asked]
    if all(answer is None for answer in answers):
        raise UsageProblem(
            "no server answers here",
            where=target.base_url,
            found=f"nothing at {', '.join(asked)} within {PROBE_S:g} s",
            possible="start the server first, or --sla-engine llama-server, which the suite starts",
        )
    told = [_object(answer) for answer in answers]
    version = next((_named(found[name]) for found in told for name in ("build_info", "version") if found.get(name)), "")
    return EngineInfo(
        name=NAMES.get(target.dialect, target.dialect),
        version=version or UNTOLD,
        binding="HTTP",
        backend=UNTOLD,
        device=UNTOLD,
        library_sha256="",
        details={"url": target.base_url, "model": target.model or _model(told), "dialect": target.dialect},
    )


def _one_build(found: list[EngineInfo]) -> EngineInfo:
    """Who a fleet is: its first server, which all others have to equal but for their address."""
    first = asdict(found[0])
    for other in found[1:]:
        theirs = asdict(other)
        theirs["details"] = {**theirs["details"], "url": first["details"]["url"]}
        if theirs != first:
            apart = [f"{name}: {first[name]!r} and {theirs[name]!r}" for name in first if first[name] != theirs[name]]
            raise UsageProblem(
                "the servers of this fleet are not of one build",
                where=str(other.details["url"]),
                found="; ".join(apart),
                possible="a fleet of one engine, one version and one model: other ones are another item",
            )
    urls = [info.details["url"] for info in found]
    return replace(found[0], details={**found[0].details, "url": ", ".join(urls)})


def _pid(target: HttpTarget, listener: Callable[[str, int], int | None]) -> int | None:
    """The process behind a loopback address: what it uses is not somebody else's work."""
    url = urlsplit(target.base_url)
    return listener(url.hostname, url.port or 80) if url.hostname in LOOPBACK else None


def _addresses(target: HttpTarget) -> list[str]:
    """Where a server of this kind says who it is; llama-server has its own place beside the OpenAI one."""
    base = target.base_url
    match target.dialect:
        case "ollama":
            return [f"{base}/api/version"]
        case "rawrxd":
            return [base + HEALTH_PATH]
        case _:
            return [f"{base}/models", f"{base.removesuffix('/v1')}/props"]


def _object(answer: tuple[int, bytes] | None) -> dict[str, Any]:
    if answer is None or answer[0] != 200:
        return {}
    try:
        return parse_object(answer[1])
    except EventError:
        return {}


def _named(value: object) -> str:
    """A name that a stranger gives: a text that can be shown and kept, or that it is none."""
    return printable(value, NAME_LIMIT) if isinstance(value, str) else UNTOLD


def _model(told: list[dict[str, Any]]) -> str:
    """The model that a server names: of the list of its models the first, or the file it has loaded."""
    for found in told:
        listed = found.get("data")
        if isinstance(listed, list) and listed and isinstance(listed[0], dict) and listed[0].get("id"):
            return _named(listed[0]["id"])
        if found.get("model_path"):
            return _named(found["model_path"])
    return UNTOLD
