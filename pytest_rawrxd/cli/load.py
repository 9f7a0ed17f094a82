"""``rawrxd load keys|worker``: load one server from many hosts, one command a host."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import ModuleType
from typing import Any

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.measure.hosts.place import WAIT_S, keys_in, worker_address

DAYS = 30


def add(verbs: Any) -> None:
    verb = verbs.add_parser("load", help="load a server from many hosts: keys, and one worker a host")
    actions = verb.add_subparsers(title="actions", metavar="ACTION", required=True)
    made = actions.add_parser("keys", help="make the keys of one coordinator and its workers")
    made.add_argument("folder", metavar="DIR", type=Path, help="gets coordinator/ and worker/")
    made.add_argument("--days", metavar="N", type=int, default=DAYS, help=f"how long they hold; default: {DAYS}")
    made.set_defaults(run=keys)
    one = actions.add_parser("worker", help="do this host's share of the load that a session runs, until it ends")
    one.add_argument("address", metavar="tls://HOST:PORT", help="of the session's --sla-load-hosts")
    one.add_argument("--keys", metavar="DIR", type=Path, required=True, help="a copy of the folder worker/")
    one.add_argument("--name", help="of its own for each worker; default: the host's name")
    one.add_argument(
        "--join",
        metavar="SECONDS",
        type=int,
        default=WAIT_S,
        help=f"how long to look for the session; default: {WAIT_S}",
    )
    one.set_defaults(run=worker)


def keys(arguments: argparse.Namespace) -> int:
    if arguments.days < 1:
        raise UsageProblem("keys have to hold for a day at least", where="--days", found=str(arguments.days))
    coordinator, workers = _extra("keys").make_keys(arguments.folder, days=arguments.days, now=SYSTEM.wall())
    print(f"{coordinator}: stays on the machine that runs pytest")
    print(f"{workers}: copy it to each load host; who holds it can run code on all of them")
    return 0


def worker(arguments: argparse.Namespace) -> int:
    address = worker_address(arguments.address)
    folder = keys_in(arguments.keys)
    print(f"joining {address}; Ctrl-C ends it, and so does the end of the session", flush=True)
    _extra("worker").work(address, folder, name=arguments.name, join_s=arguments.join, now=SYSTEM.wall())
    print("the session is over")
    return 0


def _extra(module: str) -> ModuleType:
    try:
        from pytest_rawrxd.measure.hosts import keys, worker  # noqa: PLC0415  # an extra, and 1.3 s of imports
    except ImportError as problem:
        raise UsageProblem(
            "load from many hosts is not installed",
            found=str(problem),
            possible='pip install "pytest-rawrxd[distributed]"',
        ) from problem
    return {"keys": keys, "worker": worker}[module]
