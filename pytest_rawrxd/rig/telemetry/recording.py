"""What the sources of a machine answered, kept so that another machine can read it again.

A recording is a folder: ``nvml.json`` and ``amdsmi.json`` are calls with their answers, ``counters.json`` and
``libre.json`` what was collected, ``drm/`` the files of AMD cards; a folder ``gpuN`` beside them holds the answers
about each further GPU. Answers are given again in their order; the last one repeats. Names of cards, UUIDs and process
numbers are in it; nothing of the user's files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.gpu.detect import AMD_VENDOR
from pytest_rawrxd.rig.telemetry.access import Access
from pytest_rawrxd.rig.telemetry.pdh import Counters, Query

NVML, AMDSMI, COUNTERS, LIBRE, CARDS = "nvml.json", "amdsmi.json", "counters.json", "libre.json", "drm"
CARD_FILES = (
    *("vendor", "device", "unique_id", "product_name", "uevent", "mem_info_vram_total", "mem_info_vram_used"),
    *("mem_info_gtt_used", "gpu_busy_percent", "mem_busy_percent", "gpu_metrics"),
)
SENSOR_FILES = ("temp*_label", "temp*_input", "freq*_label", "freq*_input", "power1_average", "power1_input")
EXCEPTIONS = ("NVMLError", "AmdSmiException")


@dataclass
class Recorder:
    """Stands between the sources and the machine; ``access`` is what sources are opened with, ``save`` ends it."""

    machine: Access
    calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    collected: list[Counters] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)

    @property
    def access(self) -> Access:
        return replace(
            self.machine,
            nvml=lambda: _Listening(self.machine.nvml(), self.calls.setdefault(NVML, {})),
            amdsmi=lambda: _Listening(self.machine.amdsmi(), self.calls.setdefault(AMDSMI, {})),
            counters=lambda: _ListeningQuery(self.machine.counters(), self),
            fetch=self._fetch,
        )

    def _fetch(self) -> bytes:
        answer = self.machine.fetch()
        self.fetched.append(answer.decode("utf-8", "replace"))
        return answer

    def save(self, folder: Path) -> None:
        """Write what was heard into ``folder``, which is made; only sources that answered leave a file."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, log in self.calls.items():
            _write(folder / name, log)
        if self.collected or self.refused:
            _write(folder / COUNTERS, {"refused": self.refused, "collected": self.collected})
        if self.fetched:
            _write(folder / LIBRE, self.fetched)
        copy_cards(self.machine.drm, folder / CARDS)


def place_of(folder: Path, gpu: int) -> Path:
    """Where the answers about a machine's GPU of this index lie: two cards answer the same calls differently."""
    return folder if gpu == 0 else folder / f"gpu{gpu}"


def replayed(folder: Path, system: str) -> Access:
    """The answers of a recording as if they were a machine's; a source that left none cannot be had."""
    told = _read(folder / COUNTERS)
    return Access(
        system=system,
        nvml=lambda: _Replayed(_read(folder / NVML), "pynvml"),
        amdsmi=lambda: _Replayed(_read(folder / AMDSMI), "amdsmi"),
        counters=lambda: _replayed_query(told),
        fetch=_replayed_fetch(_read(folder / LIBRE)),
        drm=folder / CARDS,
        proc=folder / "proc",
    )


def copy_cards(drm: Path, to: Path) -> None:
    """Copy the files of AMD cards below ``drm`` that the probe reads; nothing without such a card."""
    for device in (card / "device" for card in sorted(drm.glob("card[0-9]*")) if "-" not in card.name):
        try:
            vendor = (device / "vendor").read_text(encoding="utf-8").strip()
        except OSError:
            continue
        if vendor != AMD_VENDOR:
            continue
        named = [device / name for name in CARD_FILES]
        named += [path for pattern in SENSOR_FILES for path in device.glob(f"hwmon/hwmon*/{pattern}")]
        for path in named:
            _copy(path, to / device.parent.name / "device" / path.relative_to(device))


def _copy(path: Path, to: Path) -> None:
    # sysfs names sizes that its files do not have: the content is read, not the file copied.
    try:
        content = path.read_bytes()
    except OSError:  # the card does not have it, which is what the recording then says too
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(content)


class _Listening:
    """A vendor's module whose constants and answers are noted in ``log``."""

    def __init__(self, module: Any, log: dict[str, Any]) -> None:
        self._module, self._log = module, log

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._module, name)
        if isinstance(value, type):  # an exception to catch
            return value
        if not callable(value):
            self._log[name] = {"constant": value}
            return value
        return self._noted(name, value)

    def _noted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        errors = tuple(getattr(self._module, error) for error in EXCEPTIONS if hasattr(self._module, error))

        def call(*arguments: Any) -> Any:
            answers = self._log.setdefault(_key(name, arguments), {"answers": []})["answers"]
            try:
                result = function(*arguments)
            except errors as error:
                answers.append({"error": str(error)})
                raise
            answers.append({"value": _plain(result)})
            return result

        return call


class _Replayed:
    """A module made of a log. Handles are the word that stands for them."""

    def __init__(self, log: dict[str, Any] | None, name: str) -> None:
        if log is None:
            raise ImportError(f"the recording has no answers of {name}")
        self._log = {key: dict(entry) for key, entry in log.items()}
        self._given: dict[str, int] = {}
        for exception in EXCEPTIONS:
            setattr(self, exception, type(exception, (Exception,), {}))

    def __getattr__(self, name: str) -> Any:
        if name in self._log and "constant" in self._log[name]:
            return self._log[name]["constant"]
        if not any(key.partition("(")[0] == name for key in self._log):
            raise AttributeError(f"the recording has no {name}")

        def call(*arguments: Any) -> Any:
            key = _key(name, arguments)
            answers = self._log[key]["answers"]
            place = self._given.get(key, 0)
            self._given[key] = place + 1
            answer = answers[min(place, len(answers) - 1)]
            if "error" in answer:
                raise self._error(name)(answer["error"])
            return _object(answer["value"])

        return call

    def _error(self, name: str) -> type[Exception]:
        found: type[Exception] = getattr(self, EXCEPTIONS[0] if name.startswith("nvml") else EXCEPTIONS[1])
        return found


class _ListeningQuery:
    """Windows' query, its answers noted by a recorder."""

    def __init__(self, query: Query, recorder: Recorder) -> None:
        self._query, self._recorder = query, recorder
        self.refused = query.refused
        recorder.refused.update(query.refused)

    def collect(self) -> Counters:
        told = self._query.collect()
        self._recorder.collected.append(told)
        return told

    def close(self) -> None:
        self._query.close()


class _ReplayedQuery:
    """What was collected, in its order."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.refused: dict[str, str] = told["refused"]
        self._collected, self._given = told["collected"], 0

    def collect(self) -> Counters:
        if not self._collected:
            raise RigTrouble("the recording has no performance counters", found="none was collected")
        self._given += 1
        found: Counters = self._collected[min(self._given, len(self._collected)) - 1]
        return found

    def close(self) -> None:
        """Nothing is held open."""


def _replayed_query(told: Any) -> Query:
    if told is None:
        raise OSError("the recording has no performance counters")
    return _ReplayedQuery(told)


def _replayed_fetch(fetched: Any) -> Callable[[], bytes]:
    left = list(fetched or [])

    def fetch() -> bytes:
        if not left:
            raise OSError("the recording has no answer of the monitor")
        return str(left.pop(0) if len(left) > 1 else left[0]).encode()

    return fetch


def _key(name: str, arguments: tuple[Any, ...]) -> str:
    return f"{name}({', '.join(str(_plain(argument)) for argument in arguments)})"


def _plain(value: Any) -> Any:
    """Plain types; an object with fields as a dictionary under "fields", a handle as the word "handle"."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    names = [name for name, *_ in getattr(type(value), "_fields_", ())] or list(getattr(value, "__dict__", ()))
    return {"fields": {name: _plain(getattr(value, name)) for name in names}} if names else "handle"


def _object(value: Any) -> Any:
    if isinstance(value, list):
        return [_object(each) for each in value]
    if isinstance(value, dict):
        if set(value) == {"fields"}:
            return SimpleNamespace(**value["fields"])
        return {key: _object(each) for key, each in value.items()}
    return value


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
