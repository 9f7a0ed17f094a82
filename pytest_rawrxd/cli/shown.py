"""What a verb prints steers no terminal: names of files, profiles and servers are printed as they are read."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO, cast

from pytest_rawrxd.report.plain import spelled_out


class Shown:
    """A stream that spells out every character that is not seen; everything else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        self.stream.write(spelled_out(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def shown() -> Iterator[None]:
    """Print so for as long as a ``with`` lasts."""
    with redirect_stdout(cast(TextIO, Shown(sys.stdout))), redirect_stderr(cast(TextIO, Shown(sys.stderr))):
        yield


def as_written() -> TextIO:
    """Standard output for a text whose every word from outside is spelled out already, and whose colours are ours."""
    return sys.stdout.stream if isinstance(sys.stdout, Shown) else sys.stdout
