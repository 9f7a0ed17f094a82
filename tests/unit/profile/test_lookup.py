"""A name leads to a profile, or to the nearest name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_rawrxd import places
from pytest_rawrxd.errors import ProfileProblem
from pytest_rawrxd.profile import load_profile


def test_an_unknown_name_suggests_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProfileProblem) as problem:
        load_profile("embeded")
    assert str(problem.value) == (
        "there is no profile named 'embeded'\n"
        "  found: no embeded.toml in fixtures/profiles\n"
        "  possible: embedded? One of: embedded, embedded-fleet, h100, h100-cuda, h100-minutes, h100-minutes-cuda, "
        "h100-pilot, h100-roadmap, h100-roadmap-cuda, h100-smollm2, h100-smollm2-cuda, production, rx7800xt; "
        "or a path to a .toml file"
    )


@pytest.mark.parametrize("name", ["no/such.toml", "no/such", "such.toml", "no\\such"])
def test_a_path_to_nothing_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProfileProblem, match="there is no profile file"):
        load_profile(name)


def test_a_name_is_looked_up_in_the_working_directory_first(write: Callable[[str], Path]) -> None:
    folder = write("").parent / "fixtures" / "profiles"
    folder.mkdir(parents=True)
    (folder / "production.toml").write_text('extends = "rx7800xt"\ntitle = "my own"\n', encoding="utf-8")
    assert load_profile("production").title == "my own"


def test_search_folders_can_be_given(tmp_path: Path) -> None:
    with pytest.raises(ProfileProblem, match="there is no profile named 'rx7800xt'"):
        load_profile("rx7800xt", search=[tmp_path])


def test_package_data_is_beside_a_checkout() -> None:
    assert (places.package_data("fixtures") / "profiles" / "rx7800xt.toml").is_file()


def test_package_data_inside_the_package_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "package" / "_data" / "fixtures"
    (tmp_path / "fixtures").mkdir()
    monkeypatch.setattr(places, "_PACKAGE", tmp_path / "package")
    assert places.package_data("fixtures") == tmp_path / "fixtures"
    inside.mkdir(parents=True)
    assert places.package_data("fixtures") == inside


def test_missing_package_data_names_both_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_PACKAGE", tmp_path / "package")
    with pytest.raises(FileNotFoundError, match=r"'fixtures' is in neither .*_data.* nor "):
        places.package_data("fixtures")


def test_a_file_is_shown_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert places.shown(tmp_path / "a" / "b.toml") == "a/b.toml"
    assert places.shown(Path("/elsewhere/b.toml")) == "/elsewhere/b.toml"
