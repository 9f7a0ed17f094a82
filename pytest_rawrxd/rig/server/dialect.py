"""What the suite needs to know to speak with one kind of server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pytest_rawrxd.rig.server.response import Ask, Reply, Response


class Dialect(Protocol):
    """One way to ask for a generation over HTTP and to read what comes back.

    ``body`` runs before the measured window, ``read`` after it: neither costs the client time while it measures.
    """

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> str:
        """Where to POST, below the base URL."""
        ...

    @property
    def base_path(self) -> str:
        """Path of the base URL where the user's URL has none."""
        ...

    @property
    def not_measurable(self) -> Mapping[str, str]:
        """What this kind of server cannot show, with the reason: of "ttft", "itl", "tokens"."""
        ...

    def body(self, ask: Ask) -> dict[str, Any]:
        """The JSON object to send."""
        ...

    def read(self, response: Response, ask: Ask) -> Reply:
        """What the kept bytes say."""
        ...
