"""Everything that is found before the first measurement: a problem here starts nothing and loses nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.evidence.identity import Identity
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.rig.disk import FREE_BYTES, free_bytes
from pytest_rawrxd.rig.engine.choose import EngineSetup, open_engine
from pytest_rawrxd.rig.engine.protocol import Device, EngineInfo
from pytest_rawrxd.rig.gpu import Gpu, find_gpus
from pytest_rawrxd.rig.host import Host, read_host
from pytest_rawrxd.rig.models.cache import default_cache
from pytest_rawrxd.rig.models.folder import ModelFile
from pytest_rawrxd.rig.models.ladder import Ladder, ModelsSpec, prepare_models
from pytest_rawrxd.rig.server.found import FoundRemote, FoundServer, find_server, is_server

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
            where="NVML, amdgpu sysfs, Windows registry",
            found=", ".join(gpu.name for gpu in gpus) or "no GPU",
            possible="a machine with the GPU and its driver, or --sla-profile embedded for a rehearsal on the CPU",
        )


def prepare(profile: Profile, engine_spec: str, folder: Path | None, run_dir: Path, say: Callable[[str], None]) -> Rig:
    """Find and check everything a session needs. Raises UsageProblem; ``say`` takes one line of progress."""
    check_disk(run_dir)
    gpus = find_gpus()
    check_gpus(profile, engine_spec, gpus)
    say("asking the engine who it is")
    on_cpu = profile.target.backend == "cpu"
    server = find_server(engine_spec, environ=os.environ, on_cpu=on_cpu) if is_server(engine_spec) else None
    if server is not None:
        info, devices = server.info, server.devices
    else:
        with open_engine(engine_spec, EngineSetup(environ=os.environ)) as engine:
            info, devices = engine.info, engine.devices()
    beside, absent = find_beside(profile, engine_spec, on_cpu=on_cpu)
    say("preparing the models")
    remote = server if isinstance(server, FoundRemote) else None
    ladder = _served_ladder(profile, remote) if remote else find_ladder(profile, engine_spec, folder, say)
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
    )


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
