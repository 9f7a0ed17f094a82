"""The sink that keeps: a record in the ledger, its arrays beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy.typing as npt

from pytest_rawrxd.evidence.ledger import LedgerWriter, Record
from pytest_rawrxd.evidence.raw import save_raw


class Recorder:
    """Writes what one process of one session measures. Arrays are on disk before the record that names them.

    ``kept`` is called with each record that is on disk.
    """

    def __init__(
        self,
        run_dir: Path,
        session: str,
        worker: str,
        ledger: LedgerWriter,
        kept: Callable[[Record], None] = lambda _: None,
    ) -> None:
        self._run_dir = run_dir
        self._session = session
        self._worker = worker
        self._ledger = ledger
        self._kept = kept
        self._arrays = 0

    def record(self, kind: str, data: dict[str, Any], arrays: dict[str, npt.NDArray[Any]] | None = None) -> str:
        if arrays is not None:
            self._arrays += 1
            ref = save_raw(self._run_dir, self._session, f"{self._worker}-{self._arrays:05d}-{kind}", arrays)
            data = {**data, "raw": asdict(ref)}
        record = self._ledger.write(kind, data)
        self._kept(record)
        return record.id
