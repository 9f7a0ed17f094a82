"""The probe exporter as a child process, for a drill that takes nothing of it for granted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Timer

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.measure.probe.terms import ProbeTerms
from pytest_rawrxd.rig.engine.environment import child_environment

START_S = 60.0


@contextmanager
def probing(
    terms: ProbeTerms, *, environ: Mapping[str, str], spawn: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen
) -> Iterator[int]:
    """The port on which a probe of ``terms`` exports. Raises RigTrouble when it is not there after a minute."""
    # -P: a module of the working directory is not what measures.
    child = spawn(
        [sys.executable, "-P", "-m", "pytest_rawrxd.measure.probe.exporter"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=child_environment(environ),
    )
    late = Timer(START_S, child.kill)
    late.start()
    try:
        assert child.stdin is not None and child.stdout is not None  # noqa: S101, PT018 - both are pipes
        with suppress(OSError):  # one that has ended says so below
            child.stdin.write(json.dumps(terms.to_json()).encode() + b"\n")
            child.stdin.flush()
        line = child.stdout.readline()
        late.cancel()
        if not line:
            raise RigTrouble("the probe does not start", found=f"no port after {START_S:g} s or its end")
        yield int(json.loads(line)["port"])
    finally:
        late.cancel()
        child.kill()
        child.wait(10)
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
