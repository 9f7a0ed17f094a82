"""One injection under load, and one drill without: what was done, what shows it, what came back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.measure.canary.served import ServerChoir
from pytest_rawrxd.measure.canary.song import Canary, Stage, measure_canaries
from pytest_rawrxd.measure.faults.terms import IN_FLIGHT_S, LEAD_S, FaultTerms, Surroundings, flood_plan, window_plan
from pytest_rawrxd.measure.load.arrays import LoadArrays
from pytest_rawrxd.measure.load.plan import LoadPlan
from pytest_rawrxd.measure.load.run import LoadResult
from pytest_rawrxd.rig.faults.catalogue import MakeFault
from pytest_rawrxd.rig.faults.fault import Fault, Proof, Site
from pytest_rawrxd.rig.target.service import weights_on

WINDOW, DRILL, QUEUE = "fault.window", "fault.drill", "fault.queue"
KEPT_LINES = 40
START_S = 120.0  #: a load client starts


@dataclass(frozen=True)
class Injected:
    """What doing one fault left behind; instants of ``perf_counter_ns``."""

    injected_ns: int
    proven_ns: int | None
    undone_ns: int
    proof: Proof
    trouble: str | None  #: why it could not be injected


def do_fault(
    fault: Fault, around: Surroundings, hold_s: float, *, while_held: Sequence[Callable[[], object]] = ()
) -> Injected:
    """Inject, wait for the proof at most ``hold_s``, do what has to be done meanwhile, and take it back."""
    injected_ns, trouble = around.clock(), None
    try:
        fault.inject()
        around.wait(lambda: fault.proof().held, hold_s)
    except (RigTrouble, psutil.Error, OSError) as problem:
        trouble = str(problem) or type(problem).__name__
    proof = Proof(False, trouble) if trouble else fault.proof()
    proven_ns = around.clock() if proof.held else None
    if proof.held:
        for act in while_held:
            act()
    fault.undo()
    return Injected(injected_ns, proven_ns, around.clock(), proof, trouble)


def run_window(
    site: Site,
    make: MakeFault,
    terms: FaultTerms,
    around: Surroundings,
    *,
    kind: str,
    number: int,
    birds: Sequence[Canary],
) -> None:
    """Inject one fault while requests are in flight, keep asking until its window ends, and record everything."""
    plan = window_plan(terms, site.fleet, number)
    client = _InBackground(around, plan)
    fault, before = make(site), state(site, around)
    around.show(f"fault {number + 1} of {terms.injections}: {fault.name}")
    start_ns = client.start()
    around.wait_for(start_ns + round((LEAD_S + IN_FLIGHT_S) * 1e9))
    done = do_fault(fault, around, terms.hold_s)
    # Only once it serves again: a canary that nobody answers would tell nothing.
    if around.wait(lambda: site.supervisor.ready, terms.window_s):
        sing(site, birds, terms, around, stage="together", when=f"under load, after {fault.name}")
    result = client.join()
    settled_ns = None
    if around.wait(lambda: site.supervisor.ready, terms.ready_s):
        settled_ns = sing(site, birds, terms, around, stage="together", when=f"after the window of {fault.name}")
    data = {
        **report(site, fault, done, around, kind=kind, before=before),
        "number": number,
        "seed": plan.seed,
        "dialect": site.dialect,
        "window_s": terms.window_s,
        "retries": terms.retries,
        "retry_after_s": terms.retry_after_s,
        "deadline_s": terms.deadline_s,
        "tokens": terms.tokens,
        "start_ns": start_ns,
        "settled_ns": settled_ns,
        "client": result.summary,
    }
    around.sink.record(WINDOW, data, load_arrays(result.arrays))


def run_drill(
    site: Site,
    make: MakeFault,
    terms: FaultTerms,
    around: Surroundings,
    *,
    kind: str,
    while_held: Sequence[Callable[[], object]] = (),
) -> None:
    """Do one fault without load and record how it was taken; ``while_held`` is done while it has its effect."""
    fault, before = make(site), state(site, around)
    around.show(f"fault drill: {fault.name}")
    # A fault that shows itself only when the process is ready again is given the time of a start.
    hold_s = terms.ready_s if while_held else terms.hold_s
    done = do_fault(fault, around, hold_s, while_held=while_held)
    back = around.wait(lambda: site.supervisor.ready, terms.ready_s)
    talk = site.ask("a request after the drill") if back else None
    data = {
        **report(site, fault, done, around, kind=kind, before=before),
        "served_ns": around.clock() if talk is not None and talk.good else None,
        "served": talk.to_dict() if talk is not None else None,
    }
    around.sink.record(DRILL, data)


def run_flood(site: Site, terms: FaultTerms, around: Surroundings) -> None:
    """Ask for ``queue`` more answers at once than the service has streams."""
    around.show(f"{terms.queue} requests waiting at once")
    began_ns = around.clock()
    plan = flood_plan(terms, site.target)
    result = around.run_load(plan, on_start=lambda _instant: None)
    data = {
        **around.about,
        "seed": plan.seed,
        "dialect": site.dialect,
        "streams": terms.streams,
        "waiting": terms.queue,
        "deadline_s": terms.deadline_s,
        "tokens": terms.tokens,
        "events": events(site, began_ns),
        "client": result.summary,
    }
    around.sink.record(QUEUE, data, load_arrays(result.arrays))


def sing(
    site: Site, birds: Sequence[Canary], terms: FaultTerms, around: Surroundings, *, stage: Stage, when: str
) -> int | None:
    """Ask for the canaries of this campaign."""
    return measure_canaries(
        ServerChoir(site.target, terms.deadline_s, clock=around.clock),
        birds,
        during="faults",
        stage=stage,
        when=when,
        sink=around.sink,
        about={**around.about, "weights": weights_on(site.supervisor.load_log)},
    )


def report(
    site: Site, fault: Fault, done: Injected, around: Surroundings, *, kind: str, before: Mapping[str, Any]
) -> dict[str, Any]:
    """What a record says of one fault, whatever ran beside it."""
    return {
        **around.about,
        "kind": kind,
        "name": fault.name,
        "about_fault": " ".join((type(fault).__doc__ or "").split()),
        "injected_ns": done.injected_ns,
        "proven_ns": done.proven_ns,
        "undone_ns": done.undone_ns,
        "ended_ns": around.clock(),
        "proof": asdict(done.proof),
        "trouble": done.trouble,
        "talks": [talk.to_dict() for talk in fault.talks],
        "wrong": list(fault.wrong),
        "events": events(site, done.injected_ns),
        "before": dict(before),
        "after": state(site, around),
        "log_tail": [line for line in site.supervisor.log if line.startswith(("E ", "W "))][-KEPT_LINES:],
    }


def state(site: Site, around: Surroundings) -> dict[str, Any]:
    """Where the weights are, what the process and the device hold, what ended processes nobody took note of."""
    return {
        "weights": weights_on(site.supervisor.load_log),
        "resident_bytes": around.memory.resident_bytes(site.supervisor.pid),
        "device": around.memory.device_bytes(site.supervisor.pid),
        "ready": site.supervisor.ready,
        "zombies": len(site.supervisor.children()),
    }


def events(site: Site, since_ns: int) -> list[dict[str, Any]]:
    """What the supervisor did and saw since an instant."""
    return [asdict(event) for event in site.supervisor.since(since_ns)]


def load_arrays(arrays: LoadArrays) -> dict[str, npt.NDArray[Any]]:
    """Every array of a load run, under its own name."""
    return {item.name: np.asarray(getattr(arrays, item.name)) for item in fields(arrays)}


class _InBackground:
    """A load run in a thread: its client is a process of its own, the thread only waits for it."""

    def __init__(self, around: Surroundings, plan: LoadPlan) -> None:
        self._begun = threading.Event()
        self._start_ns = 0
        self._result: LoadResult | None = None
        self._problem: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(around, plan), daemon=True, name="fault-load")

    def _run(self, around: Surroundings, plan: LoadPlan) -> None:
        try:
            self._result = around.run_load(plan, on_start=self._began)
        except Exception as problem:  # raised again by whoever joins
            self._problem = problem
        finally:
            self._begun.set()

    def _began(self, start_ns: int) -> None:
        self._start_ns = start_ns
        self._begun.set()

    def start(self) -> int:
        """Start it and return the instant from which its offsets count."""
        self._thread.start()
        if not self._begun.wait(START_S) or self._problem is not None:
            raise RigTrouble("the load of a fault window did not start", found=str(self._problem or "no client"))
        return self._start_ns

    def join(self) -> LoadResult:
        """What it returned; raises what it raised."""
        self._thread.join()
        if self._problem is not None:
            raise self._problem
        if self._result is None:
            raise RigTrouble("the load of a fault window ended without a result")
        return self._result
