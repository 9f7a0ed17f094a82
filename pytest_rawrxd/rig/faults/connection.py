"""What networks and clients do to a connection, through a proxy of our own; and what is no request at all."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

from pytest_rawrxd.rig.faults.fault import Base, Proof
from pytest_rawrxd.rig.faults.wire import Expected, at_once, request_bytes, speak
from pytest_rawrxd.rig.proxy import Behaviour, Proxy

CUT_AFTER = 512  #: bytes of the answer: its head and first tokens have passed
WAIT_S = 3.0  #: how long the client of a connection that nothing comes through waits
SLOW_RATE = 2000.0  #: bytes a second
OVERSIZED = 1 << 20

BEHAVIOURS = {
    "reset by the network": Behaviour("reset", CUT_AFTER),
    "truncated": Behaviour("truncate", CUT_AFTER),
    "half open": Behaviour("half-open", CUT_AFTER),
    "swallowed": Behaviour("blackhole", CUT_AFTER),
    "slow client": Behaviour(rate=SLOW_RATE),
}


@dataclass
class BadConnections(Base):
    """One request through each bad connection, each with a good request beside it that must not notice."""

    name: ClassVar[str] = "bad connections"
    effects: dict[str, bool] = field(default_factory=dict)

    def inject(self) -> None:
        site = self.site
        self.begin()
        for what, behaviour in BEHAVIOURS.items():
            with Proxy(site.port, behaviour) as proxy:
                slow = behaviour.cut == "none"
                bad = partial(
                    site.ask,
                    f"a connection {what}" if not slow else "an answer that its client reads slowly",
                    deadline_s=site.deadline_s if slow else WAIT_S,
                    port=proxy.port,
                )
                broken, beside = at_once([bad, partial(site.ask, f"a good request beside ({what})")])
                self.effects[what] = proxy.seen.answered_bytes > 0 if slow else proxy.seen.cuts > 0
            self.talks += [beside, *([broken] if slow else [])]
        self.talks.append(site.ask("a request after the bad connections"))

    def proof(self) -> Proof:
        missing = [what for what, took in self.effects.items() if not took]
        if missing or not self.effects:
            return Proof(False, f"the proxy did nothing for: {', '.join(missing) or 'any connection'}")
        return Proof(True, f"the proxy broke or slowed {len(self.effects)} connections: {', '.join(self.effects)}")


@dataclass
class BadRequests(Base):
    """Requests that are not JSON, not of the right types, larger than any context, or not HTTP."""

    name: ClassVar[str] = "bad requests"

    def inject(self) -> None:
        site = self.site
        large = json.dumps({"prompt": "x " * (OVERSIZED // 2), "n_predict": 1, "max_tokens": 1}).encode()
        bad: list[tuple[str, bytes, Expected]] = [
            ("broken JSON", request_bytes(site.path, b'{"prompt": '), "error"),
            ("a prompt of the wrong type", request_bytes(site.path, b'{"prompt": 5}'), "error"),
            ("an oversized request", request_bytes(site.path, large), "end"),
            ("a path that does not exist", request_bytes("/no/such/path", b"{}"), "error"),
            ("bytes that are no HTTP", b"\x00\xff not http\r\n\r\n", "end"),
        ]
        self.begin()
        for what, payload, expects in bad:
            self.talks.append(speak(what, site.port, payload, deadline_s=site.deadline_s, expects=expects))
        self.talks.append(site.ask("a request after the bad ones"))

    def proof(self) -> Proof:
        refused = [talk for talk in self.talks if talk.expects != "answer" and talk.status != 200]
        wanted = sum(talk.expects != "answer" for talk in self.talks)
        return Proof(len(refused) == wanted > 0, f"{len(refused)} of {wanted} bad requests were not taken as good ones")
