"""Run directories from strangers: recorded ones whose records were replaced, with a chain that holds again.

An input is JSON lines: ``{"base": NAME, "profile": {DOTTED: VALUE}}``, then ``{"seq", "kind", "data"}`` for a record
that stands in the place of the recorded one, or behind the last one.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fuzz.target import Target
from pytest_rawrxd.errors import EvidenceProblem, RawrxdError
from pytest_rawrxd.evidence.believed import believed
from pytest_rawrxd.evidence.campaign import CARD, Campaign, Evidence, read_card
from pytest_rawrxd.evidence.canonical import canonical, plain, rounded, strict_loads
from pytest_rawrxd.evidence.identity import Identity
from pytest_rawrxd.evidence.ledger import FIRST, Record
from pytest_rawrxd.evidence.raw import load_raw
from pytest_rawrxd.measure.faults.window import DRILL, WINDOW
from pytest_rawrxd.places import package_data
from pytest_rawrxd.profile import Criterion, Profile, load_profile
from pytest_rawrxd.profile.profile import digest_of_resolved
from pytest_rawrxd.report.alerts.page import render_monitoring
from pytest_rawrxd.report.comparison import comparison_text
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.faults import METRICS as FAULT_METRICS
from pytest_rawrxd.report.faults import render_faults
from pytest_rawrxd.report.new_profile import profile_toml
from pytest_rawrxd.report.render import view_of
from pytest_rawrxd.report.soak_pages import METRICS as SOAK_METRICS
from pytest_rawrxd.report.soak_pages import days, render_soak
from pytest_rawrxd.report.soak_status import status_lines
from pytest_rawrxd.report.terminal import table
from pytest_rawrxd.verdict.comparison import compare_sides, to_dict
from pytest_rawrxd.verdict.judge import judge, judge_criterion, measured_item
from pytest_rawrxd.verdict.pilot import pilot
from pytest_rawrxd.verdict.sides import Side, campaign_side

DEFAULT = "embedded-phase2"
BASES = {name: package_data("fixtures") / "recordings" / name for name in ("h100-load-cuda", "h100-pilot-vulkan")}
#: Phase 2 of the rehearsal on a CPU, recorded: a soak, faults and a drill of the monitoring. Its load test is cut down
#: to four runs and the models' tensors to four each; one window of a fault has the bytes that it received.
BASES[DEFAULT] = Path(__file__).parent / "bases" / DEFAULT
LEDGER = "s001-main.jsonl"


@functools.cache
def recorded(base: str) -> tuple[dict[str, Any], ...]:
    """The records of a base, as they lie in its ledger."""
    lines = (BASES[base] / "ledger" / LEDGER).read_bytes().splitlines()
    return tuple(json.loads(line) for line in lines)


@functools.cache
def _card(base: str) -> bytes:
    return (BASES[base] / CARD).read_bytes()


@dataclass(frozen=True)
class Patched:
    """What an input makes of a base: its card, and its records without their chain."""

    base: str
    card: dict[str, Any]
    records: list[dict[str, Any]]


def patched(data: bytes) -> Patched:
    """The run that ``data`` describes; a line that describes nothing changes nothing.

    Raises EvidenceProblem where a value of the profile has no digest.
    """
    base, changes, patches = DEFAULT, dict[str, Any](), list[tuple[Any, dict[str, Any]]]()
    for line in data.splitlines():
        match _read(line):
            case {"base": str(named), **more}:
                base = named if named in BASES else base
                changes |= more["profile"] if isinstance(more.get("profile"), dict) else {}
            case {"kind": str(kind), "data": dict(told), **more}:
                patches.append((more.get("seq"), {"kind": kind, "data": told}))
    card, records = strict_loads(_card(base)), [dict(record) for record in recorded(base)]
    try:
        _promise(card, changes)
    except ValueError as error:
        raise EvidenceProblem("a promise has no canonical form") from error
    for at, new in patches:
        if type(at) is int and 1 <= at <= len(records):
            records[at - 1] |= new
        else:
            records.append(records[-1] | new)
    identity = Identity.from_dict(card["identity"]).digest
    return Patched(base, card, [record | {"identity": identity} for record in records])


def _read(line: bytes) -> Any:
    try:
        return strict_loads(line)
    except ValueError:
        return None


def _promise(card: dict[str, Any], changes: dict[str, Any]) -> None:
    """Replace values of the card's profile by their dotted names, and both digests by those that fit."""
    for name, value in changes.items():
        *folders, last = name.split(".")
        with contextlib.suppress(KeyError, TypeError):  # a name that leads nowhere
            functools.reduce(lambda found, key: found[key], folders, card["profile"])[last] = value
    if changes:
        card["profile"]["digest"] = card["identity"]["profile"] = digest_of_resolved(card["profile"])


def lay(data: bytes, place: Path) -> Path:
    """The run directory that ``data`` describes, below ``place``; its raw arrays are the recorded ones."""
    found = patched(data)
    source, run_dir = BASES[found.base], place / "run"
    for path in source.rglob("*"):
        if path.is_file() and path.parent.name != "ledger":
            copy = run_dir / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            try:
                copy.hardlink_to(path)
            except OSError:  # another file system
                shutil.copyfile(path, copy)
    (run_dir / CARD).unlink()
    (run_dir / CARD).write_text(json.dumps(found.card))
    (run_dir / "ledger").mkdir()
    previous, lines = FIRST, []
    for number, record in enumerate(found.records, 1):
        line = json.dumps(
            record | {"seq": number, "prev": previous, "id": f"s001-main-{number}"}, sort_keys=True
        ).encode()
        previous = hashlib.sha256(line).hexdigest()
        lines.append(line + b"\n")
    (run_dir / "ledger" / LEDGER).write_bytes(b"".join(lines))
    return run_dir


@dataclass(frozen=True)
class Remembering(Evidence):
    """Evidence whose raw arrays are those of ``base``: they are unpacked and checked once, not for every input."""

    base: str = DEFAULT

    def raw(self, ref: dict[str, Any]) -> dict[str, Any]:
        return dict(_arrays(BASES[self.base], json.dumps(ref, sort_keys=True)))


@functools.lru_cache(2048)
def _arrays(folder: Path, ref: str) -> dict[str, Any]:
    found = load_raw(folder, json.loads(ref))
    for array in found.values():
        array.flags.writeable = False  # a judge that changed one would change the next input
    return found


@functools.lru_cache(64)
def _campaign(base: str, card: str, place: Path) -> Campaign:
    """The card of a base, which few inputs change: reading one takes as long as judging a part."""
    (place / CARD).write_text(card)
    return replace(read_card(place), path=BASES[base])


def evidence_of(data: bytes, place: Path) -> Evidence:
    """The same as evidence in memory, without a ledger on disk; its raw arrays are read where they were recorded."""
    found = patched(data)
    campaign = _campaign(found.base, json.dumps(found.card), place)
    named = [each | {"seq": number, "id": f"s001-main-{number}"} for number, each in enumerate(found.records, 1)]
    return Remembering(campaign, tuple(Record(**each) for each in named), base=found.base)


def _read_whole(data: bytes, place: Path) -> Evidence:
    """A run directory read from the disk; its arrays, which no input changes, from where they were recorded."""
    evidence = Evidence.read(lay(data, place))
    return Remembering(evidence.campaign, evidence.records, base=patched(data).base)


def _judged(data: bytes, place: Path) -> None:
    evidence = _read_whole(data, place)
    verdicts = judge(evidence)
    canonical(verdicts)
    for entry in verdicts["criteria"]:
        _sound(entry)


def _sound(entry: Mapping[str, Any]) -> None:
    """A promise is kept by evidence that is named, and by finite figures."""
    assert entry["verdict"] != "PASS" or entry["evidence"], entry["id"]
    for name in ("estimate", "lower", "upper"):
        assert entry[name] is None or math.isfinite(entry[name]), entry["id"]


def _viewed(data: bytes, place: Path) -> None:
    evidence = _read_whole(data, place)
    view = view_of(evidence, judge(evidence))
    shown = table(view, width=100, colour=False)
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def _part(data: bytes, place: Path, *, mine: Callable[[Criterion], bool], pages: Callable[[RunView], Any]) -> None:
    """Some criteria of a run and the pages that are about them: a tenth of the time of the whole."""
    evidence = evidence_of(data, place)
    profile = evidence.campaign.profile
    with believed(BASES[DEFAULT], "judged"):
        entries = [judge_criterion(evidence, each) for each in profile.criteria.values() if mine(each)]
        for entry in entries:
            _sound(entry)
        state = {"state": "INCOMPLETE", "rehearsal": True, "sentence": "", "counts": {}, "unclaimed": 0}
        verdicts = rounded(plain({"criteria": entries, "state": {"2": state}, "validity": [], **_about(evidence)}))
        canonical(verdicts)
        view = view_of(evidence, verdicts)
    with believed(BASES[DEFAULT], "shown"):
        for page in pages(view):
            assert not STEERING & set(page)


def _about(evidence: Evidence) -> dict[str, Any]:
    profile = evidence.campaign.profile
    named = {"name": profile.name, "title": profile.title, "kind": profile.kind, "digest": profile.digest}
    run = {"id": "run", "suite": None, "started": None, "ended": None, "sessions": []}
    return {
        "run": run | {"identity": evidence.campaign.identity.to_dict()},
        "profile": named,
        "target": measured_item(evidence),
        "waivers": {},
        "comparisons": [],
    }


def _soak_pages(view: RunView) -> Iterator[str]:
    if view.soak is not None:
        yield render_soak(view, view.soak, (), days(view.soak))


def _fault_pages(view: RunView) -> Iterator[str]:
    if view.of(WINDOW) or view.of(DRILL):
        yield render_faults(view)


def _monitoring_pages(view: RunView) -> Iterator[str]:
    if (page := render_monitoring(view)) is not None:
        yield page


def _planned(data: bytes, place: Path) -> None:
    """A profile of another card from a pilot: whatever is written can be loaded."""
    base = _promised("rx7800xt")
    path = place / "planned.toml"
    path.write_text(profile_toml(pilot([evidence_of(data, place)], base), base), encoding="utf-8")
    load_profile(str(path), search=(package_data("fixtures") / "profiles",))


@functools.cache
def _promised(name: str) -> Profile:
    return load_profile(name, search=(package_data("fixtures") / "profiles",))


@functools.cache
def _side(base: str) -> Side:
    return campaign_side(Evidence.read(BASES[base]))


def _compared(data: bytes, place: Path) -> None:
    evidence = evidence_of(data, place)
    found = to_dict(compare_sides(_side(patched(data).base), campaign_side(evidence), evidence.campaign.profile))
    canonical(plain(found))
    comparison_text(found)


def _followed(data: bytes, place: Path) -> None:
    """What a person is told of a soak that runs."""
    status_lines(evidence_of(data, place), NOW, alive=lambda _pid, _started: True)


NOW = datetime(2026, 1, 2, tzinfo=UTC)
STEERING = frozenset("\x1b\x00\x07\u202e\u2066\u200b")
RUNS = (
    Target("run", _judged, (RawrxdError,)),
    Target("view", _viewed, (RawrxdError,), shares="run"),
    Target("pilot", _planned, (RawrxdError,), shares="run"),
    Target("compare", _compared, (RawrxdError,), shares="run"),
    Target("status", _followed, (RawrxdError,), shares="soak"),
    Target(
        "soak",
        functools.partial(
            _part,
            mine=lambda each: each.where.get("during") == "soak" or each.metric in SOAK_METRICS,
            pages=_soak_pages,
        ),
        (RawrxdError,),
    ),
    Target(
        "faults",
        functools.partial(
            _part,
            mine=lambda each: each.where.get("during") == "faults" or each.metric in FAULT_METRICS,
            pages=_fault_pages,
        ),
        (RawrxdError,),
    ),
    Target(
        "monitoring",
        functools.partial(_part, mine=lambda each: each.metric == "alerts_early", pages=_monitoring_pages),
        (RawrxdError,),
    ),
)
