"""Does the instrument itself work? Planted defects must be caught by the rules that judge; a clean control must not.

Every scene of the scripted engine plants what its name says, in virtual time: no model, no device, and nothing that the
host could disturb. Each detector is the rule or check that judges real evidence, called as the judge calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import repeat
from types import MappingProxyType
from typing import Any

import numpy as np

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.measure.histogram import record
from pytest_rawrxd.rig.engine.scenes import SCENES, Scene
from pytest_rawrxd.rig.engine.scripted import WEIGHTS, ScriptedEngine
from pytest_rawrxd.verdict import checks
from pytest_rawrxd.verdict.correctness import wrong_answers
from pytest_rawrxd.verdict.counts import spike, zero
from pytest_rawrxd.verdict.decoding import split
from pytest_rawrxd.verdict.drift import drift, settled
from pytest_rawrxd.verdict.floor import floor
from pytest_rawrxd.verdict.gaps import Gaps, Window, block_of, token_gaps
from pytest_rawrxd.verdict.outcome import Finding, Verdict
from pytest_rawrxd.verdict.plausibility import plausibility
from pytest_rawrxd.verdict.quantile import share_of_time
from pytest_rawrxd.verdict.stage import decode_rate, play, samples
from pytest_rawrxd.verdict.throttle import throttled
from pytest_rawrxd.verdict.validity import Violation

CONTROL = SCENES["steady"]
CARD = 400e9  #: bytes/s of the card that the scripted engine pretends to run on: 0.8 of it feeds the control
PROCESSES = 5
BLOCK_S = 15.0  #: a stall of the scene falls into each block
LONG_STEP_MS = 50.0  #: four times the scene's step: minutes of virtual time in a few thousand steps
STALLED_PERCENT = 10.0  #: the scene stalls for a fifth of the time; three minutes prove the control to be below half
PROMISED_TPS = 65.0  #: between the speed of the control and that of the slow scene


@dataclass(frozen=True)
class SelfCheck:
    """What the detectors said. ``caught`` maps a detector to its words on its planted defect."""

    caught: Mapping[str, str]
    missed: tuple[str, ...]
    alarmed: tuple[str, ...]  #: detectors that alarmed on the clean control

    def violation(self) -> Violation | None:
        """V-SELFCHECK when a defect was missed, a control alarmed, or nothing was planted at all."""
        return checks.self_check([*self.missed, *([] if self.caught or self.missed else ["everything"])], self.alarmed)

    def sentence(self) -> str:
        """What was found, in a line."""
        broken = self.violation()
        return f"all {len(self.caught)} planted defects caught" if broken is None else broken.sentence()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the ledger."""
        return {"caught": dict(self.caught), "missed": list(self.missed), "alarmed": list(self.alarmed)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SelfCheck:
        """Read what `to_dict` wrote; EvidenceProblem where it is something else."""
        try:
            return cls(dict(data["caught"]), tuple(data["missed"]), tuple(data["alarmed"]))
        except (KeyError, TypeError, ValueError) as error:
            raise EvidenceProblem("a self-check record cannot be read", found=repr(error)) from error


@dataclass(frozen=True)
class Detector:
    """A rule at work: the scene it must catch, and what it says about a scene; None when it is silent.

    What is said of a promise begins with its verdict, and only ``expects`` catches the planted defect.
    """

    scene: str
    says: Callable[[Scene], str | None]
    expects: str = ""


def self_check(detectors: Mapping[str, Detector] | None = None) -> SelfCheck:
    """Plant every defect, run the control past every detector, and return what was caught, missed and alarmed.

    A detector that breaks has not caught anything, and on the control it counts as an alarm: its error is kept.
    """
    caught: dict[str, str] = {}
    missed, alarmed = [], []
    for name, detector in (DETECTORS if detectors is None else detectors).items():
        planted, broken = _said(detector, SCENES[detector.scene])
        if planted is not None and planted.startswith(detector.expects):
            caught[name] = planted
        else:
            why = planted or broken
            missed.append(f"{name} ({why})" if why else name)
        control, broken = _said(detector, CONTROL)
        if control is not None or broken is not None:
            alarmed.append(f"{name} ({control or broken})")
    return SelfCheck(MappingProxyType(caught), tuple(missed), tuple(alarmed))


def _said(detector: Detector, scene: Scene) -> tuple[str | None, str | None]:
    try:
        return detector.says(scene), None
    except Exception as error:  # whatever breaks a detector, it did not detect
        return None, repr(error)


def _judged(found: Finding | None) -> str | None:
    """Verdict and reason of a promise that is not kept, or of evidence that is refused."""
    return None if found is None or found.verdict is Verdict.PASS else f"{found.verdict}: {found.reason}"


def _told(violation: Violation | None) -> str | None:
    return None if violation is None else violation.sentence()


def _leak(scene: Scene) -> str | None:
    """Two days of memory samples, the process restarted every 12 h: each life begins at its own level again."""
    minutes = np.arange(0.0, 48 * 60, 5)
    engine = ScriptedEngine(scene, seed=0)
    memory = [sample.memory_used / 1e6 for sample in samples(engine, minutes % (12 * 60) * 60)]
    return _judged(drift(settled(minutes / 60, memory, minutes // (12 * 60))))


def _long(scene: Scene) -> Scene:
    return replace(scene, step_ms=LONG_STEP_MS)


def _stalled_share(scene: Scene) -> str | None:
    gaps, window = _minutes(scene)
    histogram = record(gaps.gap_ns, block=block_of(gaps, window, length_s=BLOCK_S), bounds_ns=[10**9])
    return _judged(share_of_time(histogram, above_ms=1000.0, limit_percent=STALLED_PERCENT, steps=len(gaps)))


def _longest_gap(scene: Scene) -> str | None:
    gaps, window = _minutes(scene)
    limit_ms = 4 * LONG_STEP_MS
    found = spike(
        count=int((gaps.gap_ns > limit_ms * 1e6).sum()),
        longest=float(gaps.gap_ns.max()) / 1e6,
        limit=limit_ms,
        values=len(gaps),
        hours=window.minutes / 60,
    )
    return _judged(found)


def _minutes(scene: Scene) -> tuple[Gaps, Window]:
    """The gaps of a run that is long enough for ten blocks."""
    kept, _ = play(_long(scene), tokens=300, requests=11)
    gaps = token_gaps(kept.arrays["offsets"], kept.arrays["stamps_ns"])
    return gaps, Window(int(kept.arrays["submitted_ns"][0]), int(gaps.end_ns[-1]), 1.0)


def _troubles(kind: str) -> Callable[[Scene], str | None]:
    def says(scene: Scene) -> str | None:
        kept, engine = play(scene)
        ended = [kept.data["type"]] if kept.kind == "trouble" else []
        return _judged(zero(ended.count(kind), hours=engine.now_ns / 3.6e12, of=kind))

    return says


def _wrong_token(scene: Scene) -> str | None:
    answer, reference = (play(played)[0].arrays for played in (scene, CONTROL))
    wrong = wrong_answers(
        answer["offsets"],
        answer["token_ids"],
        reference_offsets=reference["offsets"],
        reference_ids=reference["token_ids"],
    )
    return _judged(zero(len(wrong), hours=1.0, of="wrong answers"))


def _throttle_bits(scene: Scene) -> str | None:
    read = samples(ScriptedEngine(scene, seed=0), np.arange(100.0))
    return _judged(throttled(hard=[sample.throttled for sample in read]))


def _throttle_clock(scene: Scene) -> str | None:
    kept, engine = play(_long(scene), tokens=50, requests=34)
    seconds = np.arange(0.0, engine.now_ns / 1e9)
    requests = split(kept.arrays["stamps_ns"], kept.arrays["offsets"], where="self-check")
    return _judged(
        throttled(
            clock_mhz=[sample.clock_mhz for sample in samples(engine, seconds)],
            block=seconds // 10,
            rates=[1e9 * (request.size - 1) / int(request[-1] - request[0]) for request in requests],
        )
    )


def _finish_reason(scene: Scene) -> str | None:
    return _told(checks.early_end(play(scene)[0].data["finish_reasons"]))


def _token_count(scene: Scene) -> str | None:
    received = np.diff(play(scene, tokens=64)[0].arrays["offsets"])
    return _told(checks.received_tokens(list(repeat(64, received.size)), received))


def _coalesced(scene: Scene) -> str | None:
    arrays = play(scene)[0].arrays
    gaps = token_gaps(arrays["offsets"], arrays["stamps_ns"])
    return _told(checks.coalesced(gaps.coalesced, arrays["stamps_ns"].size))


def _guarantee(scene: Scene) -> str | None:
    # Two requests: the first is dropped, and one call of the engine alone shows how calls differ.
    played = [play(scene, requests=2, process=process)[0] for process in range(PROCESSES)]
    rates, durations = zip(*map(decode_rate, played), strict=True)
    return _judged(floor(rates, limit=PROMISED_TPS, durations_ns=durations, planned_runs=PROCESSES))


def _impossible(scene: Scene) -> str | None:
    rate, _ = decode_rate(play(scene)[0])
    return _judged(plausibility(rate, weight_bytes=WEIGHTS, datasheet_bandwidth=CARD).finding())


DETECTORS: Mapping[str, Detector] = MappingProxyType(
    {
        "leak": Detector("leak", _leak, "FAIL"),
        "stalled time": Detector("stall", _stalled_share, "FAIL"),
        "longest gap": Detector("stall", _longest_gap, "FAIL"),
        "crash": Detector("crash", _troubles("EngineCrashed"), "FAIL"),
        "hang": Detector("hang", _troubles("EngineHung"), "FAIL"),
        "wrong token": Detector("wrong-token", _wrong_token, "FAIL"),
        "throttle bits": Detector("throttle", _throttle_bits, "INVALID"),
        "throttle clock": Detector("throttle", _throttle_clock, "INVALID"),
        "early end": Detector("eos", _finish_reason),
        "token count": Detector("eos", _token_count),
        "coalesced chunks": Detector("coalesced", _coalesced),
        "zero variance": Detector("zero-variance", _guarantee, "INVALID"),
        "noise": Detector("noisy", _guarantee, "INCONCLUSIVE"),
        "slow engine": Detector("slow", _guarantee, "FAIL"),
        "impossible speed": Detector("impossible", _impossible, "INVALID"),
    }
)
