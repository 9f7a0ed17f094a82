"""Where load hosts meet: ``tls://ADDRESS:PORT#workers=3&keys=DIR``, as ``--sla-load-hosts`` takes it.

``keys`` is the coordinator's folder of ``rawrxd load keys``; ``wait`` is how many seconds the workers may take to come.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from pytest_rawrxd.errors import UsageProblem

SETTINGS = ("workers", "keys", "wait")
WAIT_S = 60
MOST_WORKERS = 1000  #: docs/load-from-many-hosts.md has the arithmetic behind it
EXAMPLE = "tls://0.0.0.0:8786#workers=3&keys=fleet/coordinator"
FILES = ("ca.pem", "cert.pem", "key.pem")


@dataclass(frozen=True)
class Place:
    """An address that the coordinator listens on, and who has to come before anything is measured."""

    address: str  #: ``tls://HOST:PORT``
    workers: int
    keys: Path
    wait_s: float = WAIT_S


def parse_place(spec: str) -> Place:
    """What ``spec`` names. Raises UsageProblem with the part that cannot be used; nothing is opened."""
    try:
        url = urlsplit(spec)
        settings = dict(parse_qsl(url.fragment, strict_parsing=True)) if url.fragment else {}
        port = url.port
    except ValueError as problem:
        raise _problem(spec, str(problem)) from problem
    if url.scheme != "tls" or not url.hostname or port is None or url.path or url.query:
        raise _problem(spec, "no tls://ADDRESS:PORT: load hosts speak encrypted alone")
    if unknown := sorted(settings.keys() - set(SETTINGS)):
        raise _problem(spec, f"unknown setting {unknown[0]!r} behind #; known: {', '.join(SETTINGS)}")
    if missing := [name for name in ("workers", "keys") if name not in settings]:
        raise _problem(spec, f"{missing[0]} is missing behind #")
    workers, wait_s = (_whole(spec, name, settings.get(name, WAIT_S)) for name in ("workers", "wait"))
    if workers > MOST_WORKERS:
        raise _problem(spec, f"{workers} workers, at most {MOST_WORKERS}")
    return Place(address_of(url.hostname, port), workers, keys_in(Path(settings["keys"])), wait_s)


def address_of(host: str, port: int) -> str:
    """The address as both sides write it."""
    return f"tls://[{host}]:{port}" if ":" in host else f"tls://{host}:{port}"


def worker_address(spec: str) -> str:
    """The address that a worker was told. Raises UsageProblem for one that is not encrypted or has no port."""
    try:
        url = urlsplit(spec)
        whole = url.scheme == "tls" and url.hostname and url.port and not (url.path or url.query or url.fragment)
    except ValueError:
        whole = False
    if not whole:
        raise UsageProblem("no address of a session", where=spec, possible="tls://HOST:PORT")
    return address_of(str(url.hostname), int(url.port or 0))


def keys_in(folder: Path) -> Path:
    """``folder``, which holds the three files of one side. Raises UsageProblem where one is missing."""
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise UsageProblem(
            "these are not the keys of one side",
            where=str(folder),
            found=f"no {missing[0]}",
            possible="the folder coordinator/ or worker/ that `rawrxd load keys DIR` made",
        )
    return folder


def _whole(spec: str, name: str, value: object) -> int:
    if not str(value).isdecimal() or int(str(value)) < 1:
        raise _problem(spec, f"{name} is {value!r}, not a number from 1")
    return int(str(value))


def _problem(spec: str, found: str) -> UsageProblem:
    return UsageProblem("no place for load hosts to meet", where=spec, found=found, possible=EXAMPLE)
