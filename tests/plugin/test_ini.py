"""The command finds pytest's configuration where pytest finds it, though it does not know pytest."""

import pytest

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.ini import ini_options

SAID = 'sla_models = "a folder"\n'
BARE = "sla_models = a folder\n"
FILES = {
    "pytest.toml": f"[pytest]\n{SAID}",
    ".pytest.toml": f"[pytest]\n{SAID}",
    "pytest.ini": f"[pytest]\n{BARE}",
    ".pytest.ini": f"[pytest]\n{BARE}",
    "pyproject.toml": f"[tool.pytest]\n{SAID}",
    "tox.ini": f"[pytest]\n{BARE}",
    "setup.cfg": f"[tool:pytest]\n{BARE}",
}
OLDER = f"[tool.pytest.ini_options]\n{SAID}"


def told(pytester, monkeypatch, folder="."):
    """What pytest reads in ``folder``, after making sure that the command reads the same."""
    monkeypatch.chdir(pytester.path / folder)
    by_pytest = pytester.parseconfig("-p", "no:cacheprovider").getini("sla_models")
    assert ini_options(pytester.path / folder).get("sla_models", "") == by_pytest
    return by_pytest


@pytest.mark.parametrize(("name", "content"), [*FILES.items(), ("pyproject.toml", OLDER)])
def test_every_file_that_pytest_reads_is_read(pytester, monkeypatch, name, content):
    pytester.path.joinpath(name).write_text(content)

    assert told(pytester, monkeypatch) == "a folder"


@pytest.mark.parametrize(
    ("nearer", "content"),
    [("pytest.ini", ""), ("pytest.toml", ""), ("pytest.ini", "[other]\n"), ("pyproject.toml", "[tool.pytest]\na = 1")],
)
def test_an_earlier_file_hides_the_later_ones(pytester, monkeypatch, nearer, content):
    pytester.path.joinpath("setup.cfg").write_text(FILES["setup.cfg"])
    pytester.path.joinpath(nearer).write_text(content)

    assert told(pytester, monkeypatch) == ""


@pytest.mark.parametrize("passed_by", ["pyproject.toml", "tox.ini", "setup.cfg"])
def test_a_file_without_pytest_s_table_is_passed_by(pytester, monkeypatch, passed_by):
    pytester.path.joinpath("pytest.ini").write_text(FILES["pytest.ini"])
    folder = pytester.mkdir("below")
    folder.joinpath(passed_by).write_text("[other]\n")

    assert told(pytester, monkeypatch, "below") == "a folder"


@pytest.mark.parametrize(("name", "content"), [("pytest.ini", "no section\n"), ("pyproject.toml", "[tool\n")])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, content):
    (tmp_path / name).write_text(content)

    with pytest.raises(UsageProblem, match="pytest's configuration cannot be read") as caught:
        ini_options(tmp_path)
    assert caught.value.where == str(tmp_path / name)
