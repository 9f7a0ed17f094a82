"""A secret that was written where everybody reads it: in a URL, on a command line, under a telling name.

Profiles are published with a run, command lines are shown to every user of a machine. What is found is never repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pytest_rawrxd.errors import ProfileProblem
from pytest_rawrxd.profile.inherit import Chain
from pytest_rawrxd.profile.locate import Path, dotted

_NAMES = r"(?:api|access|secret|auth)[-_]?(?:key|token)|hf[-_]?token|token|secret|passwd|password|passphrase"
_NAMED = re.compile(_NAMES, re.IGNORECASE)
_IN_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#\s\"']*@", re.IGNORECASE)
#: A value behind it, and not the place of one: {NAME}, $NAME, %NAME%.
_OPTION = re.compile(rf"(?:^|\s)(?:--?(?:{_NAMES})|-hft)(?:=|\s+)(?![-{{$%])\S", re.IGNORECASE)
_HEADER = re.compile(r"\b(?:proxy-)?authorization\s*:\s*(?![{$%])\S", re.IGNORECASE)


def secret_in(text: str) -> str | None:
    """What kind of secret stands in ``text``, a URL or a command line; None where none is seen."""
    if _IN_URL.search(text):
        return "a user name or password in a URL"
    if _OPTION.search(text):
        return "a secret on a command line"
    return "a secret in a header" if _HEADER.search(text) else None


def refuse_secrets(chain: Chain) -> None:
    """Raise ProfileProblem, with the place and without the words, where a profile holds a secret."""
    for path, what in _found(chain.data, ()):
        raise ProfileProblem(
            "a profile is published with every run, and may hold no secret",
            where=f"{chain.at(path)}, {dotted(path)}",
            found=what,
            possible="a key that #key_env=NAME or #keyring=SERVICE/USER names, or a file that only its user reads",
        )


def _found(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    match value:
        case str():
            if (what := secret_in(value)) is not None:
                yield path, what
            elif path and isinstance(path[-1], str) and _NAMED.fullmatch(path[-1]):
                yield path, "a secret by its name"
        case dict():
            for key, item in value.items():
                yield from _found(item, (*path, key))
        case list() | tuple():
            if all(isinstance(item, str) for item in value) and (what := secret_in(" ".join(value))) is not None:
                yield path, what
            for number, item in enumerate(value):
                yield from _found(item, (*path, number))
