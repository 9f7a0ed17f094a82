"""Does a model fit the device, and if not, how many of its layers do?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pytest_rawrxd.profile import Profile
from pytest_rawrxd.rig.engine.protocol import Device
from pytest_rawrxd.rig.models.manifest import Manifest

ALL_LAYERS = 999  #: llama.cpp takes any number above the model's as "all of them"


@dataclass(frozen=True)
class Placement:
    """Where a model is put. ``arithmetic`` is the sentence that every report of it shows."""

    fits: bool
    gpu_layers: int  #: as LoadOptions takes it
    arithmetic: str


def place(manifest: Manifest, *, cells: int, usable: float, headroom: float) -> Placement:
    """Put a model with ``cells`` KV cells on a device with ``usable`` bytes of which ``headroom`` stay free.

    It fits when weights + KV + headroom <= usable. Otherwise as many layers as fit are offloaded, weights and KV taken
    as spread evenly over the layers and the output layer: embeddings stay on the host, so this errs on the safe side.
    """
    weights, kv = manifest.weight_bytes, (manifest.kv_bytes_per_token or 0) * cells
    fits = weights + kv + headroom <= usable
    said = (
        f"weights {weights / 1e9:.2f} GB + KV {kv / 1e9:.2f} GB + headroom {headroom / 1e9:.2f} GB "
        f"{'<=' if fits else '>'} usable {usable / 1e9:.2f} GB"
    )
    if fits:
        return Placement(True, ALL_LAYERS, said)
    layers = (manifest.layers or 0) + 1
    room = max(usable - headroom, 0.0)
    offloaded = min(int(layers * room / (weights + kv)), layers - 1)
    return Placement(False, offloaded, f"{said}: {offloaded} of {layers} layers are offloaded")


def usable_bytes(profile: Profile, devices: Iterable[Device]) -> float | None:
    """Bytes that an engine can get on the device: the profile's figure or what is free now, whichever is smaller.

    None on a CPU, or where nobody says it.
    """
    if profile.target.backend == "cpu":
        return None
    promised = profile.hardware.vram_usable
    free = [device.memory_free for device in devices if device.kind in {"gpu", "igpu"}]
    known = [promised.to("B")] if promised is not None else []
    known += [float(size) for size in free[:1] if size is not None]
    return min(known, default=None)


def largest_that_fits(
    wanted: str, manifests: Mapping[str, Manifest], placements: Mapping[str, Placement]
) -> str | None:
    """``wanted`` where it is there and fits wholly, else the variant with the largest weights that does; None: none.

    A variant without a placement is on a device whose memory is not the limit, such as the CPU.
    """
    whole = {name: model for name, model in manifests.items() if name not in placements or placements[name].fits}
    if wanted in whole:
        return wanted
    return max(whole, key=lambda name: whole[name].weight_bytes, default=None)
