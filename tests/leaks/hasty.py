"""Loaded beside ``leaks.plugin`` where a session has seconds: what takes long and shows no secret is shortened.

Nobody waits for an alert that is late: of the drill, the processes that it starts and what they write are looked at.
"""

from __future__ import annotations

import functools
import os
from dataclasses import replace
from typing import Any

from fakes.charts import save_nothing
from matplotlib.figure import Figure

from pytest_rawrxd.measure import drill
from pytest_rawrxd.measure.drill import DrillTerms
from pytest_rawrxd.measure.load.calibration import Calibration, calibrate
from pytest_rawrxd.plugin import load, monitoring
from pytest_rawrxd.report.alerts.plan import Watch
from pytest_rawrxd.report.alerts.prove import Score

WAIT_S = 0.7
KILLED_S = 6.0  #: at most, until somebody is called: words of the rules reach the evidence then


@functools.cache
def _calibrated(streams: int) -> Calibration:
    return calibrate(streams=streams, rate=20, seconds=0.3, pattern="burst", environ=os.environ)


def _terms(watch: Watch) -> DrillTerms:
    terms = _whole(watch)
    waits = dict.fromkeys(terms.wait_s, WAIT_S) | {"kill": KILLED_S}
    return replace(terms, clean_s=1.0, quiet_s=0.1, wait_s=waits, stage_s=1.0)


def _calibrate(*, streams: int, **_asked: Any) -> Calibration:
    return _calibrated(streams)


_whole = monitoring.drill_terms
load.calibrate = _calibrate
monitoring.drill_terms = _terms
drill.CONTROLS = 1
Figure.savefig = save_nothing
monitoring.check_files = lambda *_: {}
monitoring.prove = lambda *_: Score(1, (), (), ())
