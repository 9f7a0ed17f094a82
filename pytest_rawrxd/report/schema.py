"""The JSON Schema of verdicts.json, as it ships with the package."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

NAME = "verdicts.schema.json"


def schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12) that every verdicts.json meets."""
    found: dict[str, Any] = json.loads(files("pytest_rawrxd.report").joinpath(NAME).read_text(encoding="utf-8"))
    return found
