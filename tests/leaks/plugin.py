"""Loaded into the watched session by ``-p leaks.plugin``: plants prompts and a keyring, and writes down what passes by.

What it writes lies in the folder of ``LEAKS_TOLD``, outside of everything that is searched.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from leaks.plugin_files import ANSWERS, STARTED
from pytest_rawrxd.measure import prompts, withheld
from pytest_rawrxd.measure.canary.song import CANARY

TOLD = Path(os.environ["LEAKS_TOLD"])
MOST = 2  #: answers of a record


_lock = threading.Lock()


def _tell(name: str, what: dict[str, Any]) -> None:
    with _lock, (TOLD / name).open("a", encoding="utf-8") as out:
        out.write(json.dumps(what) + "\n")


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen":
        _program, command, _folder, environment = arguments
        words = [os.fsdecode(word) for word in ([command] if isinstance(command, str | bytes) else command)]
        given = os.environ if environment is None else environment
        given = {os.fsdecode(name): os.fsdecode(value) for name, value in given.items()}
        _tell(STARTED, {"command": words, "environment": given})


def _package_data(folder: str) -> Path:
    return TOLD / folder  # the prompts alone are asked for


def _record(self: Any, kind: str, data: dict[str, Any], arrays: dict[str, Any] | None = None) -> str:
    """Write down some answers as they come in, before they are withheld."""
    if arrays and kind != CANARY:
        if "token_ids" in arrays:
            offsets = arrays.get("id_offsets", arrays["offsets"])
            ids = [arrays["token_ids"][a:b].tolist() for a, b in itertools.pairwise(offsets)]
            _tell(ANSWERS, {"kind": kind, "ids": [each for each in ids if each][:MOST]})
        if "bodies" in arrays:
            edges = arrays["body_offsets"][: MOST + 1]
            bodies = [arrays["bodies"][a:b].tobytes() for a, b in itertools.pairwise(edges)]
            _tell(ANSWERS, {"kind": kind, "bodies": [base64.b64encode(each).decode() for each in bodies]})
    return _kept(self, kind, data, arrays)


_kept = withheld.Withholding.record
withheld.Withholding.record = _record  # type: ignore[method-assign]
prompts.package_data = _package_data
sys.modules["keyring"] = SimpleNamespace(get_password=lambda *_entry: os.environ["CANARY_OF_THE_KEYRING"])  # type: ignore[assignment]
sys.addaudithook(_hear)
