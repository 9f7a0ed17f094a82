"""Where the nine documents may be written, and of which runs they may be made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_rawrxd.errors import CampaignProblem, UsageProblem
from pytest_rawrxd.evidence.campaign import Evidence, refuse_signed
from pytest_rawrxd.evidence.joined import join
from pytest_rawrxd.report.bundle import CHARTS, bundle, drawn_names, write_files
from pytest_rawrxd.report.nine.write import FOLDER, nine_documents
from pytest_rawrxd.report.render import view_of
from pytest_rawrxd.report.signing.inspect import inspect
from pytest_rawrxd.report.sums import write_sums
from pytest_rawrxd.verdict.judge import judge

JOINED = "docs-joined"  #: documents of several runs, in the first of them


def write_documents(run_dirs: Sequence[Path], output: Path | None) -> list[Path]:
    """Write the nine documents of ``run_dirs`` with their curves into ``output`` and return the paths.

    Without ``output`` they stand in the run directory. CampaignProblem where a run is not what its evidence gives (a
    page or verdict is older than it, a file was changed), or the runs are of two identities; UsageProblem for a
    rehearsal that is to be written outside of its run.
    """
    evidence = join([_whole(run_dir) for run_dir in run_dirs])
    first = run_dirs[0]
    view = view_of(evidence, judge(evidence))
    if view.rehearsal and output is not None and not output.resolve().is_relative_to(first.resolve()):
        raise UsageProblem(
            "documents of a REHEARSAL stay in its run directory",
            where="-o",
            found=str(output),
            possible=f"no -o, or a folder below {first}",
        )
    if output is None and len(run_dirs) == 1:
        return sorted((first / FOLDER).iterdir()) if nine_documents(view, charts=()) else []
    target = output or first / JOINED
    inside = target.resolve().is_relative_to(first.resolve())
    if inside:
        refuse_signed(first)
    files = bundle(view)
    charts = drawn_names(files)
    written = write_files(nine_documents(view, charts=charts, charts_at=CHARTS), target)
    written += write_files({name: found for name, found in files.items() if name.startswith(f"{CHARTS}/")}, target)
    if inside:
        write_sums(first)
    return written


def _whole(run_dir: Path) -> Evidence:
    found = inspect(run_dir)
    if found.problems or found.evidence is None:
        raise CampaignProblem(
            "this run is not what its evidence gives: no document is made of it",
            where=str(run_dir),
            found="; ".join(f"{problem.file}: {problem.what}" for problem in found.problems[:3]),
            possible="rawrxd judge RUN_DIR where its pages are merely old; else the run was changed",
        )
    return found.evidence
