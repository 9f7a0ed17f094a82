"""Where the nine documents may be written, and of which runs they may be made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pytest_rawrxd.errors import CampaignProblem, UsageProblem
from pytest_rawrxd.evidence.campaign import Evidence, refuse_signed
from pytest_rawrxd.evidence.joined import join
from pytest_rawrxd.report.bundle import CHARTS, bundle, drawn_names, write_files
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.nine.site import site
from pytest_rawrxd.report.nine.write import FOLDER, JOINED, SITE, nine_documents
from pytest_rawrxd.report.render import view_of
from pytest_rawrxd.report.signing.inspect import inspect
from pytest_rawrxd.report.sums import write_sums
from pytest_rawrxd.verdict.judge import judge


def write_documents(
    run_dirs: Sequence[Path], output: Path | None, places: Sequence[Path] = (), *, as_site: bool = False
) -> list[Path]:
    """Write the nine documents of ``run_dirs`` with their curves into ``output`` and return the paths.

    Without ``output`` they stand in the run directory. ``as_site`` adds them as a static site, in a folder of its own.
    One of ``run_dirs`` may be a pool if it is the only one; its runs are looked for at ``places``.
    CampaignProblem where a run is not what its evidence gives (a page or verdict is older than it, a file was
    changed), or the runs are of two identities; UsageProblem for a rehearsal that is to be written outside of its run.
    """
    evidence = join([_whole(run_dir, places) for run_dir in run_dirs])
    first = run_dirs[0]
    view = view_of(evidence, judge(evidence))
    if view.rehearsal and output is not None and not output.resolve().is_relative_to(first.resolve()):
        raise UsageProblem(
            "documents of a REHEARSAL stay in its run directory",
            where="-o",
            found=str(output),
            possible=f"no -o, or a folder below {first}",
        )
    in_place = output is None and len(run_dirs) == 1
    there = sorted((first / FOLDER).iterdir()) if in_place and nine_documents(view, charts=()) else []
    if in_place and not as_site:
        return there
    target = output or (first if in_place else first / JOINED)
    inside = target.resolve().is_relative_to(first.resolve())
    if inside:
        refuse_signed(first)
    files = bundle(view)
    wanted = {} if in_place else dict(_documents(view, files))
    if as_site:
        wanted |= {f"{SITE}/{name}": content for name, content in site(view, files).items()}
    written = write_files(wanted, target)
    if inside:
        write_sums(first)
    return [*there, *written]


def _documents(view: RunView, files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """The documents with the curves that they show, as a folder holds both."""
    yield from nine_documents(view, charts=drawn_names(files), charts_at=CHARTS).items()
    yield from ((name, content) for name, content in files.items() if name.startswith(f"{CHARTS}/"))


def _whole(run_dir: Path, places: Sequence[Path]) -> Evidence:
    found = inspect(run_dir, places)
    if found.problems or found.evidence is None:
        raise CampaignProblem(
            "this run is not what its evidence gives: no document is made of it",
            where=str(run_dir),
            found="; ".join(f"{problem.file}: {problem.what}" for problem in found.problems[:3]),
            possible="rawrxd judge RUN_DIR where its pages are merely old; else the run was changed",
        )
    return found.evidence
