"""Windows' performance counters: a query with scripted answers, and the functions of pdh.dll that give them.

Instance names and structures are constructed from Microsoft's documentation; nobody's machine was recorded for them.
"""

from __future__ import annotations

import ctypes
from typing import Any

from pytest_rawrxd.rig.telemetry.pdh import MORE_DATA, Counters

LUID, OTHER = "luid_0x00000000_0x0000C5E1", "luid_0x00000000_0x0000D00D"


class ScriptedQuery:
    """Answers ``told`` at each collection; an exception in it is raised."""

    def __init__(self, *told: Counters | Exception, refused: dict[str, str] | None = None) -> None:
        self._told, self.refused, self.closed = list(told), refused or {}, False

    def collect(self) -> Counters:
        told = self._told.pop(0) if len(self._told) > 1 else self._told[0]
        if isinstance(told, Exception):
            raise told
        return told

    def close(self) -> None:
        self.closed = True


class _Value(ctypes.Structure):
    _fields_ = (("status", ctypes.c_uint32), ("padding", ctypes.c_uint32), ("double", ctypes.c_double))


class _Item(ctypes.Structure):
    _fields_ = (("name", ctypes.c_wchar_p), ("value", _Value))


class PdhLibrary:
    """pdh.dll with counters ``path -> [(instance, status, value)]``; a path that is not there is refused."""

    def __init__(self, counters: dict[str, list[tuple[str, int, float]]], *, collect: int = 0) -> None:
        self._counters, self._collect, self._paths = counters, collect, list(counters)
        self._kept: list[Any] = []
        self.closed = False

    def PdhOpenQueryW(self, _source: None, _data: None, query: Any) -> int:  # noqa: N802 - the library's names
        query._obj.value = 1
        return 0

    def PdhAddEnglishCounterW(self, _query: Any, path: str, _data: None, counter: Any) -> int:  # noqa: N802
        if path not in self._counters:
            return -1073738824  # 0xC0000BB8, as ctypes reads it: no such object
        counter._obj.value = 1 + self._paths.index(path)
        return 0

    def PdhCollectQueryData(self, _query: Any) -> int:  # noqa: N802
        return self._collect

    def PdhGetFormattedCounterArrayW(self, counter: Any, form: int, size: Any, count: Any, buffer: Any) -> int:  # noqa: N802
        assert form == 0x8200
        items = self._counters[self._paths[counter.value - 1]]
        need = ctypes.sizeof(_Item) * len(items)
        if buffer is None or size._obj.value < need:
            size._obj.value, count._obj.value = need, len(items)
            return MORE_DATA - (1 << 32)
        array = (_Item * len(items))(*(_Item(name, _Value(status, 0, value)) for name, status, value in items))
        self._kept.append(array)
        ctypes.memmove(buffer, array, need)
        count._obj.value = len(items)
        return 0

    def PdhCloseQuery(self, _query: Any) -> int:  # noqa: N802
        self.closed = True
        return 0
