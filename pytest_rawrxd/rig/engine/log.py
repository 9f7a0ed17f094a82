"""The engine's log: whole lines with their level, and the facts that only the log tells.

The levels are those of ggml_log_level in the vendored llama.cpp; the binding's own table calls an ERROR DEBUG.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

DEBUG, INFO, WARN, ERROR, CONTINUED = 1, 2, 3, 4, 5
LETTERS = {INFO: "I", WARN: "W", ERROR: "E"}

_BUFFER = re.compile(
    r"(?P<device>\S+)\s+(?P<kind>model|KV|RS|LoRA|compute|output) buffer size\s+(?:=|is)\s+(?P<mib>[\d.]+) MiB"
)
_OFFLOADED = re.compile(r"offloaded (\d+)/(\d+) layers to GPU")
_TROUBLE = re.compile(
    r"device lost|ErrorDeviceLost|out of memory|OutOfDeviceMemory|\bfailed\b|\berror\b|invalid data", re.IGNORECASE
)

_DEVICE = re.compile(
    r"device lost|DeviceLost|out of (device )?memory|OutOfDeviceMemory|CUDA error|HIP error|GPU fault"
    r"|computation failed|could not allocate",
    re.IGNORECASE,
)
#: Buffers that lie in the host's memory, whatever the backend calls them: CPU, CPU_Mapped, CUDA_Host, Vulkan_Host.
HOST_MARKS = ("CPU", "HOST")
SEEN_LINES = 8  #: the end of a log that its continuation is found by

LineClass = Literal["error", "warning", "information", "unknown"]


class LogBook:
    """Collects what the engine's log callback receives, piece by piece, as lines ``"E text"``.

    Each finished line goes to ``echo`` as well, at once: a process that dies in the next instant has said it.
    """

    def __init__(self, echo: Callable[[str], None], *, keep: int = 2000) -> None:
        self._echo = echo
        self._lines: deque[str] = deque(maxlen=keep)
        self._part = ""
        self._level = INFO

    def feed(self, level: int, text: bytes) -> None:
        """Take one piece of log text as the engine hands it over."""
        if level == DEBUG:  # hundreds of lines per load about graph inputs
            self._level = DEBUG
            return
        if level != CONTINUED:
            self._flush()
            self._level = level
        elif self._level == DEBUG:
            return
        *whole, rest = (self._part + text.decode("utf-8", "replace")).split("\n")
        for line in whole:
            self._part = line
            self._flush()
        self._part = rest

    def forget(self) -> None:
        """Begin again with no lines: another load starts."""
        self._flush()
        self._lines.clear()

    def lines(self) -> tuple[str, ...]:
        """Every line kept so far, oldest first."""
        self._flush()
        return tuple(self._lines)

    def _flush(self) -> None:
        text, self._part = self._part.rstrip(), ""
        if not text.strip("."):  # the dots of the loading bar
            return
        line = f"{LETTERS.get(self._level, 'I')} {text}"
        self._lines.append(line)
        self._echo(line)


def buffers(lines: Iterable[str]) -> tuple[dict[str, Any], ...]:
    """Buffers by device and kind, in bytes, to the 0.01 MiB that the log prints.

    Weights and KV cells add up; a compute or output buffer that is reserved again replaces the one before. A second
    context replaces the first one's buffers.
    """
    found: dict[tuple[str, str], int] = {}
    for line in lines:
        if "constructing llama_context" in line:
            found = {key: size for key, size in found.items() if key[1] == "model"}
        if match := _BUFFER.search(line):
            key = match["device"], match["kind"].lower()
            size = round(float(match["mib"]) * 2**20)
            found[key] = size + (found.get(key, 0) if key[1] in ("model", "kv") else 0)
    return tuple({"device": device, "kind": kind, "bytes": size} for (device, kind), size in found.items())


def on_device(found: Iterable[Mapping[str, Any]]) -> int:
    """Bytes of those ``buffers`` that lie on a device and not in the host's memory."""
    return sum(int(buffer["bytes"]) for buffer in found if not _on_host(str(buffer["device"])))


def devices_with_weights(found: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The devices, of those ``buffers`` that do not lie in the host's memory, that hold weights of the model."""
    weights = (buffer for buffer in found if buffer["kind"] == "model" and buffer["bytes"] > 0)
    return tuple(sorted({str(buffer["device"]) for buffer in weights if not _on_host(str(buffer["device"]))}))


def _on_host(device: str) -> bool:
    return any(mark in device.upper() for mark in HOST_MARKS)


def offloaded(lines: Iterable[str]) -> tuple[int, int] | None:
    """Layers on the GPU and layers in all, or None where the engine says nothing about it."""
    for line in lines:
        if match := _OFFLOADED.search(line):
            return int(match[1]), int(match[2])
    return None


def trouble(lines: Iterable[str]) -> tuple[str, ...]:
    """Lines that speak of a failure: warnings, errors, lost devices, memory that was not there."""
    return tuple(line for line in lines if line.startswith(("W ", "E ")) or _TROUBLE.search(line))


def notable(lines: Sequence[str]) -> tuple[str, ...]:
    """Lines worth keeping with a measurement: buffers, offload, trouble, in the order they came."""
    kept = set(trouble(lines))
    return tuple(line for line in lines if line in kept or _BUFFER.search(line) or _OFFLOADED.search(line))


def fresh_lines(log: Sequence[str], seen: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The lines of a ring of lines that came after ``seen``, and what to hand in as ``seen`` the next time.

    ``seen`` is the end of the log as it was. Where the ring has dropped it since, all that is left is fresh.
    """
    lines = tuple(log)
    kept = lines[-SEEN_LINES:]
    if seen:
        for end in range(len(lines), len(seen) - 1, -1):
            if lines[end - len(seen) : end] == seen:
                return lines[end:], kept
    return lines, kept


def classify(line: str) -> LineClass:
    """What a line of an engine's log says: an error, a warning, information, or nobody knows."""
    if line.startswith("E ") or (_DEVICE.search(line) is not None):
        return "error"
    if line.startswith("W ") or _TROUBLE.search(line):
        return "warning"
    return "information" if line.startswith("I ") else "unknown"


def remarkable(lines: Iterable[str]) -> list[str]:
    """The lines that are more than information."""
    return [line for line in lines if line.strip() and classify(line) != "information"]
