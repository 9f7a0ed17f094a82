"""Requests, results and reports as frames, and back. Both ends of the pipe use this module and nothing else.

parent -> child   load {model, options}, tokenize {text}, devices {}, generate {...}, score {...}, abort {}, close {}
child -> parent   hello {info}, loaded {report, info}, tokens, devices, generated {...}, scored {...},
                  refused {what, where, found, possible, log_tail} instead of loaded or scored,
                  progress {...} (any number before generated and scored)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.engine.protocol import (
    Device,
    EngineInfo,
    LoadOptions,
    LoadReport,
    Progress,
    RunCost,
)
from pytest_rawrxd.rig.engine.wire import Frame, WireError
from pytest_rawrxd.rig.engine.work import Outcome, ScoreWork, Work
from pytest_rawrxd.rig.models.quality import Scores

Trouble = TypeVar("Trouble", bound=RigTrouble)
Said = TypeVar("Said")
#: What a field of a message may hold, by its annotation; what is not listed is checked where it is read.
_KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "int | None": (int, type(None)),
    "dict[str, Any]": (dict,),
}


def understood(frame: Frame, parse: Callable[[Frame], Said]) -> Said:
    """What ``parse`` makes of a frame of another process. Raises WireError where the frame is of another shape."""
    try:
        return parse(frame)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as problem:
        raise WireError(f"a frame {frame.kind[:40]!r} of another shape: {problem}"[:300]) from problem


def _built(kind: type[Said], values: Mapping[str, Any]) -> Said:
    made = kind(**values)
    for each in fields(kind):  # type: ignore[arg-type]  # every message is a dataclass
        value, possible = getattr(made, each.name), _KINDS.get(str(each.type))
        if possible and (not isinstance(value, possible) or isinstance(value, bool)):
            raise TypeError(f"{each.name} is {type(value).__name__}")
    return made


def work_to_frame(work: Work) -> Frame:
    return Frame(
        "generate",
        {"lock_step": work.lock_step, "admit_for_ns": work.admit_for_ns},
        {
            "prompts": work.prompts,
            "offsets": work.offsets,
            "max_tokens": work.max_tokens,
            "timeouts_ns": work.timeouts_ns,
        },
    )


def work_from_frame(frame: Frame) -> Work:
    arrays, body = frame.arrays, frame.body
    return Work(
        arrays["prompts"],
        arrays["offsets"],
        arrays["max_tokens"],
        arrays["timeouts_ns"],
        body["lock_step"],
        body["admit_for_ns"],
    )


def outcome_to_frame(outcome: Outcome) -> Frame:
    reasons = sorted(set(outcome.reasons))
    return Frame(
        "generated",
        {"reasons": reasons, "cost": asdict(outcome.cost)},
        {
            "token_ids": outcome.token_ids,
            "stamps_ns": outcome.stamps_ns,
            "offsets": outcome.offsets,
            "submitted_ns": outcome.submitted_ns,
            "reason": np.array([reasons.index(reason) for reason in outcome.reasons], np.int32),
        },
    )


def outcome_from_frame(frame: Frame) -> Outcome:
    arrays = dict(frame.arrays)
    reason = arrays.pop("reason")
    named = frame.body["reasons"]
    if any(not isinstance(each, str) for each in named) or any(not 0 <= i < len(named) for i in reason.tolist()):
        raise ValueError("a reason that is none")
    reasons = tuple(named[i] for i in reason.tolist())
    outcome = Outcome(**arrays, reasons=reasons, cost=_built(RunCost, frame.body["cost"]))
    _check(outcome)
    return outcome


def _check(outcome: Outcome) -> None:
    """Raise ValueError where the arrays do not belong together: a wrong place would give one request's to another."""
    whole = (outcome.token_ids, outcome.stamps_ns, outcome.offsets, outcome.submitted_ns)
    if any(array.ndim != 1 or array.dtype.kind != "i" for array in whole):
        raise ValueError("an array that is no row of whole numbers")
    ends, requests = outcome.offsets, len(outcome.submitted_ns)
    sizes = len(ends) == requests + 1 == len(outcome.reasons) + 1 and len(outcome.token_ids) == len(outcome.stamps_ns)
    if not sizes or ends[0] != 0 or ends[-1] != len(outcome.token_ids) or (np.diff(ends) < 0).any():
        raise ValueError("arrays that do not belong together")


def load_to_frame(model: Path, options: LoadOptions) -> Frame:
    return Frame("load", {"model": str(model), "options": asdict(options)})


def load_from_frame(frame: Frame) -> tuple[Path, LoadOptions]:
    return Path(frame.body["model"]), LoadOptions(**frame.body["options"])


def report_to_frame(report: LoadReport, info: EngineInfo) -> Frame:
    return Frame("loaded", {"report": asdict(report), "info": asdict(info)})


def report_from_frame(frame: Frame) -> tuple[LoadReport, EngineInfo]:
    report: dict[str, Any] = dict(frame.body["report"])
    report["devices"] = tuple(_built(Device, device) for device in report["devices"])
    for name in ("buffers", "log", "warm_up"):
        report[name] = tuple(report[name])
    return _built(LoadReport, report), _built(EngineInfo, frame.body["info"])


def devices_to_frame(devices: Sequence[Device]) -> Frame:
    return Frame("devices", {"devices": [asdict(device) for device in devices]})


def devices_from_frame(frame: Frame) -> tuple[Device, ...]:
    return tuple(_built(Device, device) for device in frame.body["devices"])


def progress_to_frame(progress: Progress) -> Frame:
    return Frame("progress", asdict(progress))


def progress_from_frame(frame: Frame) -> Progress:
    return _built(Progress, frame.body)


def hello_to_frame(info: EngineInfo) -> Frame:
    return Frame("hello", {"info": asdict(info)})


def info_from_frame(frame: Frame) -> EngineInfo:
    return _built(EngineInfo, frame.body["info"])


def tokens_to_frame(tokens: Sequence[int]) -> Frame:
    return Frame("tokens", {}, {"token_ids": np.array(tokens, np.int32)})


def tokens_from_frame(frame: Frame) -> list[int]:
    found = frame.arrays["token_ids"]
    if found.ndim != 1 or found.dtype.kind != "i":
        raise ValueError("token ids that are no row of whole numbers")
    tokens: list[int] = found.tolist()
    return tokens


def score_work_to_frame(work: ScoreWork) -> Frame:
    return Frame("score", {"keep": _text(work.keep), "against": _text(work.against)}, {"chunks": work.chunks})


def score_work_from_frame(frame: Frame) -> ScoreWork:
    keep, against = frame.body["keep"], frame.body["against"]
    return ScoreWork(frame.arrays["chunks"], keep and Path(keep), against and Path(against))


def scores_to_frame(scores: Scores) -> Frame:
    arrays: dict[str, npt.NDArray[Any]] = {"negative_log_likelihood": scores.negative_log_likelihood}
    if scores.divergence is not None and scores.same_top is not None:
        arrays |= {"divergence": scores.divergence, "same_top": scores.same_top.astype(np.uint8)}
    return Frame("scored", {}, arrays)


def scores_from_frame(frame: Frame) -> Scores:
    arrays = dict(frame.arrays)
    if "same_top" in arrays:
        arrays["same_top"] = arrays["same_top"].astype(np.bool_)
    scores = Scores(**arrays)
    shapes = {array.shape for array in arrays.values()}
    if len(shapes) != 1 or any(array.dtype.kind not in "fb" for array in arrays.values()):
        raise ValueError("scores that do not belong together")
    return scores


def refused_to_frame(trouble: RigTrouble) -> Frame:
    parts = {"what": trouble.what, "where": trouble.where, "found": trouble.found, "possible": trouble.possible}
    return Frame("refused", {**parts, "log_tail": trouble.log_tail})


def refused_from_frame(frame: Frame, of: type[Trouble]) -> Trouble:
    body = {**frame.body, "log_tail": tuple(frame.body["log_tail"])}
    what = body.pop("what")
    texts = (what, *(body.get(name) for name in ("where", "found", "possible")), *body["log_tail"])
    if not isinstance(what, str) or any(not isinstance(text, str | None) for text in texts):
        raise TypeError("a refusal in other words than texts")
    return of(what, **body)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
