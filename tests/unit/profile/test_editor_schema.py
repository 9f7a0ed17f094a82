"""The JSON Schema for editors says what the loader says."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pytest_rawrxd.places import package_data
from pytest_rawrxd.profile.editor_schema import FILE_NAME, editor_schema, editor_schema_text

FOLDER = package_data("fixtures") / "profiles"
SHIPPED = sorted(path.name for path in FOLDER.glob("*.toml"))


def complaints(profile: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(editor_schema()).iter_errors(profile)]


def test_the_committed_schema_is_current() -> None:
    committed = (FOLDER / FILE_NAME).read_text(encoding="utf-8")
    assert committed == editor_schema_text(), "run: python -m pytest_rawrxd.profile.editor_schema"


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(editor_schema())


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_profile_names_the_schema_and_keeps_it(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert text.startswith(f"#:schema ./{FILE_NAME}\n")
    assert complaints(tomllib.loads(text)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"titel": "x"},
        {"kind": "maybe"},
        {"criteria": {"P4-X": {}}},
        {"criteria": {"P2-AGG": {"at_most": 50}, "P2-X": {"at_mots": "50 ms"}}},
        {"criteria": {"P2-AGG": {"at_least": "800 tokens"}}},
        {"criteria": {"P2-AGG": {"metric": "speed"}}},
        {"protocol": {"phase1": {"matrix": {"Q4_K": ["256"]}}}},
        {"protocol": {"phase1": {"matrix": {"Q9": ["256x1"]}}}},
        {"protocol": {"soak": {"duration": "48 GB"}}},
        {"gates": {"confidence": 1.5}},
    ],
    ids=str,
)
def test_the_schema_refuses_what_the_loader_refuses(change: dict[str, Any]) -> None:
    assert complaints({"extends": "rx7800xt", **change})


def test_only_an_extending_profile_may_leave_sections_out() -> None:
    assert complaints({"extends": "rx7800xt"}) == []
    assert complaints({"title": "x"})
    assert json.loads(editor_schema_text())["anyOf"][0] == {"required": ["extends"]}
