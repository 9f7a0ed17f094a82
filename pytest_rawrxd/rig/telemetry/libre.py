"""Temperature, clocks and power of a GPU from LibreHardwareMonitor's web server, where somebody runs it on Windows."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.telemetry.signal import Value

SOURCE = "LibreHardwareMonitor"
URL = "http://127.0.0.1:8085/data.json"
TIMEOUT_S = 2.0
START = "start LibreHardwareMonitor with Options > Remote Web Server > Run"
#: Kind and name of a sensor, with what one of its units is in ours.
SENSORS: dict[str, tuple[str, tuple[str, ...], float]] = {
    "temperature_c": ("temperature", ("GPU Core",), 1.0),
    "hotspot_c": ("temperature", ("GPU Hot Spot",), 1.0),
    "core_clock_mhz": ("clock", ("GPU Core",), 1.0),
    "memory_clock_mhz": ("clock", ("GPU Memory",), 1.0),
    "power_mw": ("power", ("GPU Package", "GPU Total Board Power", "GPU Core"), 1000.0),
}
SENSOR = re.compile(r"(?P<device>/gpu-[a-z]+/\d+)/(?P<kind>[a-z]+)/\d+")
NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")

Fetch = Callable[[], bytes]


def fetch() -> bytes:
    """What the web server says now. OSError without one."""
    # A proxy of the environment would be asked for its own 127.0.0.1.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(URL, timeout=TIMEOUT_S) as answer:
        body: bytes = answer.read()
    return body


class LibreProbe:
    """One GPU by the name that Windows and the monitor give it."""

    source = SOURCE

    def __init__(self, name: str, fetch: Fetch) -> None:
        self._name, self._fetch = name, fetch
        found = self._sensors()
        self.absent = {
            signal: f"no sensor {names[0]}" for signal, (_, names, _) in SENSORS.items() if signal not in found
        }
        self.signals = tuple(signal for signal in SENSORS if signal in found)

    def read(self, _pids: Sequence[int]) -> dict[str, Value | None]:
        """One value for each of ``signals``. Raises RigTrouble when the monitor was ended."""
        found = self._sensors()
        return {signal: found.get(signal) for signal in self.signals}

    def close(self) -> None:
        """Nothing is held open."""

    def _sensors(self) -> dict[str, float]:
        try:
            tree = json.loads(self._fetch())
        except (OSError, ValueError, RecursionError) as error:
            raise RigTrouble(
                "LibreHardwareMonitor does not answer", where=URL, found=f"no answer at {URL}: {error}; {START}"
            ) from error
        devices = dict(_devices(tree))
        chosen = [sensors for name, sensors in devices.items() if name == self._name]
        if not chosen and len(devices) == 1:
            chosen = list(devices.values())
        if not chosen:
            shown = ", ".join(devices) or "no GPU"
            raise RigTrouble("LibreHardwareMonitor shows another GPU", where=URL, found=f"it shows {shown}")
        return _signals(chosen[0])


def _devices(node: Any) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """Each node that has GPU sensors two levels below it, as groups: its name and those sensors."""
    sensors = [
        sensor
        for group in _children(node)
        for sensor in _children(group)
        if SENSOR.fullmatch(str(sensor.get("SensorId", "")))
    ]
    if sensors:
        yield str(node.get("Text", "")), sensors
    else:
        for child in _children(node):
            yield from _devices(child)


def _children(node: Any) -> list[Mapping[str, Any]]:
    """The nodes below one; nothing below what is no node of the monitor's."""
    children = node.get("Children") if isinstance(node, dict) else None
    return [child for child in children if isinstance(child, dict)] if isinstance(children, list) else []


def _signals(sensors: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    named: dict[tuple[str, str], float] = {}
    for sensor in sensors:
        part = SENSOR.fullmatch(str(sensor["SensorId"]))
        number = NUMBER.match(str(sensor.get("Value", "")))  # "48,5 °C" where the system writes numbers so
        if part and number:
            named[part["kind"], str(sensor.get("Text", ""))] = float(number[0].replace(",", "."))
    found: dict[str, float] = {}
    for signal, (kind, names, factor) in SENSORS.items():
        value = next((named[kind, name] for name in names if (kind, name) in named), None)
        if value is not None:
            found[signal] = factor * value
    return found
