"""What an AMD GPU does, through the files of Linux's amdgpu driver: sysfs, hwmon, and fdinfo of processes.

Sources: the kernel's documentation "amdgpu: GPU Power/Thermal Controls and Monitoring" and "drm-usage-stats".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.gpu.detect import AMDGPU
from pytest_rawrxd.rig.telemetry.amd_throttle import reasons_of_metrics
from pytest_rawrxd.rig.telemetry.protocol import NotReported
from pytest_rawrxd.rig.telemetry.signal import Value

PROCESS = "process_memory_bytes"
#: What drivers of different years call the memory that a client holds on the device.
VRAM_KEYS = ("drm-memory-vram", "drm-resident-vram", "drm-total-vram")
UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def _number(path: Path) -> int:
    return int(path.read_text(encoding="utf-8"))


def _memory_used(device: Path) -> int:
    used = _number(device / "mem_info_vram_used")
    if used == 0:
        raise NotReported("not reported: free equals total")
    return used


def _labelled(device: Path, kind: str, label: str) -> Path:
    """The hwmon input that carries ``label``, such as temp2_input for "junction"."""
    for name in sorted(device.glob(f"hwmon/hwmon*/{kind}*_label")):
        if name.read_text(encoding="utf-8").strip() == label:
            return name.with_name(name.name.replace("_label", "_input"))
    raise NotReported(f"hwmon has no {kind} labelled {label}")


def _temperature(device: Path) -> float:
    """Millidegrees of the edge; cards before Vega have one sensor without a label."""
    try:
        path = _labelled(device, "temp", "edge")
    except NotReported:
        path = _first(device, "temp1_input")
        if path.with_name("temp1_label").exists():
            raise
    return _number(path) / 1000


def _first(device: Path, name: str) -> Path:
    found = sorted(device.glob(f"hwmon/hwmon*/{name}"))
    if not found:
        raise NotReported(f"hwmon has no {name}")
    return found[0]


def _power(device: Path) -> float:
    """Microwatts, averaged by the firmware where it does that, as milliwatts."""
    try:
        path = _first(device, "power1_average")
    except NotReported:
        path = _first(device, "power1_input")
    return _number(path) / 1000


READS: dict[str, Callable[[Path], Value]] = {
    "memory_used_bytes": _memory_used,
    "shared_used_bytes": lambda device: _number(device / "mem_info_gtt_used"),
    "utilisation_percent": lambda device: _number(device / "gpu_busy_percent"),
    "memory_utilisation_percent": lambda device: _number(device / "mem_busy_percent"),
    "temperature_c": _temperature,
    "hotspot_c": lambda device: _number(_labelled(device, "temp", "junction")) / 1000,
    "core_clock_mhz": lambda device: _number(_labelled(device, "freq", "sclk")) / 1e6,
    "memory_clock_mhz": lambda device: _number(_labelled(device, "freq", "mclk")) / 1e6,
    "power_mw": _power,
    "clock_reasons": lambda device: reasons_of_metrics((device / "gpu_metrics").read_bytes()),
}
TROUBLE = (OSError, ValueError, NotReported)


class AmdgpuProbe:
    """One AMD GPU by what ``detect`` took for its UUID."""

    source = AMDGPU

    def __init__(self, uuid: str, drm: Path, proc: Path) -> None:
        self._device, self._proc = device_folder(uuid, drm), proc
        self.absent: dict[str, str] = {}
        for name, read in READS.items():
            try:
                read(self._device)
            except TROUBLE as error:
                self.absent[name] = _said(error)
        self.signals = (*(name for name in READS if name not in self.absent), PROCESS)

    @property
    def pci_address(self) -> str:
        """Such as 0000:03:00.0, as fdinfo and amdsmi name the card."""
        return pci_address(self._device)

    def read(self, pids: Sequence[int]) -> dict[str, Value | None]:
        """One value for each of ``signals``; a file that cannot be read now gives None.

        Raises RigTrouble when none can: the card has left the bus, or its driver was unloaded.
        """
        values: dict[str, Value | None] = {}
        last = ""
        for name in self.signals:
            if name == PROCESS:
                continue
            try:
                values[name] = READS[name](self._device)
            except TROUBLE as error:
                values[name], last = None, _said(error)
        if values and all(value is None for value in values.values()):
            raise RigTrouble("the GPU no longer answers", where=self.source, found=last)
        values[PROCESS] = held_bytes(pids, self.pci_address, self._proc)
        return values

    def close(self) -> None:
        """Nothing is held open."""


def device_folder(uuid: str, drm: Path) -> Path:
    """The folder of the card that ``detect`` found as ``uuid``. Raises RigTrouble without one."""
    for device in (card / "device" for card in sorted(drm.glob("card[0-9]*")) if "-" not in card.name):
        try:
            unique = (device / "unique_id").read_text(encoding="utf-8").strip()
        except OSError:
            unique = ""
        if uuid in (unique, pci_address(device)):
            return device
    raise RigTrouble("amdgpu does not show this GPU", where=uuid, found=f"no such card below {drm}")


def pci_address(device: Path) -> str:
    """The PCI address of a card's folder; a recorded tree keeps it in uevent, as the kernel does."""
    try:
        lines = (device / "uevent").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    told = [line.partition("=")[2] for line in lines if line.startswith("PCI_SLOT_NAME=")]
    return told[0] if told else device.resolve().name


def held_bytes(pids: Sequence[int], pci: str, proc: Path) -> int | None:
    """Device memory of processes on one card; None where the kernel lists no client of theirs.

    A client stands in fdinfo once for each descriptor that shares it, and counts once.
    """
    clients: dict[str, int] = {}
    for pid in pids:
        for told in _clients(proc / str(pid) / "fdinfo"):
            if told.get("drm-driver") != "amdgpu" or told.get("drm-pdev", pci) != pci or "drm-client-id" not in told:
                continue
            size = next((_bytes(told[key]) for key in VRAM_KEYS if key in told), None)
            if size is not None:
                clients[told["drm-client-id"]] = size
    return sum(clients.values()) if clients else None


def _clients(folder: Path) -> Iterator[dict[str, str]]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:  # the process ended, or is another user's
        return
    for entry in entries:
        try:
            text = entry.read_text(encoding="utf-8", errors="replace")
        except OSError:  # a descriptor that was closed meanwhile
            continue
        if "drm-driver" in text:
            fields = (line.partition(":") for line in text.splitlines())
            yield {key.strip(): value.strip() for key, _, value in fields}


def _bytes(size: str) -> int | None:
    """Bytes of "2048 KiB"; None for anything else than a number and a unit that the kernel documents."""
    number, _, unit = size.partition(" ")
    factor = UNITS.get(unit.strip())
    return int(number) * factor if number.isdigit() and factor is not None else None


def _said(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{Path(str(error.filename)).name}: {error.strerror or type(error).__name__}"
    return str(error)
