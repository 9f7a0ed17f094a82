"""A real engine process of the scripted engine that keeps MB a second of real memory: ``leaking_child.py MB``.

Constructed: the leak is touched page by page in a thread, so that resident memory grows as a leak's does.
"""

import os
import sys
import threading
import time

from pytest_rawrxd.rig.engine.scenes import SCENES
from pytest_rawrxd.rig.engine.scripted import ScriptedLlama
from pytest_rawrxd.rig.engine.serve import serve, take_pipes

KEPT = []


def leak(mb_per_s):
    began, kept = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - began) * mb_per_s) - kept
        if due > 0:
            KEPT.append(b"x" * (due * 1_000_000))
            kept += due
        time.sleep(0.05)


if float(sys.argv[1]):
    threading.Thread(target=leak, args=(float(sys.argv[1]),), daemon=True).start()
incoming, outgoing = take_pipes()
serve(lambda: ScriptedLlama(SCENES["steady"], seed=1, fault=lambda _: os.abort()), incoming, outgoing)
