"""Profiles written on the spot, in a working directory of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_rawrxd.errors import ProfileProblem
from pytest_rawrxd.profile import Profile, load_profile

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write ``mine.toml`` into the working directory."""
    monkeypatch.chdir(tmp_path)

    def _write(text: str) -> Path:
        path = Path("mine.toml")
        path.write_text(text, encoding="utf-8")
        return path

    return _write


@pytest.fixture
def extended(write: Write) -> Callable[[str], Profile]:
    """Load ``rx7800xt`` with the given lines on top of it; they begin in line 2."""

    def _extended(text: str) -> Profile:
        write(f'extends = "rx7800xt"\n{text}')
        return load_profile("mine.toml")

    return _extended


@pytest.fixture
def refused(extended: Callable[[str], Profile]) -> Callable[[str], str]:
    """The words in which ``rx7800xt`` with the given lines on top of it is refused."""

    def _refused(text: str) -> str:
        with pytest.raises(ProfileProblem) as problem:
            extended(text)
        return str(problem.value)

    return _refused
