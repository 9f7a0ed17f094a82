"""What ``rawrxd doctor`` prints: a machine, and what of a profile it can show."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from pytest_rawrxd.measure.capability import Capability, placements
from pytest_rawrxd.measure.checkup import Checkup
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.report.plain import plain
from pytest_rawrxd.rig.disk import FREE_BYTES
from pytest_rawrxd.rig.models.recipes import LADDER
from pytest_rawrxd.rig.server.program import RELEASE_URL, TESTED_RELEASE
from pytest_rawrxd.rig.telemetry import Reading, Value
from pytest_rawrxd.rig.telemetry.clocks import words
from pytest_rawrxd.rig.telemetry.signal import names
from pytest_rawrxd.settings import Setting
from pytest_rawrxd.verdict.wording import number

WIDTH = 110
HEAD = 16  #: columns of a heading inside a section
SIGNAL = 28
OF_A_GPU = (*names("device"), "process_memory_bytes")
#: How a value of a unit is shown: factor and the unit that follows.
SHOWN = {
    "B": (1e-9, "GB"),
    "mW": (1e-3, "W"),
    "mJ": (1e-3, "J"),
    "%": (1, "%"),
    "MHz": (1, "MHz"),
    "degC": (1, "degC"),
}


def doctor_text(
    found: Checkup,
    profile: Profile | None,
    able: Capability | None,
    unsaid: Mapping[str, Setting] = MappingProxyType({}),
) -> str:
    """Return the report in lines of at most 110 characters.

    ``unsaid`` are the options that came from elsewhere than the command line, by their flags.
    """
    return "\n".join(_lines(found, profile, able, unsaid))


def _lines(
    found: Checkup, profile: Profile | None, able: Capability | None, unsaid: Mapping[str, Setting]
) -> Iterator[str]:
    if unsaid:
        yield "Settings that the command line does not name"
        for flag, setting in unsaid.items():
            yield from _row(flag, f"{setting.value}, by {setting.source}")
        yield ""
    yield "Machine"
    yield from _machine(found)
    yield from ("", "GPUs")
    yield from _gpus(found)
    yield from ("", "Engine")
    yield from _engine(found)
    yield from _row("llama-server", f"tested as release {TESTED_RELEASE} of llama.cpp; builds for every system:")
    yield from _row("", RELEASE_URL)
    for index, each in enumerate(found.shown):
        yield from ("", f"Telemetry, {_of(index, found)}")
        yield from _readings(each.readings, each.values, host=index == 0)
    yield from ("", "Models")
    yield from _models(found, profile)
    if profile is not None and able is not None:
        yield ""
        yield from _profile(profile, able)


def _machine(found: Checkup) -> Iterator[str]:
    host = found.host
    cache = f"last-level cache {number(host.llc_bytes / 2**20)} MiB" if host.llc_bytes else "cache not reported"
    yield from _row("processor", f"{host.cpu}, {host.cores} cores usable, {cache}")
    yield from _row("system", f"{host.os}, Python {host.python}")
    yield from _row("memory", f"{_gb(host.memory_bytes)}, {_gb(found.memory_available)} available")
    room = "" if found.disk_free >= FREE_BYTES else f": too little, a run needs {_gb(FREE_BYTES)}"
    yield from _row("disk", f"{_gb(found.disk_free)} free for {found.disk.as_posix()}{room}")
    yield from _row("other programs", f"{number(round(100 * found.foreign_share, 1))} % of all cores")


def _gpus(found: Checkup) -> Iterator[str]:
    if not found.gpus:
        yield from _row("none", "NVML, amdgpu sysfs and the Windows registry show no GPU")
    for index, gpu in enumerate(found.gpus):
        size = _gb(gpu.vram_bytes) if gpu.vram_bytes is not None else "memory not reported"
        yield from _row(f"{index}", f"{gpu.name}, {size}, {gpu.driver or 'driver not reported'}, found by {gpu.source}")
    if found.vulkan is None:
        yield from _row("Vulkan", found.reasons["vulkan"])
        return
    yield from _row("Vulkan", f"loader {found.vulkan.loader}{'' if found.vulkan.devices else ', no driver installed'}")
    for device in found.vulkan.devices:
        yield from _row("", f"{device.version} {device.name} ({device.kind})")


def _engine(found: Checkup) -> Iterator[str]:
    if found.engine is None:
        yield from _row("none", f"{found.engine_spec}: {found.reasons['engine']}")
        return
    yield from _row("build", found.engine.sentence())
    for device in found.devices:
        free = device.reason or "memory not reported"
        if device.memory_free is not None and device.memory_total is not None:
            free = f"{_gb(device.memory_free)} of {_gb(device.memory_total)} free"
        yield from _row(device.name, f"{device.description}, {device.kind}, {free}")


def _of(index: int, found: Checkup) -> str:
    if not found.gpus:
        return "of the host"
    if len(found.gpus) == 1:
        return "of the GPU and of the host"
    return f"of GPU {index}{' and of the host' if index == 0 else ''}"


def _readings(readings: Sequence[Reading], values: Mapping[str, Value | None], *, host: bool) -> Iterator[str]:
    """Signals with their value and source, a line each; then those that are not available, once for each reason."""
    readings = [reading for reading in readings if host or reading.signal.name in OF_A_GPU]
    for reading in readings:
        if reading.source is not None:
            shown = _value(reading, values.get(reading.signal.name))
            yield from _wrapped(f"{shown:<24} {reading.source}", f"  {reading.signal.name:<{SIGNAL}} ")
    for why, those in _by_reason({r.signal.name: r.why_not for r in readings if r.why_not is not None}).items():
        yield from _row("not available", f"{', '.join(those)}: {why}")


def _value(reading: Reading, value: Value | None) -> str:
    if value is None:
        return "when an engine runs" if reading.signal.of == "process" else "no value now"
    if reading.signal.unit == "bits":
        return words(int(value))
    factor, unit = SHOWN[reading.signal.unit]
    return f"{number(round(value * factor, 3))} {unit}"


def _by_reason(reasons: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, why in reasons.items():
        found.setdefault(why, []).append(name)
    return found


def _models(found: Checkup, profile: Profile | None) -> Iterator[str]:
    if found.models is None:
        made = profile is not None and profile.models.source != "folder"
        said = f"made by the suite: {profile.models.source}" if made and profile else found.reasons["models"]
        yield from _row("none", said)
        return
    yield from _row("folder", found.models.folder.as_posix())
    placed = placements(profile, found) if profile is not None else {}
    for variant, model in sorted(found.models.models.items(), key=lambda item: _rank(item[0])):
        manifest = model.manifest
        fits = placed.get(variant)
        said = "" if fits is None else f", {'fits' if fits.fits else 'does not fit'}: {fits.arithmetic}"
        yield from _row(variant, f"{manifest.file}, {_gb(manifest.bytes)}, recipe {manifest.recipe}{said}")
    for name, mixture in found.models.others.items():
        yield from _row("no variant", f"{name}: {mixture}")
    if found.models.missing:
        yield from _row("missing", ", ".join(found.models.missing))


def _rank(variant: str) -> int:
    return LADDER.index(variant) if variant in LADDER else len(LADDER)


def _profile(profile: Profile, able: Capability) -> Iterator[str]:
    asked = [criterion for criterion in profile.criteria.values() if not criterion.not_applicable]
    yield f"Profile {profile.name}: {len(asked)} criteria ask for an answer"
    for why in able.refused:
        yield from _row("refused", why)
    for why, those in _by_reason(able.lacking).items():
        yield from _row("NOT MEASURED", f"{', '.join(those)}: {why}")
    if able.declared:
        yield from _row("declared", f"{', '.join(able.declared)}: answered by people, not by a machine")
    for note in able.notes:
        yield from _row("note", note)
    yield ""
    if able.refused:
        yield "Nothing of this profile can be measured here before that is mended."
    elif able.lacking:
        left = len(asked) - len(able.lacking)
        yield f"{len(able.lacking)} of {len(asked)} criteria would be NOT MEASURED here, {left} can be answered."
    else:
        yield "Every criterion of this profile can be answered here."


def _row(head: str, text: str) -> list[str]:
    return _wrapped(text, f"  {plain(head):<{HEAD}} ")


def _wrapped(text: str, head: str) -> list[str]:
    # No hyphen breaks a line: the ids of criteria have hyphens.
    return textwrap.wrap(
        plain(text), WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False
    )


def _gb(size: float) -> str:
    return f"{size / 1e9:.2f} GB"
