"""The API key of a server: from the environment or the system's keyring, by a name; no file ever holds it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.rig.server.target import HttpTarget

#: In the environment of a load client alone: its key, wherever the suite has it from.
CLIENT_KEY = "RAWRXD_CLIENT_KEY"
EXTRA = "pip install 'pytest-rawrxd[keyring]'"

Read = Callable[[str, str], str | None]


def key_of(target: HttpTarget, environ: Mapping[str, str], *, read: Read | None = None) -> str | None:
    """The key that ``target`` names; None where it names none.

    ``read`` asks a keyring for the password of a service and a user; without one it is the system's. Raises
    UsageProblem, with the names and without the key, where the variable is not set or the keyring has no such entry.
    """
    key = _named(target, environ, read)
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        # Anything else would end the header that it stands in, and begin another.
        raise UsageProblem(
            "this API key cannot be sent",
            where=target.base_url,
            found="a line end, a blank or a character that is not ASCII in it",
            possible="the key alone",
        )
    return key


def _named(target: HttpTarget, environ: Mapping[str, str], read: Read | None) -> str | None:
    if target.key_env is not None:
        if not environ.get(target.key_env):
            raise UsageProblem(
                f"the environment variable {target.key_env} is not set",
                where=target.base_url,
                possible=f"set {target.key_env} to the API key",
            )
        return environ[target.key_env]
    if target.keyring is None:
        return None
    service, _, user = target.keyring.rpartition("/")
    key = (read or _system_keyring())(service, user)
    if not key:
        raise UsageProblem(
            "the keyring has no such key",
            where=target.base_url,
            found=target.keyring,
            possible=f"keyring set {service} {user}",
        )
    return key


def _system_keyring() -> Read:
    try:
        library = importlib.import_module("keyring")
    except ImportError as problem:
        raise UsageProblem(
            "a key from the keyring needs the library that reads it", found="no module keyring", possible=EXTRA
        ) from problem

    def read(service: str, user: str) -> str | None:
        try:
            found = library.get_password(service, user)
        except library.errors.KeyringError as problem:
            # What a backend says may quote what it read.
            raise UsageProblem(
                "the keyring cannot be read", found=type(problem).__name__, possible="an unlocked keyring"
            ) from None
        return None if found is None else str(found)

    return read
