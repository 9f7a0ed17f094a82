"""The rig in records: the machine with its ceilings, the models that are there and those that are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pytest_rawrxd.measure.bandwidth import read_bandwidth
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.plugin.preflight import Rig
from pytest_rawrxd.rig.engine.bandwidth import DeviceBandwidth
from pytest_rawrxd.rig.telemetry import Reading


def described(
    rig: Rig, lane: Mapping[str, Any], device: DeviceBandwidth, readings: Sequence[Reading]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield kind and data of each record; the memory's read bandwidth is measured on the way, for a second or more."""
    host = rig.host
    yield (
        "machine",
        {
            **host.to_dict(),
            "gpus": [gpu.to_dict() for gpu in rig.gpus],
            "lane": dict(lane),
            "read_bandwidth": asdict(read_bandwidth(host.cores, host.llc_bytes, SYSTEM.monotonic_ns)),
            "device_bandwidth": device.figures,
            "device_bandwidth_reason": device.reason,
            "telemetry": [reading.to_dict() for reading in readings],
        },
    )
    for variant, why in rig.missing.items():
        yield "model.missing", {"variant": variant, "why": why}
    for spec, why in rig.absent.items():
        yield "load.missing", {"beside": spec, "why": why}
    for model in rig.models.values():
        yield "model", model.manifest.to_dict()
