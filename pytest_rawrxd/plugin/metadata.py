"""What pytest-metadata says of a machine, in the terminal, pytest-html and JUnit, without the secrets of its CI."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

_USER = re.compile(r"(?<=://)[^/\s]*@")


def keep_secrets(config: pytest.Config) -> None:
    """Take users and passwords out of the addresses that CI systems hand over in their variables."""
    if not config.pluginmanager.hasplugin("metadata"):
        return
    from pytest_metadata.plugin import metadata_key  # noqa: PLC0415 - only where it is installed

    told = config.stash[metadata_key]
    told |= {name: without_users(value) for name, value in told.items()}


def without_users(value: Any) -> Any:
    """``value`` with ``…`` in place of everything that stands before the host of an address."""
    match value:
        case str():
            return _USER.sub("…@", value)
        case dict():
            return {key: without_users(item) for key, item in value.items()}
        case list():
            return [without_users(item) for item in value]
    return value
