"""Does the instrument itself work? Planted defects must be caught by the rules that judge; a clean control must not.

Every scene of the scripted engine plants what its name says, in virtual time: no model, no device, and nothing that the
host could disturb. Each detector is the rule or check that judges real evidence, called as the judge calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.decode import Cell, Conditions, measure_cell
from pytest_rawrxd.measure.histogram import record
from pytest_rawrxd.rig.engine.protocol import LoadOptions
from pytest_rawrxd.rig.engine.scenes import SCENES, Scene
from pytest_rawrxd.rig.engine.scripted import WEIGHTS, ScriptedEngine, ScriptedSample
from pytest_rawrxd.verdict import checks
from pytest_rawrxd.verdict.correctness import wrong_answers
from pytest_rawrxd.verdict.counts import spike, zero
from pytest_rawrxd.verdict.decoding import split, steady_gaps
from pytest_rawrxd.verdict.drift import drift, settled
from pytest_rawrxd.verdict.floor import floor
from pytest_rawrxd.verdict.gaps import Gaps, Window, block_of, token_gaps
from pytest_rawrxd.verdict.outcome import Finding, Verdict
from pytest_rawrxd.verdict.plausibility import plausibility
from pytest_rawrxd.verdict.quantile import share_of_time
from pytest_rawrxd.verdict.throttle import throttled
from pytest_rawrxd.verdict.validity import Violation

CONTROL = SCENES["steady"]
CARD = 400e9  #: bytes/s of the card that the scripted engine pretends to run on: 0.8 of it feeds the control
PROCESSES = 5
BLOCK_S = 15.0  #: a stall of the scene falls into each block
LONG_STEP_MS = 50.0  #: four times the scene's step: minutes of virtual time in a few thousand steps
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
    """A rule at work: the scene it must catch, and what it says about a scene; None when it is silent."""

    scene: str
    says: Callable[[Scene], str | None]


def self_check(detectors: Mapping[str, Detector] | None = None) -> SelfCheck:
    """Plant every defect, run the control past every detector, and return what was caught, missed and alarmed.

    A detector that breaks has not caught anything, and on the control it counts as an alarm: its error is kept.
    """
    caught: dict[str, str] = {}
    missed, alarmed = [], []
    for name, detector in (DETECTORS if detectors is None else detectors).items():
        planted, broken = _said(detector, SCENES[detector.scene])
        if planted is None:
            missed.append(name if broken is None else f"{name} ({broken})")
        else:
            caught[name] = planted
        control, broken = _said(detector, CONTROL)
        if control is not None or broken is not None:
            alarmed.append(f"{name} ({control or broken})")
    return SelfCheck(MappingProxyType(caught), tuple(missed), tuple(alarmed))


def _said(detector: Detector, scene: Scene) -> tuple[str | None, str | None]:
    try:
        return detector.says(scene), None
    except Exception as error:  # whatever breaks a detector, it did not detect
        return None, repr(error)


# -- the stage ------------------------------------------------------------------------------------------------------


class _Kept:
    """A sink that keeps one process in memory."""

    def __init__(self) -> None:
        self.kind = ""
        self.data: dict[str, Any] = {}
        self.arrays: dict[str, npt.NDArray[Any]] = {}

    def record(self, kind: str, data: dict[str, Any], arrays: dict[str, npt.NDArray[Any]] | None = None) -> str:
        self.kind, self.data, self.arrays = kind, data, arrays or {}
        return kind


class _Quiet:
    """A machine on which nothing else runs and no memory is read."""

    shared_source = "not read: nothing is planted there"

    def busy_s(self) -> float:
        return 0.0

    def own_s(self, pids: Sequence[int]) -> float:  # noqa: ARG002  # of the protocol
        return 0.0

    def resident_bytes(self, pid: int | None) -> int | None:  # noqa: ARG002  # of the protocol
        return None

    def shared_bytes(self) -> int | None:
        return None


def _play(scene: Scene, *, tokens: int = 64, requests: int = 4, process: int = 0) -> tuple[_Kept, ScriptedEngine]:
    """Measure one fresh process of ``scene`` as a session measures one, on the engine's own clock."""
    kept = _Kept()
    engine = ScriptedEngine(scene, seed=process)
    with engine:
        measure_cell(
            engine,
            Path(scene.name),
            Cell(scene.name, tokens),
            process,
            Conditions(
                options=LoadOptions(n_ctx=tokens + 16, prefill_chunk=16),
                prompts=("planted",),
                prompt_tokens=8,
                min_requests=requests,
                min_seconds=0.0,
                load_deadline_s=60.0,
                request_deadline_s=600.0,
                cores=1,
            ),
            model_sha256=None,
            sink=kept,
            cpu=_Quiet(),
            memory=_Quiet(),
            own_pids=(),
            clock=Clock(lambda: engine.now_ns, lambda: datetime.now(UTC), lambda _: None),
        )
    return kept, engine


def _rate(kept: _Kept) -> tuple[float, int]:
    """Tokens per second of one process and its raw duration in ns, as the judge computes them."""
    requests = split(kept.arrays["stamps_ns"], kept.arrays["offsets"], where="self-check")
    gaps = steady_gaps(requests, kept.data["prompt_tokens"])[1]
    return gaps.size / (float(gaps.sum()) / 1e9), int(gaps.sum())


def _samples(engine: ScriptedEngine, seconds: npt.NDArray[np.float64]) -> list[ScriptedSample]:
    return [engine.sample(round(second * 1e9)) for second in seconds]


def _unless(found: Finding | None, *quiet: Verdict) -> str | None:
    return None if found is None or found.verdict in quiet else found.reason


def _told(violation: Violation | None) -> str | None:
    return None if violation is None else violation.sentence()


# -- the detectors --------------------------------------------------------------------------------------------------


def _leak(scene: Scene) -> str | None:
    """Two days of memory samples, the process restarted every 12 h: each life begins at its own level again."""
    minutes = np.arange(0.0, 48 * 60, 5)
    engine = ScriptedEngine(scene, seed=0)
    memory = [sample.memory_used / 1e6 for sample in _samples(engine, minutes % (12 * 60) * 60)]
    return _unless(drift(settled(minutes / 60, memory, minutes // (12 * 60))), Verdict.PASS)


def _long(scene: Scene) -> Scene:
    return replace(scene, step_ms=LONG_STEP_MS)


def _stalled_share(scene: Scene) -> str | None:
    gaps, window = _minutes(scene)
    histogram = record(gaps.gap_ns, block=block_of(gaps, window, length_s=BLOCK_S), bounds_ns=[10**9])
    found = share_of_time(histogram, above_ms=1000.0, limit_percent=0.5, steps=len(gaps))
    return found.reason if found.verdict is Verdict.FAIL else None


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
    return _unless(found, Verdict.PASS)


def _minutes(scene: Scene) -> tuple[Gaps, Window]:
    """The gaps of a run that is long enough for ten blocks."""
    kept, _ = _play(_long(scene), tokens=300, requests=11)
    gaps = token_gaps(kept.arrays["offsets"], kept.arrays["stamps_ns"])
    return gaps, Window(int(kept.arrays["submitted_ns"][0]), int(gaps.end_ns[-1]), 1.0)


def _troubles(kind: str) -> Callable[[Scene], str | None]:
    def says(scene: Scene) -> str | None:
        kept, engine = _play(scene)
        ended = [kept.data["type"]] if kept.kind == "trouble" else []
        found = zero(ended.count(kind), hours=engine.now_ns / 3.6e12, of=kind)
        return _unless(found, Verdict.PASS)

    return says


def _wrong_token(scene: Scene) -> str | None:
    answer, reference = (_play(played)[0].arrays for played in (scene, CONTROL))
    wrong = wrong_answers(
        answer["offsets"],
        answer["token_ids"],
        reference_offsets=reference["offsets"],
        reference_ids=reference["token_ids"],
    )
    return _unless(zero(len(wrong), hours=1.0, of="wrong answers"), Verdict.PASS)


def _throttle_bits(scene: Scene) -> str | None:
    samples = _samples(ScriptedEngine(scene, seed=0), np.arange(100.0))
    return _unless(throttled(hard=[sample.throttled for sample in samples]))


def _throttle_clock(scene: Scene) -> str | None:
    kept, engine = _play(_long(scene), tokens=50, requests=34)
    seconds = np.arange(0.0, engine.now_ns / 1e9)
    requests = split(kept.arrays["stamps_ns"], kept.arrays["offsets"], where="self-check")
    return _unless(
        throttled(
            clock_mhz=[sample.clock_mhz for sample in _samples(engine, seconds)],
            block=seconds // 10,
            rates=[1e9 * (request.size - 1) / int(request[-1] - request[0]) for request in requests],
        )
    )


def _finish_reason(scene: Scene) -> str | None:
    return _told(checks.early_end(_play(scene)[0].data["finish_reasons"]))


def _token_count(scene: Scene) -> str | None:
    received = np.diff(_play(scene, tokens=64)[0].arrays["offsets"])
    return _told(checks.received_tokens(list(repeat(64, received.size)), received))


def _coalesced(scene: Scene) -> str | None:
    arrays = _play(scene)[0].arrays
    gaps = token_gaps(arrays["offsets"], arrays["stamps_ns"])
    return _told(checks.coalesced(gaps.coalesced, arrays["stamps_ns"].size))


def _guarantee(*quiet: Verdict) -> Callable[[Scene], str | None]:
    def says(scene: Scene) -> str | None:
        # Two requests: the first is dropped, and one call of the engine alone shows how calls differ.
        played = [_play(scene, requests=2, process=process)[0] for process in range(PROCESSES)]
        rates, durations = zip(*map(_rate, played), strict=True)
        found = floor(rates, limit=PROMISED_TPS, durations_ns=durations, planned_runs=PROCESSES)
        return _unless(found, *quiet)

    return says


def _impossible(scene: Scene) -> str | None:
    rate, _ = _rate(_play(scene)[0])
    return _unless(plausibility(rate, weight_bytes=WEIGHTS, datasheet_bandwidth=CARD).finding())


DETECTORS: Mapping[str, Detector] = MappingProxyType(
    {
        "leak": Detector("leak", _leak),
        "stalled time": Detector("stall", _stalled_share),
        "longest gap": Detector("stall", _longest_gap),
        "crash": Detector("crash", _troubles("EngineCrashed")),
        "hang": Detector("hang", _troubles("EngineHung")),
        "wrong token": Detector("wrong-token", _wrong_token),
        "throttle bits": Detector("throttle", _throttle_bits),
        "throttle clock": Detector("throttle", _throttle_clock),
        "early end": Detector("eos", _finish_reason),
        "token count": Detector("eos", _token_count),
        "coalesced chunks": Detector("coalesced", _coalesced),
        "zero variance": Detector("zero-variance", _guarantee(Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE)),
        "noise": Detector("noisy", _guarantee(Verdict.PASS, Verdict.FAIL, Verdict.INVALID)),
        "slow engine": Detector("slow", _guarantee(Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.INVALID)),
        "impossible speed": Detector("impossible", _impossible),
    }
)
