"""What is installed is what was locked: every distribution from a registry, by its digest."""

import tomllib
from pathlib import Path

import pytest

LOCK = Path(__file__).parents[3] / "uv.lock"


@pytest.fixture(scope="module")
def packages():
    return tomllib.loads(LOCK.read_text(encoding="utf-8"))["package"]


def test_every_file_of_the_lock_has_a_sha256(packages):
    files = [
        file for package in packages for file in (*package.get("wheels", ()), *filter(None, [package.get("sdist")]))
    ]

    assert len(files) > 1000
    assert [file["url"] for file in files if not str(file.get("hash", "")).startswith("sha256:")] == []


def test_nothing_comes_from_a_branch_or_a_bare_address(packages):
    sources = {key for package in packages for key in package["source"]}

    assert sources <= {"registry", "editable"}
    assert all(url.startswith("https://") for p in packages if (url := p["source"].get("registry")) is not None)
