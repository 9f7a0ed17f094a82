"""The bundle: every report of a run as files, rebuilt from the dossier alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from pytest_rawrxd.measure.faults.window import DRILL, WINDOW
from pytest_rawrxd.report.alerts.page import render_monitoring
from pytest_rawrxd.report.alone import below, folder_of, shown
from pytest_rawrxd.report.charts.canvas import Chart
from pytest_rawrxd.report.checklists import CHECKLISTS, render_checklist
from pytest_rawrxd.report.curves import phase1_curves, phase1_thumbnails
from pytest_rawrxd.report.documents import render_bandwidth, render_hybrid, render_matrix
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.evidence_page import render_evidence
from pytest_rawrxd.report.faults import render_faults
from pytest_rawrxd.report.levels import levels_csv
from pytest_rawrxd.report.load_pages import load_curves, load_thumbnails, render_load
from pytest_rawrxd.report.matrix import cells, performance_matrix, statistics_csv
from pytest_rawrxd.report.nine.write import FOLDER, nine_documents, renders
from pytest_rawrxd.report.signoff import render_signoff
from pytest_rawrxd.report.soak_pages import soak_files

CHARTS = "charts"


def bundle(view: RunView) -> Mapping[str, bytes]:
    """Return each report's bytes by its name relative to the run directory; the same view gives the same bytes.

    A sign-off page for each phase of the verdicts, the checklists and the way to the evidence; with decoding runs
    also the matrix, its statistics, the curves and the pages of Phase 1; with a load test its page, its table and its
    curves; with a drill of the monitoring its page; with a soak its report, its
    days and its curves; with faults the recovery procedures. Of a real engine also the nine documents, in docs/. Of
    several cards the load test, the faults and the soak of each but the first, in gpuN/.
    """
    thumbnails = {1: phase1_thumbnails, 2: load_thumbnails}
    drawn = shown(view)
    files = {
        f"signoff-phase{phase.number}.html": render_signoff(
            view, phase.number, charts=thumbnails[phase.number](drawn) if phase.number in thumbnails else ()
        ).encode()
        for phase in view.phases
    }
    files["evidence.html"] = render_evidence(view).encode()
    if drawn.runs:
        files |= _phase1(drawn)
    if (monitoring := render_monitoring(drawn)) is not None:
        files["monitoring_alerting.html"] = monitoring.encode()
    files |= _hardened(drawn)
    # After the pages that they lead to.
    files |= {f"{each.name}.html": render_checklist(drawn, each, tuple(files)).encode() for each in CHECKLISTS}
    for other in view.alone[1:]:
        files |= below(folder_of(other), _hardened(other), tuple(files))
    return files | _nine(drawn, files)


def write_files(files: Mapping[str, bytes], directory: Path) -> list[Path]:
    """Write ``files`` into ``directory`` and return the paths written; earlier ones of the run are replaced."""
    written = []
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # In one step, so that a reader never sees half a page.
        unfinished = path.with_name(f".{path.name}.tmp")
        unfinished.write_bytes(content)
        unfinished.replace(path)
        written.append(path)
    return written


def _phase1(view: RunView) -> dict[str, bytes]:
    curves = {chart.name: chart for chart in phase1_curves(view)}
    files = {
        "performance_matrix.csv": performance_matrix(view.runs).encode(),
        "performance_statistics.csv": statistics_csv(cells(view.runs, view.variants)).encode(),
        "performance_matrix.html": render_matrix(view, list(curves.values())).encode(),
        "bandwidth_analysis.html": render_bandwidth(view, [curves["time-per-token"]]).encode(),
        "hybrid_feasibility.html": render_hybrid(view).encode(),
    }
    return files | _drawn(curves.values())


def _hardened(view: RunView) -> dict[str, bytes]:
    """The pages of phase 2 that are about one device: load, faults, soak."""
    files: dict[str, bytes] = {}
    if view.levels:
        files |= _load_test(view)
    if view.of(WINDOW) or view.of(DRILL):
        files["error_handling.html"] = render_faults(view).encode()
    return files | soak_files(view)


def _load_test(view: RunView) -> dict[str, bytes]:
    curves = load_curves(view)
    return {
        "concurrency_load_test.html": render_load(view, curves).encode(),
        "concurrency_load_test.csv": levels_csv(view.levels).encode(),
        **_drawn(curves),
    }


def _nine(view: RunView, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The nine documents of phase 3, none of an engine that plays a script."""
    if not renders(view):
        return {}
    return {f"{FOLDER}/{name}": content for name, content in nine_documents(view, charts=drawn_names(files)).items()}


def drawn_names(files: Iterable[str]) -> frozenset[str]:
    """The names of the charts among the files of a bundle."""
    return frozenset(Path(name).stem for name in files if name.startswith(f"{CHARTS}/"))


def _drawn(charts: Iterable[Chart]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for chart in charts:
        files[f"{CHARTS}/{chart.name}.svg"] = chart.svg.encode()
        files[f"{CHARTS}/{chart.name}.png"] = chart.png
    return files
