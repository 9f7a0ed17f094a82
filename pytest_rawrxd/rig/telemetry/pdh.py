"""Performance counters of Windows: arrays of (instance, value), through pdh.dll and nothing else."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, Protocol

from pytest_rawrxd.errors import RigTrouble

MORE_DATA = 0x800007D2
NO_DATA = 0x800007D5
VALID = (0x0, 0x1)  #: PDH_CSTATUS_VALID_DATA, PDH_CSTATUS_NEW_DATA
FORMAT_DOUBLE = 0x200
FORMAT_NO_CAP = 0x8000  #: a sum of engines may pass 100 %

#: One counter path without its instances -> value of each instance.
Counters = dict[str, dict[str, float]]


class Query(Protocol):
    """What the probe asks: pdh.dll, or a recording of it."""

    @property
    def refused(self) -> dict[str, str]:
        """Counters that this Windows does not have, each with the reason."""
        ...

    def collect(self) -> Counters:
        """Every counter now; an instance without a valid value is left out. Raises RigTrouble."""
        ...

    def close(self) -> None: ...


class _Value(ctypes.Structure):
    # The union of the C struct is 8 bytes, and so aligned to 8, on every Windows.
    _fields_ = (("status", ctypes.c_uint32), ("double", ctypes.c_double))


class _Item(ctypes.Structure):
    _fields_ = (("name", ctypes.c_wchar_p), ("value", _Value))


class PdhQuery:
    """Counters named in English, whatever the language of the system. ``pdh`` is the library."""

    def __init__(self, paths: Sequence[str], pdh: Any = None) -> None:
        self._pdh = pdh or ctypes.WinDLL("pdh.dll")  # type: ignore[attr-defined,unused-ignore]  # on Windows only
        self._query = ctypes.c_void_p()
        if code := _code(self._pdh.PdhOpenQueryW(None, None, ctypes.byref(self._query))):
            raise RigTrouble("Windows opens no performance query", where="pdh.dll", found=f"error {code:#010x}")
        self.refused: dict[str, str] = {}
        self._counters: dict[str, ctypes.c_void_p] = {}
        for path in paths:
            counter = ctypes.c_void_p()
            if code := _code(self._pdh.PdhAddEnglishCounterW(self._query, path, None, ctypes.byref(counter))):
                self.refused[path] = f"error {code:#010x}"
            else:
                self._counters[path] = counter
        self._pdh.PdhCollectQueryData(self._query)  # a rate lies between two of these

    def collect(self) -> Counters:
        code = _code(self._pdh.PdhCollectQueryData(self._query))
        if code and code != NO_DATA:
            raise RigTrouble("the performance counters no longer answer", where="pdh.dll", found=f"error {code:#010x}")
        return {path: self._array(counter) for path, counter in self._counters.items()}

    def _array(self, counter: ctypes.c_void_p) -> dict[str, float]:
        size, count = ctypes.c_uint32(0), ctypes.c_uint32(0)
        form = FORMAT_DOUBLE | FORMAT_NO_CAP
        get = self._pdh.PdhGetFormattedCounterArrayW
        if _code(get(counter, form, ctypes.byref(size), ctypes.byref(count), None)) != MORE_DATA:
            return {}  # a rate without its second sample, or no instance
        # Instances come and go between the two calls: the buffer has room for some more.
        size = ctypes.c_uint32(2 * size.value)
        buffer = ctypes.create_string_buffer(size.value)
        if _code(get(counter, form, ctypes.byref(size), ctypes.byref(count), buffer)):
            return {}
        items = ctypes.cast(buffer, ctypes.POINTER(_Item))
        found: dict[str, float] = {}
        for item in (items[index] for index in range(count.value)):
            if item.value.status in VALID:
                # One name may stand twice, as after a process id was used again: they are one instance to the reader.
                found[item.name] = found.get(item.name, 0.0) + item.value.double
        return found

    def close(self) -> None:
        self._pdh.PdhCloseQuery(self._query)


def _code(status: int) -> int:
    return status & 0xFFFFFFFF  # ctypes reads a status as a signed number
