"""What is installed is what was locked: every distribution from a registry, by its digest. Nothing is looked up."""

import json
import re
import tomllib
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[3]
LOCK = ROOT / "uv.lock"
ALLURE = ROOT / "ci" / "allure"
REGISTRY, FILES = "https://pypi.org/simple", "files.pythonhosted.org"
#: What comes with Python or installs the rest; it is not of the lock.
OURS = {"pytest-rawrxd", "pip", "setuptools", "wheel", "uv"}


@pytest.fixture(scope="module")
def packages():
    return tomllib.loads(LOCK.read_text(encoding="utf-8"))["package"]


def files_of(package):
    return [*package.get("wheels", ()), *filter(None, [package.get("sdist")])]


def test_every_file_of_the_lock_has_a_sha256(packages):
    files = [file for package in packages for file in files_of(package)]

    assert len(files) > 1000
    assert [file["url"] for file in files if not re.fullmatch(r"sha256:[0-9a-f]{64}", str(file.get("hash", "")))] == []


def test_nothing_comes_from_a_branch_a_bare_address_or_another_registry(packages):
    sources = {json.dumps(package["source"], sort_keys=True) for package in packages}
    hosts = {urlsplit(file["url"])[:2] for package in packages for file in files_of(package)}

    assert sources == {json.dumps({"registry": REGISTRY}), json.dumps({"editable": "."})}
    assert hosts == {("https", FILES)}


def test_every_package_of_the_lock_can_be_installed_from_it(packages):
    """A name without a file would be fetched by its version alone."""
    assert [p["name"] for p in packages if "registry" in p["source"] and not files_of(p)] == []


def test_no_requirement_names_an_address():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    required = [
        *project["project"]["dependencies"],
        *(each for extra in project["project"]["optional-dependencies"].values() for each in extra),
        *(each for group in project["dependency-groups"].values() for each in group),
        *project["build-system"]["requires"],
    ]

    assert len(required) > 20
    assert [each for each in required if "@" in each or "://" in each] == []
    assert not {"sources", "index", "find-links", "extra-index-url"} & set(project["tool"].get("uv", {}))


def test_this_environment_holds_what_the_lock_names_and_nothing_else(packages):
    locked = {}
    for package in packages:
        locked.setdefault(package["name"], set()).add(package.get("version"))
    there = {re.sub(r"[-_.]+", "-", each.name).lower(): each.version.removeprefix("v") for each in distributions()}
    if not set(there) - OURS <= set(locked):
        pytest.skip("this environment was not made by uv sync --locked")

    assert {name: version for name, version in there.items() if name not in OURS and version not in locked[name]} == {}


def test_every_package_of_the_allure_page_has_a_sha512_and_no_address():
    wanted = json.loads((ALLURE / "package.json").read_text(encoding="utf-8"))
    locked = json.loads((ALLURE / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in locked["packages"].items() if name}

    assert len(packages) > 100
    digest = re.compile(r"sha512-[A-Za-z0-9+/]{86}==")
    assert [name for name, entry in packages.items() if not digest.fullmatch(entry.get("integrity", ""))] == []
    assert [name for name, entry in packages.items() if entry.get("link") or entry.get("resolved")] == []
    assert locked["packages"][""]["dependencies"] == wanted["dependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted["dependencies"].values())
    for name, version in wanted["dependencies"].items():
        assert packages[f"node_modules/{name}"]["version"] == version
