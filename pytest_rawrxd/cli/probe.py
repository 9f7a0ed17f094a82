"""``rawrxd probe PROFILE --target URL --listen HOST:PORT``: export what the SLA's alerts read."""

from __future__ import annotations

import argparse
import asyncio
import os
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.measure.probe.terms import ProbeTerms
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.rig.gpu import find_gpus
from pytest_rawrxd.rig.server.target import HTTP_KINDS, HttpTarget, parse_target
from pytest_rawrxd.rig.telemetry import open_probes

LISTEN = "127.0.0.1:9778"
LOCAL = ("127.0.0.1", "::1", "localhost")


def add(verbs: Any) -> None:
    verb = verbs.add_parser("probe", help="export latencies, failures and memory of a running server to Prometheus")
    verb.add_argument("profile", metavar="PROFILE", nargs="?", default="production", help="default: production")
    verb.add_argument(
        "--target",
        metavar="URL",
        required=True,
        help=f"the server; its kind is found out, or named as {', '.join(f'{kind}:URL' for kind in HTTP_KINDS)}",
    )
    verb.add_argument("--listen", metavar="HOST:PORT", default=LISTEN, help=f"default: {LISTEN}")
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    # prometheus_client is no part of a machine that measures, and every other verb starts there without it.
    from pytest_rawrxd.measure.probe.exporter import listening_pid, serve  # noqa: PLC0415

    host, port = _address(arguments.listen)
    terms = replace(ProbeTerms.of(load_profile(arguments.profile)), host=host, port=port)
    terms = _aimed(terms, arguments.target)
    where = urlsplit(terms.url)
    with ExitStack() as stack:
        gpu = None
        if where.hostname in LOCAL:
            terms = replace(terms, pid=listening_pid(where.port or 80))
            gpu = stack.enter_context(open_probes((), gpu=next(iter(find_gpus()), None)))
        try:
            asyncio.run(serve(terms, environ=os.environ, gpu=gpu, ready=lambda on: _say(host, on, terms)))
        except OSError as problem:
            raise UsageProblem(
                "the probe cannot listen here", where=f"--listen {arguments.listen}", found=str(problem)
            ) from problem
    return 0


def _aimed(terms: ProbeTerms, spec: str) -> ProbeTerms:
    kind = spec.partition(":")[0]
    if kind in {"http", "https"}:
        # Checked like every other URL, and its kind is asked for when it answers.
        checked = parse_target(f"openai:{spec}", environ=os.environ)
        assert isinstance(checked, HttpTarget)  # noqa: S101 - of a kind that is one
        return replace(terms, url=spec.partition("#")[0].rstrip("/"))
    target = parse_target(spec, environ=os.environ) if kind in HTTP_KINDS else None
    if not isinstance(target, HttpTarget):
        raise UsageProblem(
            "the probe asks a running server",
            where=f"--target {spec}",
            possible=", ".join(["http://HOST:PORT", *(f"{each}:URL" for each in HTTP_KINDS)]),
        )
    return replace(terms, url=target.base_url, target=target)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise UsageProblem(
            "no address to listen on", where="--listen", found=text, possible="HOST:PORT, as in " + LISTEN
        )
    return host.strip("[]"), int(port)


def _say(host: str, port: int, terms: ProbeTerms) -> None:
    print(f"probing {terms.url} every {terms.every_s:g} s; metrics at http://{host}:{port}/metrics", flush=True)
