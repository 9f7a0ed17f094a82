"""Which criteria of a profile cannot be measured on a machine, and why; and what a run there would lack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_rawrxd.measure.checkup import Checkup
from pytest_rawrxd.profile import Criterion, Profile
from pytest_rawrxd.rig.disk import FREE_BYTES
from pytest_rawrxd.rig.models.manifest import Manifest
from pytest_rawrxd.rig.placement import Placement, place, usable_bytes
from pytest_rawrxd.rig.telemetry import Reading
from pytest_rawrxd.rig.vulkan import CPU, VulkanDevice, at_least

GPU_MEMORY = ("memory_used_bytes", "process_memory_bytes")
#: Metric -> signals of which one is needed where a GPU is measured.
SIGNALS_OF = {
    "gpu_temperature": ("temperature_c",),
    "gpu_utilisation": ("utilisation_percent",),
    "vram_drift": GPU_MEMORY,
    "vram_hourly_floor": GPU_MEMORY,
    "vram_delta": GPU_MEMORY,
}
DECLARATION = "declaration"
SCRIPTED = "scripted"


@dataclass(frozen=True)
class Capability:
    """What a machine can show of a profile.

    ``refused`` are reasons for which a run does not even begin; ``lacking`` names by criterion what it could not
    measure; ``declared`` are criteria that people answer; ``notes`` are what a run there would be worth less for.
    """

    refused: tuple[str, ...]
    lacking: dict[str, str]
    declared: tuple[str, ...]
    notes: tuple[str, ...]


def capability(profile: Profile, found: Checkup) -> Capability:
    """Hold a profile against a machine. A criterion that the profile excuses lacks nothing."""
    asked = [criterion for criterion in profile.criteria.values() if not criterion.not_applicable]
    obstacles = {criterion.id: _obstacle(criterion, profile, found) for criterion in asked}
    return Capability(
        refused=tuple(_refused(profile, found)),
        lacking={name: why for name, why in obstacles.items() if why is not None},
        declared=tuple(criterion.id for criterion in asked if criterion.kind == DECLARATION),
        notes=tuple(_notes(profile, found)),
    )


def placements(profile: Profile, found: Checkup) -> dict[str, Placement]:
    """Where each model of the folder goes: with the context of the matrix, of the load test for its variant.

    Nothing on a CPU, without models, or where nobody says how large the device is.
    """
    usable = usable_bytes(profile, found.devices)
    if usable is None or found.models is None:
        return {}
    headroom = profile.hardware.headroom
    return {
        variant: place(
            model.manifest,
            cells=_cells(profile, model.manifest),
            usable=usable,
            headroom=headroom.to("B") if headroom is not None else 0.0,
        )
        for variant, model in found.models.models.items()
    }


def vulkan_device(found: Checkup) -> VulkanDevice | None:
    """The device that carries the first GPU's name, else the first that is no processor, else the first at all."""
    devices = found.vulkan.devices if found.vulkan else ()
    card = found.gpus[0].name if found.gpus else None
    named = [device for device in devices if card and (card in device.name or device.name in card)]
    real = [device for device in devices if device.kind != CPU]
    return next(iter(named or real or devices), None)


def _cells(profile: Profile, manifest: Manifest) -> int:
    matrix, load = profile.protocol.phase1, profile.protocol.phase2
    return max(matrix.context, load.streams * load.context_per_stream if manifest.variant == load.variant else 0)


def _refused(profile: Profile, found: Checkup) -> Iterator[str]:
    wanted = profile.hardware.gpus
    if found.engine is None:
        yield f"no engine: {found.reasons['engine']}"
    if len(found.gpus) < wanted and not found.engine_spec.startswith(SCRIPTED):
        yield f"the profile measures {wanted} GPU{'s' if wanted > 1 else ''}, this machine shows {len(found.gpus)}"
    if profile.models.source == "folder" and found.models is None and not found.engine_spec.startswith(SCRIPTED):
        yield f"no models: {found.reasons['models']}"
    if found.disk_free < FREE_BYTES:
        yield f"{found.disk_free / 1e6:.0f} MB free on the disk, a run needs {FREE_BYTES / 1e6:.0f} MB"


def _obstacle(criterion: Criterion, profile: Profile, found: Checkup) -> str | None:
    variant = criterion.where.get("variant")
    if variant is not None and found.models is not None and variant not in found.models.models:
        return f"there is no file of {variant}"
    wanted = SIGNALS_OF.get(criterion.metric)
    if wanted is None or profile.target.backend == "cpu":
        return None
    if found.engine is not None and found.engine.backend == "cpu":
        return f"{wanted[0]} is not read: this build of the engine computes on the CPU"
    if wanted is GPU_MEMORY and any(device.memory_free is not None and device.kind != CPU for device in found.devices):
        return None  # the engine tells it between its generations
    for index, readings in enumerate(_measured_gpus(profile, found)):
        if not any(readings[name].source for name in wanted):
            return f"{wanted[0]}{_of_gpu(index)} is not available: {readings[wanted[0]].why_not}"
    return None


def _measured_gpus(profile: Profile, found: Checkup) -> list[dict[str, Reading]]:
    """The signals of each GPU that a run would measure: one a lane, in their order."""
    return [{reading.signal.name: reading for reading in each.readings} for each in found.shown[: profile.lanes]]


def _of_gpu(index: int) -> str:
    return f" of GPU {index}" if index else ""


def _notes(profile: Profile, found: Checkup) -> Iterator[str]:
    target, gates = profile.target, profile.gates
    if found.engine is not None and found.engine.backend != target.backend:
        yield f"the engine computes with {found.engine.backend}, the target with {target.backend}: a run is a REHEARSAL"
    if found.engine is not None and found.engine.name.lower() != target.engine.lower():
        yield f"the engine is {found.engine.name}, the target is {target.engine}: a run is a REHEARSAL"
    if found.engine is not None and target.version is not None and found.engine.version != target.version:
        yield f"the engine is version {found.engine.version}, the target {target.version}: a run is a REHEARSAL"
    yield from _vulkan_notes(profile, found)
    allowed = gates.contamination_max.to("ratio")
    if found.foreign_share > allowed:
        yield (
            f"other programs use {100 * found.foreign_share:.1f} % of the processor, the profile allows "
            f"{100 * allowed:.0f} %: runs would be INVALID"
        )
    if profile.hardware.gpus:
        for name, lost in (
            ("clock_reasons", "throttling shows only where clocks and throughput fall together"),
            ("shared_used_bytes", "a model that spills into the host's memory is not noticed"),
        ):
            for index, readings in enumerate(_measured_gpus(profile, found)):
                if readings[name].source is None:
                    yield f"{name}{_of_gpu(index)} is not available ({readings[name].why_not}): {lost}"
    for variant, placed in placements(profile, found).items():
        if not placed.fits:
            yield f"{variant} does not fit: {placed.arithmetic}"


def _vulkan_notes(profile: Profile, found: Checkup) -> Iterator[str]:
    least = profile.hardware.vulkan
    if least is None or profile.target.backend != "vulkan":
        return
    device = vulkan_device(found)
    if device is None:
        yield f"Vulkan {least} is promised: {found.reasons.get('vulkan', 'no driver offers a device')}"
    elif not at_least(device.version, least):
        yield f"Vulkan {least} is promised, {device.name} offers {device.version}"
