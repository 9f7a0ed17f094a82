"""Is a run still what it says? Every digest computed again, every verdict and page derived again from raw evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_rawrxd.errors import EvidenceProblem, RawrxdError
from pytest_rawrxd.evidence.campaign import CARD, LOCK, SIGNATURES, Evidence
from pytest_rawrxd.evidence.canonical import canonical, file_digest, strict_loads
from pytest_rawrxd.evidence.isolated import refuse_hostile
from pytest_rawrxd.evidence.joined import pool, raw_name
from pytest_rawrxd.evidence.pooled import LISTING, POOL, PooledRun, changed, evidence_at, is_pool, located, read_pool
from pytest_rawrxd.evidence.raw import checked
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.nine.site import site, site_is_possible
from pytest_rawrxd.report.nine.write import SITE
from pytest_rawrxd.report.pdf import PRINTED, pdf_is_possible, printed
from pytest_rawrxd.report.publish import SUMS, VERDICTS, digests
from pytest_rawrxd.report.render import derived, view_of
from pytest_rawrxd.report.sums import differences
from pytest_rawrxd.verdict.judge import judge

NAMED = 3


@dataclass(frozen=True, order=True)
class Problem:
    """A file of the run directory that is not what it has to be, and why."""

    file: str
    what: str


@dataclass(frozen=True)
class Inspection:
    """What was found in a run directory. ``verdicts`` are derived anew; None where the evidence gives none."""

    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    evidence: Evidence | None = field(repr=False)
    verdicts: dict[str, Any] | None = field(repr=False)
    sums: str | None  #: SHA-256 of SHA256SUMS as it lies there
    files: int
    runs: tuple[PooledRun, ...] = ()  #: of a pool, as its list names them; none of one run


def inspect(run_dir: Path, places: Sequence[Path] = ()) -> Inspection:
    """Check every file of ``run_dir`` and derive what its evidence says. Raises EvidenceProblem where it is no run,
    or holds what would lead out of it.

    Of a pool or a publication, the folder and all of its runs, which are looked for at ``places``; default: beside it.
    """
    pooled = is_pool(run_dir)
    if not (pooled or (run_dir / CARD).is_file()):
        raise EvidenceProblem(
            "this is not a run directory", where=str(run_dir), found=f"no {CARD}", possible="a folder below reports/"
        )
    refuse_hostile(run_dir)
    problems: set[Problem] = set(_listed(run_dir))
    evidence = verdicts = None
    notes: list[str] = []
    runs: tuple[PooledRun, ...] = ()
    try:
        if pooled:
            runs = read_pool(run_dir)
        evidence = _pooled(run_dir, places, problems, notes) if pooled else evidence_at(run_dir, places)
        problems.update(_not_as_recorded(evidence))
        verdicts = judge(evidence)
        view = view_of(evidence, verdicts)
        files = derived(evidence, view)
        problems.update(_not_as_derived(run_dir, files))
        notes.extend(_printed(run_dir, files, problems))
        notes.extend(_site(run_dir, view, files, problems))
        notes.extend(_by_digest_only(run_dir, evidence, files))
    except RawrxdError as problem:
        problems.add(Problem(_file_of(run_dir, problem), _plain(problem)))
    except Exception as problem:  # a forged record may be of any shape: what cannot be judged does not hold
        what = f"the evidence cannot be judged: {type(problem).__name__} {problem}"
        problems.add(Problem(POOL if pooled else CARD, what))
    sums = file_digest(run_dir / SUMS) if (run_dir / SUMS).is_file() else None
    count = len(digests(run_dir, ["**/*"]))
    return Inspection(tuple(sorted(problems)), tuple(notes), evidence, verdicts, sums, count, runs)


def _pooled(folder: Path, places: Sequence[Path], problems: set[Problem], notes: list[str]) -> Evidence:
    """The evidence of the runs that ``folder`` pools, each of them checked as far as the pool rests on it."""
    runs = located(folder, places)
    for run, run_dir in runs:
        problems.update(Problem(f"{run.name}/{name}", found) for name, found in changed(run, run_dir))
        if (run_dir / SUMS).is_file():
            problems.update(Problem(f"{run.name}/{each.file}", each.what) for each in _listed(run_dir))
        else:
            notes.append(f"{run.name} has no {SUMS}: it was never judged alone, and its evidence is what counts here")
    return pool([Evidence.read(run_dir) for _, run_dir in runs])


def _listed(run_dir: Path) -> Iterator[Problem]:
    try:
        for difference in differences(run_dir):
            yield Problem(difference.file, difference.found)
    except EvidenceProblem as problem:
        yield Problem(SUMS, _plain(problem))


def _not_as_recorded(evidence: Evidence) -> Iterator[Problem]:
    """Raw files that are not as their record names them. Each is read once, however many records name it alike."""
    seen = set()
    for record in evidence.records:
        ref = record.data.get("raw")
        if ref and (said := canonical(ref)) not in seen:
            seen.add(said)
            try:
                checked(evidence.folder(ref), ref)
            except EvidenceProblem as problem:
                yield Problem(raw_name(ref), f"record {record.id}: {problem.what}")


def _not_as_derived(run_dir: Path, files: Mapping[str, bytes]) -> Iterator[Problem]:
    for name, content in files.items():
        path = run_dir / name
        if not path.is_file():
            yield Problem(name, "it is missing; the evidence gives it")
        elif (there := path.read_bytes()) != content:
            yield Problem(name, _difference(name, there, content))


def _difference(name: str, there: bytes, derived: bytes) -> str:
    if name == VERDICTS:
        return _verdict_difference(there, derived)
    if name == POOL:
        return "it is not the list that its runs give as they are now"
    return "it is not the page that the evidence gives, drawn by the matplotlib of this installation"


def _verdict_difference(there: bytes, derived: bytes) -> str:
    """Which criteria the file judges otherwise than the evidence does."""
    says = "it is not what the evidence gives"
    try:
        found = {entry["id"]: entry for entry in strict_loads(there)["criteria"]}
    except (ValueError, KeyError, TypeError, UnicodeDecodeError):
        return says
    wrong = [
        f"{entry['id']} is {found.get(entry['id'], {}).get('verdict')} there, {entry['verdict']} from the evidence"
        for entry in strict_loads(derived)["criteria"]
        if canonical(found.get(entry["id"], {})) != canonical(entry)
    ]
    more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    return f"{says}: {'; '.join(wrong[:NAMED])}{more}" if wrong else says


def _printed(run_dir: Path, files: Mapping[str, bytes], problems: set[Problem]) -> Iterator[str]:
    there = sorted(run_dir.glob(PRINTED))
    if there and not pdf_is_possible():
        yield f"{', '.join(path.name for path in there)}: held by digest, not printed again (needs the extra pdf)"
        return
    for path in there:
        page = path.with_suffix(".html").name
        if page not in files or printed(files[page].decode()) != path.read_bytes():
            problems.add(Problem(path.name, "it is not the print of the page that the evidence gives"))


def _site(run_dir: Path, view: RunView, files: Mapping[str, bytes], problems: set[Problem]) -> Iterator[str]:
    there = {file.name: (run_dir / file.name).read_bytes() for file in digests(run_dir, [f"{SITE}/**/*"])}
    if there and not site_is_possible():
        yield f"{SITE}/: held by digest, not built again (needs the extra site)"
        return
    given = {f"{SITE}/{name}": content for name, content in site(view, files).items()} if there else {}
    for name in sorted(there.keys() | given.keys()):
        if there.get(name) != given.get(name):
            problems.add(Problem(name, "it is not what the evidence gives, built by the Sphinx of this installation"))


def _by_digest_only(run_dir: Path, evidence: Evidence, files: Mapping[str, bytes]) -> Iterator[str]:
    """Files that nothing derives and no record names, such as the last array of a killed process: digests hold them."""
    given = {*files, SUMS, CARD, LOCK, LISTING, *(path.name for path in run_dir.glob(PRINTED))}
    recorded = {str(record.data["raw"]["file"]) for record in evidence.records if record.data.get("raw")}
    read = {f"ledger/{path.name}" for path in (run_dir / "ledger").glob("*.jsonl")}
    there = [file.name for file in digests(run_dir, ["**/*"]) if not file.name.startswith(f"{SIGNATURES}/")]
    others = [name for name in there if name not in given | recorded | read and not name.startswith(f"{SITE}/")]
    if others:
        more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
        yield f"held by digest, decide nothing: {', '.join(others[:NAMED])}{more}"


def _file_of(run_dir: Path, problem: RawrxdError) -> str:
    """The file that a problem names, relative to the run; the card, or a pool's list, where it names none."""
    named = POOL if is_pool(run_dir) else CARD
    name = (problem.where or named).replace("\\", "/").rsplit(":", 1)[0].removeprefix(f"{run_dir.as_posix()}/")
    if (run_dir / "ledger" / name).is_file():
        return f"ledger/{name}"
    return name if (run_dir / name).is_file() else named


def _plain(problem: RawrxdError) -> str:
    return f"{problem.what} ({problem.found})" if problem.found else problem.what
