"""One process under load, read back from its raw arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.rig.engine.reasons import LENGTH
from pytest_rawrxd.verdict.gaps import Gaps, Window, full_window, inside, token_gaps
from pytest_rawrxd.verdict.sample import Integers

ARRAYS = ("offsets", "stamps_ns", "submitted_ns", "ended_ns", "prompt_tokens")

LoadRaw = Callable[[dict[str, Any]], Mapping[str, npt.NDArray[Any]]]


class Recorded(Protocol):
    """What is read of a ledger record."""

    @property
    def id(self) -> str: ...
    @property
    def session(self) -> str: ...
    @property
    def data(self) -> dict[str, Any]: ...


@dataclass(frozen=True, eq=False)
class LoadRun:
    """One process under load. k requests in the order in which they were submitted; instants in ns."""

    record: Recorded
    offsets: Integers  #: (k + 1,) into stamps_ns
    stamps_ns: Integers  #: (tokens,)
    submitted_ns: Integers  #: (k,)
    ended_ns: Integers  #: (k,)
    prompt_tokens: Integers  #: (k,)
    reasons: tuple[str, ...]  #: (k,) why each request ended
    intended_ns: Integers | None = None  #: (k,) when each was due; None in process
    server: Integers | None = None  #: (k,) code of the server of a fleet that answered, below 0 where nobody says

    @property
    def data(self) -> Mapping[str, Any]:
        return self.record.data

    @property
    def streams(self) -> int:
        return int(self.data["streams"])

    @cached_property
    def window(self) -> Window | None:
        """From the first to the last instant with every stream busy; None if there is none."""
        return full_window(self.submitted_ns, self.ended_ns, streams=self.streams) if self.reasons else None

    @cached_property
    def gaps(self) -> Gaps:
        """The gaps between tokens inside the window."""
        return self._inside(token_gaps(self.offsets, self.stamps_ns))

    @property
    def read_gaps(self) -> Gaps:
        """The same, each wait for a read once: for what weighs gaps by their length."""
        return self._inside(token_gaps(self.offsets, self.stamps_ns, reads=True))

    def _inside(self, found: Gaps) -> Gaps:
        nothing = np.empty(0, np.int64)
        return Gaps(nothing, nothing, nothing) if self.window is None else inside(found, self.window)

    @property
    def completed(self) -> int:
        """Requests with every token asked for, ended by their length."""
        return int(np.count_nonzero(self.whole)) if self.reasons else 0

    @property
    def whole(self) -> npt.NDArray[np.bool_]:
        """Which requests have every token asked for, ended by their length (k,)."""
        found: npt.NDArray[np.bool_] = np.diff(self.offsets) == int(self.data["tokens"])
        return found & np.array([reason == LENGTH for reason in self.reasons], np.bool_)

    @property
    def untold(self) -> Mapping[str, str]:
        """What this kind of server cannot show, of "ttft", "itl" and "tokens", with the reason."""
        found: Mapping[str, str] = self.data.get("not_measurable") or {}
        return found

    @property
    def due_ns(self) -> Integers:
        """When each request was due (k,): in process, when a slot was free for it."""
        return self.submitted_ns if self.intended_ns is None else self.intended_ns

    @property
    def tps(self) -> float:
        """Tokens of all streams per second of the window; EvidenceProblem without a window.

        Of a server that tells no tokens, its own counter over the time from the first request to the last end.
        """
        if "tokens" in self.untold:
            return self._counted_tps()
        window = self.window
        if window is None:
            raise EvidenceProblem("A run without a window has no throughput", where=self.record.id)
        received = np.count_nonzero((self.stamps_ns > window.begin_ns) & (self.stamps_ns <= window.end_ns))
        return float(received / ((window.end_ns - window.begin_ns) / 1e9))

    def _counted_tps(self) -> float:
        counted = self.data["http"]["tokens_generated"]
        if counted is None:
            raise EvidenceProblem("The server's token counter was not read", where=self.record.id)
        return float(counted / ((self.ended_ns.max() - self.submitted_ns.min()) / 1e9))


def read_run(load_raw: LoadRaw, found: Recorded) -> LoadRun:
    """One record with its arrays. Raises EvidenceProblem where they contradict each other."""
    raw = load_raw(found.data["raw"])
    try:
        reasons = tuple(found.data["finish_reasons"][index] for index in raw["finish"].tolist())
        arrays = {name: np.asarray(raw[name], np.int64) for name in ARRAYS}
    except (KeyError, IndexError) as error:
        raise EvidenceProblem("raw evidence lacks an array or a reason", where=found.id, found=str(error)) from error
    sizes = {arrays[name].size for name in ("submitted_ns", "ended_ns", "prompt_tokens")}
    if sizes != {len(reasons)} or arrays["offsets"].size != len(reasons) + 1:
        raise EvidenceProblem("the arrays of a load run do not fit each other", where=found.id)
    intended = np.asarray(raw["intended_ns"], np.int64) if "intended_ns" in raw else None
    server = np.asarray(raw["server"], np.int64) if "server" in raw else None
    return LoadRun(found, **arrays, reasons=reasons, intended_ns=intended, server=server)
