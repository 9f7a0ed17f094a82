"""``allure.html`` of a run directory, from its verdicts and pages alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.pooled import evidence_at
from pytest_rawrxd.report.allure.harden import harden
from pytest_rawrxd.report.allure.history import earlier
from pytest_rawrxd.report.allure.results import ended, results
from pytest_rawrxd.report.allure.settings import report_name, settings
from pytest_rawrxd.report.allure.tool import Tool, find
from pytest_rawrxd.report.bundle import write_files
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.publish import ALLURE, VERDICTS
from pytest_rawrxd.report.render import view_of
from pytest_rawrxd.verdict.judge import judge, verdict_bytes


def allure_page(run_dir: Path, places: Sequence[Path] = (), *, find_tool: Callable[[], Tool] = find) -> list[Path]:
    """Write ``allure.html`` into ``run_dir`` and return its path; of a pool, its runs are looked for at ``places``.

    UsageProblem where Node.js or the pinned packages are missing, EvidenceProblem where the run has no pages or its
    ``verdicts.json`` is not what its evidence says.
    """
    tool = find_tool()
    evidence = evidence_at(run_dir, places)
    view = view_of(evidence, judge(evidence))
    attachments = _attachments(run_dir, view)
    written = write_files({ALLURE: rendered_page(run_dir, view, attachments, tool).encode("utf-8")}, run_dir)
    return list(written)


def rendered_page(run_dir: Path, view: RunView, attachments: dict[str, bytes], tool: Tool) -> str:
    """Return the hardened page of ``view``; the runs beside ``run_dir`` are its history."""
    past = earlier(run_dir, view)
    with TemporaryDirectory(prefix="rawrxd-allure-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        files = results(view, attachments, said={"Earlier runs": past.said})
        write_files({f"results/{name}": content for name, content in files.items()}, folder)
        history, configured, output = folder / "history.jsonl", folder / "allurerc.json", folder / "page"
        history.write_bytes(past.to_jsonl())
        configured.write_text(json.dumps(settings(view, output=output, history=history)), encoding="utf-8")
        tool.generate(folder / "results", configured, instant_ms=ended(view))
        pages = [path for path in output.rglob("index.html") if "agent" not in path.parts]
        if len(pages) != 1:
            raise EvidenceProblem("Allure did not write one page", found=f"{len(pages)} pages", where=str(output))
        return harden(pages[0].read_text(encoding="utf-8"), report_name(view))


def _attachments(run_dir: Path, view: RunView) -> dict[str, bytes]:
    names = [*(f"signoff-phase{phase.number}.html" for phase in view.phases), VERDICTS]
    lacking = [name for name in names if not (run_dir / name).is_file()]
    if lacking or (run_dir / VERDICTS).read_bytes() != verdict_bytes(dict(view.verdicts)):
        raise EvidenceProblem(
            "the pages of this run are not what its evidence says",
            where=str(run_dir),
            found=f"no {', '.join(lacking)}" if lacking else f"another {VERDICTS}",
            possible="rawrxd judge RUN_DIR writes them",
        )
    return {name: (run_dir / name).read_bytes() for name in names}
