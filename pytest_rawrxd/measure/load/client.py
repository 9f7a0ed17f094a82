"""The load client, a process of its own: ``python -m pytest_rawrxd.measure.load.client``.

It reads one line of JSON ``{plan, share, output}``, says ``{"ready": pid}``, reads ``{"start_ns"}``, runs, writes the
arrays to ``output`` and says ``{"summary"}``. When its parent goes away it ends. The API key is taken from one
environment variable, CLIENT_KEY.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from pytest_rawrxd.measure.load.arrays import pack, save
from pytest_rawrxd.measure.load.crossed import crossed
from pytest_rawrxd.measure.load.drive import Driven, drive
from pytest_rawrxd.measure.load.exchange import Exchange
from pytest_rawrxd.measure.load.plan import LoadPlan, Share, plan_from_json
from pytest_rawrxd.measure.load.summary import summarise
from pytest_rawrxd.measure.load.surroundings import HostWatch, settle
from pytest_rawrxd.rig.collector import no_garbage_collection
from pytest_rawrxd.rig.server.dialects import DIALECTS
from pytest_rawrxd.rig.server.secret import CLIENT_KEY

SAID = 12  #: characters in a row that an error message has of a prompt by quoting it, and not by chance

CROSSED = 100  #: pairs that a summary names: one is enough to fail


def main() -> None:
    """Speak with the parent over stdin and stdout."""
    job = json.loads(sys.stdin.buffer.readline())
    plan, share = plan_from_json(job["plan"]), Share(**job["share"])
    settled = settle(plan.cores[share.process % len(plan.cores)] if plan.cores else None)
    _say({"ready": os.getpid()})
    start_ns = json.loads(sys.stdin.buffer.readline())["start_ns"]
    threading.Thread(target=_end_with_parent, args=(sys.stdin.buffer,), daemon=True).start()
    key = os.environ.get(CLIENT_KEY)
    summary = run(plan, share, start_ns=start_ns, key=key, settled=settled, output=Path(job["output"]))
    _say({"summary": summary})


def run(
    plan: LoadPlan, share: Share, *, start_ns: int, key: str | None, settled: dict[str, str], output: Path
) -> dict[str, Any]:
    """Drive the load, then read what was received, write the arrays to ``output`` and return the summary."""
    done = Driven()
    with no_garbage_collection():
        watch = HostWatch()
        asyncio.run(drive(plan, share, start_ns=start_ns, key=key, clock=time.perf_counter_ns, done=done))
        host = watch.stop()
    dialect = DIALECTS[plan.target.dialect]
    rows = []
    for kept in done.exchanges:
        if key:
            hide(key, kept)
        ask = plan.ask(kept.number)
        reply = dialect.read(kept.response(), ask)
        rows.append((kept, replace(reply, detail=without(ask.prompt, reply.detail))))
    save(pack(rows, keep_bytes=plan.keep_bytes), output)
    told = crossed(((kept.number, reply.text) for kept, reply in rows), seed=plan.seed, requests=range(plan.requests))
    return summarise(rows, done, host, settled, told[:CROSSED])


def hide(key: str, kept: Exchange) -> None:
    """A server that repeats the key in an answer does not bring it into the evidence, wherever its bytes were cut."""
    stars = "*" * len(key.encode())
    for name in ("content_type", "retry_after", "location", "detail"):
        setattr(kept, name, getattr(kept, name).replace(key, stars))
    whole = b"".join(kept.chunks).replace(key.encode(), stars.encode())
    start = 0
    for index, chunk in enumerate(kept.chunks):
        kept.chunks[index] = whole[start : start + len(chunk)]
        start += len(chunk)


def without(prompt: str, told: str) -> str:
    """``told`` with every stretch of SAID or more characters that the prompt has too as "[prompt]"."""
    parts, at = list[str](), 0
    while at < len(told):
        end = at + SAID
        if end <= len(told) and told[at:end] in prompt:
            while end < len(told) and told[at : end + 1] in prompt:
                end += 1
            parts.append("[prompt]")
            at = end
        else:
            parts.append(told[at])
            at += 1
    return "".join(parts)


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message, allow_nan=False) + "\n")
    sys.stdout.flush()


def _end_with_parent(stream: IO[bytes]) -> None:
    stream.read()
    os._exit(3)


if __name__ == "__main__":
    main()
