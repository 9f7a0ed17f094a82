"""What a machine shows of itself before anything is measured on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil

from pytest_rawrxd.errors import EvidenceProblem, RawrxdError, RigTrouble
from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.contention import SystemCpu
from pytest_rawrxd.measure.contention import watch as contention
from pytest_rawrxd.rig.disk import free_bytes
from pytest_rawrxd.rig.engine.choose import EngineSetup, open_engine
from pytest_rawrxd.rig.engine.protocol import Device, EngineInfo
from pytest_rawrxd.rig.gpu.detect import Gpu
from pytest_rawrxd.rig.host import Host, read_host
from pytest_rawrxd.rig.models.folder import Found, survey
from pytest_rawrxd.rig.server.found import find_server, is_server
from pytest_rawrxd.rig.telemetry import SIGNALS, Reading, Telemetry, Value
from pytest_rawrxd.rig.vulkan import Vulkan, VulkanDevice, read_vulkan

T = TypeVar("T")
WATCH_S = 1.0  #: how long the load of other programs is watched


@dataclass(frozen=True)
class Shown:
    """What telemetry shows of one GPU and of the host: who reads each signal, and its value now."""

    readings: tuple[Reading, ...]
    values: Mapping[str, Value | None]


@dataclass(frozen=True)
class Checkup:
    """A machine as it was found. What could not be had is None, with its reason in the field of the same name."""

    host: Host
    memory_available: int
    disk: Path  #: where evidence would be kept
    disk_free: int
    foreign_share: float  #: of all cores, used by other programs while we watched
    gpus: tuple[Gpu, ...]
    shown: tuple[Shown, ...]  #: of each GPU, in their order; of the host alone on a machine without one
    engine_spec: str
    engine: EngineInfo | None
    devices: tuple[Device, ...]
    vulkan: Vulkan | None
    models: Found | None
    reasons: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """The machine alone, in plain types: models are the user's own and stay out."""
        return {
            "host": self.host.to_dict(),
            "memory_available": self.memory_available,
            "disk_free": self.disk_free,
            "foreign_share": self.foreign_share,
            "gpus": [gpu.to_dict() for gpu in self.gpus],
            "shown": [
                {"readings": [reading.to_dict() for reading in each.readings], "values": dict(each.values)}
                for each in self.shown
            ],
            "engine_spec": self.engine_spec,
            "engine": asdict(self.engine) if self.engine else None,
            "devices": [asdict(device) for device in self.devices],
            "vulkan": self.vulkan.to_dict() if self.vulkan else None,
            "reasons": dict(self.reasons),
        }


def from_dict(told: Mapping[str, Any], disk: Path, folder: Path | None = None) -> Checkup:
    """The check-up that ``to_dict`` was made of, with the models of ``folder``. EvidenceProblem for anything else."""
    reasons = {"models": "a recording holds no models: --sla-models DIR"}
    models = _or_reason(lambda: survey(folder), "models", reasons) if folder is not None else None
    try:
        engine, vulkan = told["engine"], told["vulkan"]
        return Checkup(
            host=Host(**told["host"]),
            memory_available=told["memory_available"],
            disk=disk,
            disk_free=told["disk_free"],
            foreign_share=told["foreign_share"],
            gpus=tuple(Gpu(**gpu) for gpu in told["gpus"]),
            shown=tuple(map(_shown, told["shown"])),
            engine_spec=told["engine_spec"],
            engine=EngineInfo(**engine) if engine else None,
            devices=tuple(Device(**device) for device in told["devices"]),
            vulkan=Vulkan(vulkan["loader"], tuple(VulkanDevice(**each) for each in vulkan["devices"]))
            if vulkan
            else None,
            models=models,
            reasons={**told["reasons"], **reasons},
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise EvidenceProblem("this is no recorded check-up", found=f"{type(error).__name__}: {error}") from error


def _shown(told: Mapping[str, Any]) -> Shown:
    readings = (Reading(SIGNALS[each["name"]], each["source"], each["why_not"]) for each in told["readings"])
    return Shown(tuple(readings), told["values"])


def check_up(
    engine_spec: str,
    *,
    folder: Path | None,
    run_dir: Path,
    gpus: tuple[Gpu, ...],
    telemetry: Sequence[Telemetry],
    clock: Clock,
    environ: Mapping[str, str],
    on_cpu: bool = False,
    host: Callable[[], Host] = read_host,
    vulkan: Callable[[Mapping[str, str]], Vulkan] = read_vulkan,
) -> Checkup:
    """Look at everything once; nothing is loaded and nothing is written. ``telemetry`` is that of each GPU.

    ``on_cpu`` says that a server would be started without devices. Raises UsageProblem for a kind of engine that does
    not exist; whatever else cannot be had is a reason in the result.
    """
    reasons: dict[str, str] = {}
    described = host()
    engine, devices = _engine(engine_spec, environ, reasons, on_cpu=on_cpu)
    found_vulkan = _or_reason(lambda: vulkan(environ), "vulkan", reasons)
    models = None
    if folder is not None:
        models = _or_reason(lambda: survey(folder), "models", reasons)
    else:
        reasons["models"] = "no folder is named: --sla-models DIR"
    for each in telemetry:
        each.read()  # a rate lies between two readings
    watched = contention(SystemCpu(), [os.getpid()], described.cores, clock.monotonic_ns)
    clock.sleep(WATCH_S)
    foreign = watched().foreign_share
    return Checkup(
        host=described,
        memory_available=int(psutil.virtual_memory().available),
        disk=run_dir,
        disk_free=free_bytes(run_dir),
        foreign_share=foreign,
        gpus=gpus,
        shown=tuple(Shown(each.readings, each.read()) for each in telemetry),
        engine_spec=engine_spec,
        engine=engine,
        devices=devices,
        vulkan=found_vulkan,
        models=models,
        reasons=reasons,
    )


def _engine(
    spec: str, environ: Mapping[str, str], reasons: dict[str, str], *, on_cpu: bool
) -> tuple[EngineInfo | None, tuple[Device, ...]]:
    if is_server(spec):
        server = _or_reason(lambda: find_server(spec, environ=environ, on_cpu=on_cpu), "engine", reasons)
        return (server.info, server.devices) if server else (None, ())
    try:
        with open_engine(spec, EngineSetup(environ=environ)) as engine:
            return engine.info, engine.devices()
    except RigTrouble as trouble:
        tail = next((line for line in reversed(trouble.log_tail) if line.strip()), None)
        reasons["engine"] = ": ".join(filter(None, (trouble.what, trouble.found, tail)))
        return None, ()


def _or_reason(read: Callable[[], T], name: str, reasons: dict[str, str]) -> T | None:
    try:
        return read()
    except RawrxdError as problem:
        reasons[name] = ": ".join(filter(None, (problem.what, problem.found)))
        return None
