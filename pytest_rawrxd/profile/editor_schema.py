"""The JSON Schema that editors check profiles with. Made from the models, so that it cannot say anything else.

``python -m pytest_rawrxd.profile.editor_schema`` writes it beside the shipped profiles.
"""

from __future__ import annotations

import json
from typing import Any

from pytest_rawrxd import places
from pytest_rawrxd.profile.written import WrittenProfile

FILE_NAME = "profile.schema.json"


def editor_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of a profile file.

    Only a profile that extends nothing must have every section; which key is missing further down is for the loader to
    say, because an extending profile may leave out anything.
    """
    schema = _for_files(WrittenProfile.model_json_schema(mode="validation"))
    whole = [name for name, field in WrittenProfile.model_fields.items() if field.is_required()]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Profile of pytest-rawrxd",
        "anyOf": [{"required": ["extends"]}, {"required": whole}],
    }


def editor_schema_text() -> str:
    """The schema as it is committed."""
    return json.dumps(editor_schema(), indent=2, ensure_ascii=False) + "\n"


def _for_files(node: Any) -> Any:
    """``node`` without what holds for Python models only: generated titles, defaults, null, required keys."""
    if isinstance(node, list):
        return [_for_files(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {
        key: _for_files(value)
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str))
        and not (key == "required" and isinstance(value, list))
        and key != "default"
    }
    if "patternProperties" in kept:
        kept["additionalProperties"] = False
    choices = [choice for choice in kept.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        del kept["anyOf"]
        kept = {**choices[0], **kept}
    elif choices:
        kept["anyOf"] = choices
    return kept


if __name__ == "__main__":
    path = places.package_data("fixtures") / "profiles" / FILE_NAME
    path.write_text(editor_schema_text(), encoding="utf-8", newline="\n")
