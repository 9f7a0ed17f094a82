"""Everything that is found before the first measurement: a problem here starts nothing and loses nothing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.evidence.cards import Card
from pytest_rawrxd.evidence.identity import Identity
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.rig.disk import FREE_BYTES, free_bytes
from pytest_rawrxd.rig.engine.choose import OPENERS, EngineSetup, Opener, open_engine
from pytest_rawrxd.rig.engine.protocol import Device, Engine, EngineInfo
from pytest_rawrxd.rig.gpu import Gpu, find_gpus
from pytest_rawrxd.rig.gpu.pin import ListVulkan, check_pinnable
from pytest_rawrxd.rig.host import Host, read_host
from pytest_rawrxd.rig.models.cache import default_cache
from pytest_rawrxd.rig.models.folder import ModelFile
from pytest_rawrxd.rig.models.ladder import Ladder, ModelsSpec, prepare_models
from pytest_rawrxd.rig.server.found import FoundRemote, FoundServer, find_server, is_server
from pytest_rawrxd.rig.server.target import CommandTarget, parse_target
from pytest_rawrxd.rig.tool import FoundTool, find_tool

SCRIPTED = "scripted"  #: engines made of known faults: no model, no device


@dataclass(frozen=True)
class Rig:
    """What will be measured, found and checked, nothing loaded yet."""

    engine_spec: str
    engine: EngineInfo
    devices: tuple[Device, ...]  #: of the engine, before anything is loaded
    host: Host
    gpus: tuple[Gpu, ...]
    models: dict[str, ModelFile]
    missing: dict[str, str]  #: variant -> why there is no file of it
    reference: ModelFile | None  #: the most precise file present, which quality is compared with
    server: FoundServer | None = None  #: where the engine under test is one
    beside: dict[str, FoundServer] = field(default_factory=dict)  #: engine -> the server that does the same load
    absent: dict[str, str] = field(default_factory=dict)  #: engine beside it that cannot be had -> why
    openers: Mapping[str, Opener] = field(default_factory=dict)  #: kinds of engine that other packages add
    tool: FoundTool | None = None  #: where the engine is an external tool, which is run and not judged

    def open(self, spec: str, setup: EngineSetup) -> Engine:
        """Start an engine, of a kind that is built in or added."""
        return open_engine(spec, setup, openers=self.openers)

    @property
    def gpus_under_test(self) -> tuple[Gpu, ...]:
        """None where the engine computes on the CPU; of a scripted engine the scripted ones."""
        if self.engine.backend == "cpu":
            return ()
        return tuple(gpu for gpu in self.gpus if self.engine.backend != SCRIPTED or gpu.source == SCRIPTED)

    def cards(self, profile: Profile) -> tuple[Card, ...]:
        """The GPUs that a profile of several puts to the test, each alone; () of one device, a server or a tool.

        A server that somebody else started may be on all of them or on none: what answers is what is measured.
        """
        gpus = self.gpus_under_test[: profile.lanes]
        if profile.lanes == 1 or len(gpus) < profile.lanes or self.tool or isinstance(self.server, FoundRemote):
            return ()
        return tuple(Card(lane, gpu.uuid, gpu.name) for lane, gpu in enumerate(gpus))

    def identity(self, profile: Profile) -> Identity:
        gpus = [gpu.to_dict() for gpu in self.gpus]
        return Identity(
            profile=profile.digest,
            models={variant: model.manifest.sha256 for variant, model in sorted(self.models.items())},
            engine=asdict(self.engine),
            driver=self.gpus[0].driver if self.gpus else None,
            machine={**self.host.identity(), "gpus": [{"name": g["name"], "uuid": g["uuid"]} for g in gpus]},
        )


def check_disk(run_dir: Path, usage: Callable[[Path], Any] = shutil.disk_usage) -> None:
    """Raise UsageProblem when the disk that will hold ``run_dir`` has too little room."""
    free = free_bytes(run_dir, usage)
    if free < FREE_BYTES:
        raise UsageProblem(
            "not enough disk space for the evidence of a run",
            where=str(run_dir),
            found=f"{free / 2**20:.0f} MiB free",
            possible=f"at least {FREE_BYTES / 2**20:.0f} MiB, or another --sla-run-dir",
        )


def check_gpus(profile: Profile, engine_spec: str, gpus: tuple[Gpu, ...]) -> None:
    """Raise UsageProblem when the profile is about a GPU and this machine shows none."""
    wanted = profile.hardware.gpus
    if wanted and not engine_spec.startswith(SCRIPTED) and len(gpus) < wanted:
        raise UsageProblem(
            f"profile {profile.name} measures {wanted} GPU{'s' if wanted > 1 else ''}, this machine shows {len(gpus)}",
            where="NVML, amdgpu sysfs, Windows registry, hook pytest_rawrxd_gpu",
            found=", ".join(gpu.name for gpu in gpus) or "no GPU",
            possible="a machine with the GPU and its driver, or --sla-profile embedded for a rehearsal on the CPU",
        )


def check_lanes(rig: Rig, profile: Profile, wanted: int, *, vulkan: ListVulkan) -> None:
    """Raise UsageProblem where ``wanted`` lanes, or the only one, have not a card that their engines can be kept to."""
    cards = rig.cards(profile)
    if wanted > 1 and not cards:
        raise UsageProblem(
            "several lanes need a GPU and an engine of their own each",
            where="-n",
            found=f"--sla-engine {rig.engine_spec}, {len(rig.gpus_under_test)} GPUs that it can be put on",
            possible="one lane (-n 1, or without -n); a server that is running is one engine, whatever it runs on",
        )
    if cards and rig.engine.backend != SCRIPTED:
        check_pinnable(rig.engine.backend, rig.gpus_under_test[: profile.lanes], vulkan=vulkan)


@dataclass(frozen=True)
class Added:
    """What other packages bring: kinds of engine, and GPUs that no probe of ours sees."""

    openers: Mapping[str, Opener] = field(default_factory=dict)
    gpus: tuple[Gpu, ...] = ()

    @classmethod
    def of(cls, openers: Sequence[Mapping[str, Opener]], gpus: Sequence[Sequence[Gpu]]) -> Added:
        """The answers of the hooks together. Raises UsageProblem where two name one kind or a built-in one."""
        table: dict[str, Opener] = {}
        for more in openers:
            if taken := sorted(more.keys() & (table.keys() | OPENERS.keys())):
                raise UsageProblem(
                    f"two packages open engines of kind {', '.join(taken)}",
                    where="hook pytest_rawrxd_engine",
                    possible="a kind of its own for each",
                )
            table |= more
        return cls(table, tuple(gpu for found in gpus for gpu in found))


def prepare(
    profile: Profile,
    engine_spec: str,
    folder: Path | None,
    run_dir: Path,
    say: Callable[[str], None],
    *,
    added: Added = Added(),
) -> Rig:
    """Find and check everything a session needs. Raises UsageProblem; ``say`` takes one line of progress."""
    check_disk(run_dir)
    gpus = (*find_gpus(), *added.gpus)
    check_gpus(profile, engine_spec, gpus)
    say("asking the engine who it is")
    on_cpu = profile.target.backend == "cpu"
    tool = _tool(engine_spec)
    server = None if tool or not is_server(engine_spec) else find_server(engine_spec, environ=os.environ, on_cpu=on_cpu)
    devices: tuple[Device, ...] = ()
    if tool is not None:
        info = tool.info
    elif server is not None:
        info, devices = server.info, server.devices
    else:
        with open_engine(engine_spec, EngineSetup(environ=os.environ), openers=added.openers) as engine:
            info, devices = engine.info, engine.devices()
    beside, absent = ({}, {}) if tool else find_beside(profile, engine_spec, on_cpu=on_cpu)
    say("preparing the models")
    remote = server if isinstance(server, FoundRemote) else None
    if remote is not None:
        ladder = _served_ladder(profile, remote)
    elif tool is not None and folder is None and not tool.places & {"model", "models"}:
        ladder = Ladder({}, {}, None)  # it has models of its own
    else:
        ladder = find_ladder(profile, engine_spec, folder, say)
    if tool is not None:
        models_folder(tool, ladder.models)  # asked now, because here it costs nothing
    return Rig(
        engine_spec,
        info,
        devices,
        read_host(),
        gpus,
        ladder.models,
        ladder.missing,
        ladder.reference,
        server,
        beside,
        absent,
        added.openers,
        tool,
    )


def _tool(engine_spec: str) -> FoundTool | None:
    if not engine_spec.startswith("command:"):
        return None
    target = parse_target(engine_spec, environ=os.environ, windows=sys.platform == "win32")
    return find_tool(target) if isinstance(target, CommandTarget) else None


def models_folder(tool: FoundTool, models: dict[str, ModelFile]) -> Path | None:
    """The folder that ``{models}`` stands for. Raises UsageProblem where the models lie in several."""
    if "models" not in tool.places:
        return None
    folders = {model.path.parent for model in models.values()}
    if len(folders) != 1:
        raise UsageProblem(
            "{models} needs the models in one folder",
            where=f"--sla-engine command:{tool.program.name}",
            found=", ".join(sorted(map(str, folders))) or "no model file",
            possible="--sla-models DIR with the .gguf files, or {model} for one file a run",
        )
    return folders.pop()


def find_beside(profile: Profile, engine_spec: str, *, on_cpu: bool) -> tuple[dict[str, FoundServer], dict[str, str]]:
    """The servers that do the same load beside the engine under test, and why others cannot be had."""
    found: dict[str, FoundServer] = {}
    absent: dict[str, str] = {}
    for spec in profile.protocol.phase2.beside:
        if engine_spec.startswith(SCRIPTED):
            absent[spec] = "nothing real is measured beside a scripted engine"
        elif spec != engine_spec:
            try:
                found[spec] = find_server(spec, environ=os.environ, on_cpu=on_cpu)
            except UsageProblem as problem:
                absent[spec] = problem.what
    return found, absent


def _served_ladder(profile: Profile, remote: FoundRemote) -> Ladder:
    """What a running server can be measured as: it has one model, and nobody sees its file."""
    wanted = profile.protocol.phase2.variant
    why = f"{remote.target.base_url} serves one model, which is measured as {wanted}"
    return Ladder({}, {variant: why for variant in profile.models.variants if variant != wanted}, None)


def find_ladder(profile: Profile, engine_spec: str, folder: Path | None, say: Callable[[str], None]) -> Ladder:
    """The model files that the session measures: those of ``folder``, or the ones the profile says how to make."""
    if engine_spec.startswith(SCRIPTED):
        return Ladder({}, {}, None)
    if folder is None and profile.models.source == "folder":
        raise UsageProblem(
            f"profile {profile.name} measures model files of yours",
            where="--sla-models",
            found="no folder named",
            possible="--sla-models DIR with the .gguf files",
        )
    source = folder if folder is not None else profile.models.source
    return prepare_models(ModelsSpec(source, tuple(profile.models.variants)), cache=default_cache(), progress=say)
