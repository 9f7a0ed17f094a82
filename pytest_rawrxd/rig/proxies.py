"""Proxies that the environment names. None is ever used: what stands between client and server would be measured."""

from __future__ import annotations

from collections.abc import Mapping


def proxies(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the set variables, never their values, which may hold a password."""
    return tuple(sorted(name for name, value in environ.items() if value and name.lower().endswith("_proxy")))
