"""The sign-off document of a phase: page one decides, page two proves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_rawrxd.report import number
from pytest_rawrxd.report.approval import approval_options
from pytest_rawrxd.report.cards import card_rows
from pytest_rawrxd.report.charts.canvas import Chart
from pytest_rawrxd.report.checklists import CHECKLISTS, answered, done
from pytest_rawrxd.report.comparison import rows
from pytest_rawrxd.report.deviations import deviations
from pytest_rawrxd.report.dossier import Phase, RunView
from pytest_rawrxd.report.exhibits import exhibits, references
from pytest_rawrxd.report.judged import Judged
from pytest_rawrxd.report.matrix import cells
from pytest_rawrxd.report.milestones import milestones
from pytest_rawrxd.report.page import render
from pytest_rawrxd.verdict.outcome import Verdict

UNPROVEN = (Verdict.FAIL, Verdict.INVALID, Verdict.INCONCLUSIVE, Verdict.NOT_MEASURED, Verdict.NOT_APPLICABLE)

SHA256_DIGITS = 64
UNREPORTED = "not reported"


@dataclass(frozen=True)
class Row:
    """One line of the criteria table."""

    judged: Judged
    margin: str
    refs: str
    finding: str  #: what a fact rests on, "" for a measured quantity


def render_signoff(view: RunView, phase: int, *, charts: Sequence[Chart] = ()) -> str:
    """Return ``signoff-phaseN.html`` for one phase of ``view``; ``charts`` are the curves of page two."""
    shown = view.phase(phase)
    files = exhibits(view)
    return render(
        "signoff.html.j2",
        view,
        title=shown.title,
        document=f"{view.verdicts['run']['id']} / P{phase}",
        rehearsal=shown.rehearsal,
        phase=shown,
        rows=[
            Row(judged, judged.margin, references(judged, files), _finding(judged))
            for judged in shown.criteria
            if judged.verdict is not Verdict.NOT_APPLICABLE
        ],
        excused=[judged for judged in shown.criteria if judged.verdict is Verdict.NOT_APPLICABLE],
        options=approval_options(shown),
        comparisons=[(each, rows(each)) for each in view.verdicts["comparisons"]],
        errors=[broken for broken in view.validity if broken.is_error and phase in broken.phases],
        waived=[judged for judged in shown.criteria if judged.waiver],
        milestones=milestones(view),
        deviations=tuple(deviations(view, shown)),
        checklists=[
            (checklist, done(lines), len(lines)) for checklist in CHECKLISTS for lines in [answered(view, checklist)]
        ],
        unproven=unproven(shown),
        limits_of_claim=tuple(_limits_of_claim(view)),
        item=tuple(_item(view)),
        cards=card_rows(view),
        environment=tuple(_environment(view)),
        gates=tuple(_flat(view.profile.gates)),
        exhibits=files,
        charts=charts,
    )


@dataclass(frozen=True)
class Unproven:
    """Criteria that share a verdict, its reason and what to do about it."""

    ids: tuple[str, ...]
    verdict: Verdict
    reason: str
    next: str | None


def unproven(phase: Phase) -> tuple[Unproven, ...]:
    """Return what is not kept, worst first; a hundred criteria without a test are one line and not a hundred."""
    groups: dict[tuple[Verdict, str, str | None], list[str]] = {}
    for verdict in UNPROVEN:
        for judged in phase.criteria:
            if judged.verdict is verdict and (not judged.informative or verdict is Verdict.NOT_APPLICABLE):
                groups.setdefault((verdict, judged.reason, judged.next), []).append(judged.id)
    return tuple(Unproven(tuple(ids), *key) for key, ids in groups.items())


def _finding(judged: Judged) -> str:
    """The reason behind a yes or no: of what is open, section 6 says it."""
    return judged.reason if isinstance(judged.limit, bool) and judged.estimate is not None else ""


def _limits_of_claim(view: RunView) -> Iterator[str]:
    """What no verdict here says, taken from what was run."""
    tokens = sorted({run.tokens for run in view.runs})
    if tokens:
        lengths = ", ".join(map(str, tokens))
        yield f"Generations of {lengths} tokens were measured; other lengths and contexts are outside this claim."
    runs = {session.rpartition(".")[0] for session in map(str, view.verdicts["run"]["sessions"])}
    machines = "One machine was" if len(runs) < 2 else f"{len(runs)} runs on machines of one kind were"
    yield f"{machines} measured: nothing is claimed about another board, driver or system."
    partial = sorted({run.variant for run in view.runs if run.partial_offload})
    if partial:
        yield f"PARTIAL OFFLOAD: {', '.join(partial)} did not fit the device; the figures hold for that split only."


def _item(view: RunView) -> Iterator[tuple[str, str | tuple[str, ...]]]:
    verdicts = view.verdicts
    run, target, profile = verdicts["run"], verdicts["target"], verdicts["profile"]
    yield "Target", target["item"]
    yield "Measured", f"{target['measured']}{'' if target['matches'] else ' (not the target)'}"
    engine = run["identity"].get("engine") or {}
    # "Measured" names it; build flags and library names stand in the campaign's card.
    identified = {key: engine[key] for key in ("device", "library_sha256") if engine.get(key)}
    yield "Engine", _sentence(identified).lstrip(", ") or UNREPORTED
    models = run["identity"].get("models") or {}
    yield "Models", tuple(f"{variant:<7}{digest[:12]}…" for variant, digest in sorted(models.items()))
    yield "Profile", f"{profile['name']} ({profile['kind']}), sha256 {profile['digest'][:24]}…"
    yield "Run", f"{run['id']}, sessions {', '.join(map(str, run['sessions']))}, {run['suite'] or UNREPORTED}"


def _environment(view: RunView) -> Iterator[tuple[str, str]]:
    machine = view.machine
    system = {"os": "{}", "python": "Python {}"}
    yield (
        "System",
        ", ".join(said.format(machine[key]) for key, said in system.items() if machine.get(key)) or UNREPORTED,
    )
    yield "CPU", _cpu(machine)
    yield "Memory", _memory(machine)
    gpus = machine.get("gpus")
    yield "GPU", UNREPORTED if gpus is None else "; ".join(map(_sentence, gpus)) or "none"
    yield "Driver", str(view.verdicts["run"]["identity"].get("driver") or "none")
    spread = [cell.cv for cell in cells(view.runs, view.variants) if cell.cv is not None]
    yield "Run-to-run CV", f"at most {number.percent(max(spread))}, {len(spread)} cells" if spread else "not measured"
    foreign = [run.foreign_share for run in view.runs if run.foreign_share is not None]
    yield "Other CPU load", f"at most {number.percent(max(foreign))} of the cores" if foreign else "not measured"


def _cpu(machine: Mapping[str, Any]) -> str:
    cores = f"{machine['cores']} cores" if machine.get("cores") else ""
    return ", ".join(filter(None, [str(machine.get("cpu") or ""), cores])) or UNREPORTED


def _memory(machine: Mapping[str, Any]) -> str:
    said = {"memory_bytes": "{}", "llc_bytes": "last-level cache {}"}
    sizes = [words.format(number.size(machine[key])) for key, words in said.items() if machine.get(key)]
    read = machine.get("read_bandwidth")
    speed = [f"reads {number.number(read['bytes_per_s'] / 1e9, 'GB/s')}"] if read else []
    return ", ".join([*sizes, *speed]) or UNREPORTED


def _sentence(value: Any) -> str:
    """A thing in words: its name first, sizes as sizes, digests cut."""
    if not isinstance(value, Mapping):
        return str(value)
    named = [str(value[key]) for key in ("name", "version") if value.get(key)]
    rest = [f"{key.removesuffix('_bytes')} {_short(key, item)}" for key, item in _flat(value)]
    return ", ".join([" ".join(named), *(text for text in rest if text.split(" ")[0] not in {"name", "version"})])


def _short(key: str, text: str) -> str:
    if key.endswith("_bytes") and text.isdigit():
        return number.size(int(text))
    return f"{text[:16]}…" if len(text) == SHA256_DIGITS and " " not in text else text


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key in sorted(value):
        if isinstance(value[key], Mapping):
            yield from _flat(value[key], f"{prefix}{key}.")
        elif value[key] not in (None, "", [], ()):
            yield f"{prefix}{key}", str(value[key])
