"""A fault campaign: canaries alone, windows under load, drills, a flooded queue, canaries alone again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.measure.canary.song import Stage, canaries
from pytest_rawrxd.measure.decode import describe_trouble
from pytest_rawrxd.measure.faults.terms import FaultTerms, Surroundings
from pytest_rawrxd.measure.faults.window import events, run_drill, run_flood, run_window, sing
from pytest_rawrxd.rig.faults.catalogue import FAULTS, planned
from pytest_rawrxd.rig.faults.fault import Site

DEVICE = "device_unavailable"
TROUBLE, MISSING, SERVICE = "fault.trouble", "fault.missing", "fault.service"
DEVICE_CANARIES = 1  #: a device that is a CPU in disguise takes seconds for each

BEFORE_FAULTS = "before any fault"
BEFORE: tuple[Stage, ...] = ("reference", "solo", "together")

OpenSite = Callable[[], AbstractContextManager[Site]]


def run_campaign(open_site: OpenSite, terms: FaultTerms, around: Surroundings) -> None:
    """Run all of it on one supervised service. A target that does not come back ends it, and that is recorded."""
    birds = canaries(terms.streams, terms.seed)
    try:
        with open_site() as site:
            _ready(site, terms, "at its start")
            for stage in BEFORE:
                sing(site, birds, terms, around, stage=stage, when=BEFORE_FAULTS)
            for number, (kind, make) in enumerate(planned(terms.kinds, terms.injections)):
                run_window(site, make, terms, around, kind=kind, number=number, birds=birds)
                _ready(site, terms, f"after fault {number + 1}")
            for kind in terms.drills:
                if kind != DEVICE:
                    for make in FAULTS[kind]:
                        run_drill(site, make, terms, around, kind=kind)
                        _ready(site, terms, f"after the drill {kind}")
            run_flood(site, terms, around)
            _ready(site, terms, "after the flooded queue")
            sing(site, birds, terms, around, stage="solo", when="after all faults")
            around.sink.record(SERVICE, {**around.about, "events": events(site, 0)})
    except RigTrouble as trouble:
        around.sink.record(TROUBLE, {**around.about, **describe_trouble(trouble)})


def run_device_drill(open_site: OpenSite, terms: FaultTerms, around: Surroundings) -> None:
    """Hide the device at a restart: the service has to answer on the CPU, and to come back to the device."""
    birds = canaries(DEVICE_CANARIES, terms.seed)
    around = replace(around, about={**around.about, "canaries": DEVICE})
    try:
        with open_site() as site:
            _ready(site, terms, "at its start")
            sing(site, birds, terms, around, stage="reference", when="on the device")
            on_cpu = partial(sing, site, birds, terms, around, stage="device", when="while the device is hidden")
            for make in FAULTS[DEVICE]:
                run_drill(site, make, terms, around, kind=DEVICE, while_held=(on_cpu,))
                _ready(site, terms, "after its device came back")
                sing(site, birds, terms, around, stage="solo", when="back on the device")
    except RigTrouble as trouble:
        around.sink.record(TROUBLE, {**around.about, **describe_trouble(trouble)})


def _ready(site: Site, terms: FaultTerms, when: str) -> None:
    if not site.supervisor.wait_ready(deadline_s=terms.ready_s):
        last = site.supervisor.events[-1] if site.supervisor.events else None
        raise RigTrouble(
            f"the target is not ready {when}",
            where=site.supervisor.service.base_url,
            found=f"{last.kind}: {last.said}" if last else "nothing happened",
            log_tail=site.supervisor.log[-80:],
        )
