"""A sysfs tree and fdinfo files of an AMD card.

Constructed from the kernel's documentation of amdgpu and from kgd_pp_interface.h; nobody's card was recorded for them.
"""

from __future__ import annotations

from pathlib import Path

UUID = "f00d"
PCI = "0000:03:00.0"
FILES = {
    "vendor": "0x1002",
    "device": "0x747e",
    "unique_id": UUID,
    "product_name": "Radeon RX 7800 XT",
    "uevent": f"DRIVER=amdgpu\nPCI_SLOT_NAME={PCI}",
    "mem_info_vram_total": 17163091968,
    "mem_info_vram_used": 9_000_000_000,
    "mem_info_gtt_used": 50_000_000,
    "gpu_busy_percent": 97,
    "mem_busy_percent": 61,
}
HWMON = {
    "temp1_label": "edge",
    "temp1_input": 61500,
    "temp2_label": "junction",
    "temp2_input": 78000,
    "temp3_label": "mem",
    "temp3_input": 70000,
    "freq1_label": "sclk",
    "freq1_input": 2_430_000_000,
    "freq2_label": "mclk",
    "freq2_input": 1_218_500_000,
    "power1_average": 212_000_000,
}


def card(
    drm: Path, number: int = 1, *, throttle: int | None = 0, leave_out: tuple[str, ...] = (), **changes: object
) -> Path:
    """The folder card``number``/device below ``drm``; ``changes`` replace files, ``leave_out`` drops them."""
    device = drm / f"card{number}" / "device"
    sensors = device / "hwmon" / "hwmon4"
    sensors.mkdir(parents=True)
    for folder, files in ((device, FILES), (sensors, HWMON)):
        for name, content in files.items():
            if name not in leave_out:
                (folder / name).write_text(f"{changes.get(name, content)}\n")
    if throttle is not None:
        (device / "gpu_metrics").write_bytes(metrics(throttle))
    return device


def metrics(throttle: int, *, revision: tuple[int, int] = (1, 3), size: int = 120) -> bytes:
    """gpu_metrics with only its header and the throttle status set."""
    table = bytearray(b"\xff" * size)
    table[:4] = size.to_bytes(2, "little") + bytes(revision)
    table[112:120] = throttle.to_bytes(8, "little")
    return bytes(table[:size])


def client(proc: Path, pid: int, descriptor: int, identity: int, *lines: str, pci: str = PCI) -> None:
    """One open descriptor of a process: client ``identity`` with the further ``lines`` of its fdinfo."""
    folder = proc / str(pid) / "fdinfo"
    folder.mkdir(parents=True, exist_ok=True)
    head = ("pos:\t0", "drm-driver:\tamdgpu", f"drm-client-id:\t{identity}", f"drm-pdev:\t{pci}")
    (folder / str(descriptor)).write_text("\n".join((*head, *lines)) + "\n")
