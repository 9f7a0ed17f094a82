"""Clients that do not wait: a deadline shorter than the answer, requests given up by the hundred."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from pytest_rawrxd.rig.faults.fault import Base, Proof
from pytest_rawrxd.rig.faults.wire import at_once

IMPATIENT_S = 0.15  #: less than the answer takes
CANCEL_S = 0.05
PROMPT_TOKENS = 24  #: room for the prompt of a request that is given up


@dataclass
class ShortDeadline(Base):
    """Requests of all streams whose clients hang up long before the last token."""

    name: ClassVar[str] = "short deadline"

    def inject(self) -> None:
        site = self.site
        tokens = max(site.tokens, site.context // max(1, site.streams) - PROMPT_TOKENS)
        give_up = partial(
            site.ask, "a deadline shorter than the answer", tokens=tokens, deadline_s=IMPATIENT_S, expects="give up"
        )
        self.begin()
        self.talks += at_once([give_up] * site.streams)

    def proof(self) -> Proof:
        late = sum(talk.end == "deadline" for talk in self.talks)
        return Proof(late > 0, f"{late} of {len(self.talks)} requests were still running at {IMPATIENT_S:g} s")


@dataclass
class Cancellation(Base):
    """Many requests that their clients give up, then one that has to be answered."""

    name: ClassVar[str] = "cancellations"
    given_up: int = 0

    def inject(self) -> None:
        site = self.site
        cancel = partial(site.ask, "a request that is given up", deadline_s=CANCEL_S, expects="give up")
        self.begin()
        for _ in range(-(-site.cancellations // site.streams)):
            self.given_up += sum(talk.end == "deadline" for talk in at_once([cancel] * site.streams))
        # All slots have to be free again, not only one of them.
        after = partial(site.ask, "a request after the cancelled ones")
        self.talks += at_once([after] * site.streams)

    def proof(self) -> Proof:
        enough = self.given_up * 2 >= self.site.cancellations
        return Proof(enough, f"{self.given_up} of {self.site.cancellations} requests were given up while they ran")
