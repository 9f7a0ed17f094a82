"""The nine documents as a small static site: built by Sphinx, opened from a disk as well as from a server.

No page has a script, and its policy lets none run: nothing is loaded but its own pictures and one sheet of style.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pytest_rawrxd.errors import SuiteDefect, UsageProblem
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.nine.trace import DOCUMENTS
from pytest_rawrxd.report.nine.write import BANNER, REHEARSAL, nine_documents
from pytest_rawrxd.rig.engine.environment import child_environment

Run = Callable[..., subprocess.CompletedProcess[Any]]

INDEX = "index"
CHARTS = "charts"
THEME = "site"  #: below templates/
#: GitHub draws it, a page without scripts cannot; the list behind it says the same.
DRAWING = re.compile(r"```mermaid\n.*?\n```\n\nThe same as a list, with the reasons:\n\n", re.DOTALL)
#: Syntax that GitHub does not have: what a run calls its parts must not become markup.
ONLY_OURS = ("myst_role", "myst_target", "myst_block_break", "myst_line_comment", "substitution", "colon_fence")
KEPT = ("*.html", "_images/*", "_downloads/**/*", "_static/site.css")
UNUSED = frozenset({"search.html", "genindex.html"})


def site_is_possible() -> bool:
    """Whether the extra that builds a site is installed."""
    return find_spec("sphinx") is not None and find_spec("myst_parser") is not None


def site(view: RunView, files: Mapping[str, bytes], *, run: Run = subprocess.run) -> dict[str, bytes]:
    """Return the site by file name; ``files`` is the run's bundle with its curves. The same evidence, the same bytes.

    Raises UsageProblem without the extra ``site``, and SuiteDefect where Sphinx complains of a page.
    """
    if not site_is_possible():
        raise UsageProblem(
            "this installation cannot build a site",
            found="no Sphinx with the MyST parser",
            possible="pip install 'pytest-rawrxd[site]'",
        )
    curves = {
        name: content for name, content in files.items() if name.startswith(f"{CHARTS}/") and name.endswith(".svg")
    }
    documents = nine_documents(view, charts={Path(name).stem for name in curves}, charts_at=CHARTS)
    prefix = REHEARSAL if view.rehearsal else ""
    with TemporaryDirectory(prefix="rawrxd-site-") as temporary:
        source, built = Path(temporary) / "source", Path(temporary) / "built"
        for name, content in {**curves, **documents, **dict(_pages(documents, prefix))}.items():
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        _build(source, built, Path(temporary) / "doctrees", prefix, run)
        found = sorted({path for pattern in KEPT for path in built.glob(pattern) if path.is_file()})
        return {
            name: path.read_bytes()
            for path in found
            for name in [path.relative_to(built).as_posix()]
            if name not in UNUSED
        }


def _pages(documents: Mapping[str, bytes], prefix: str) -> Iterator[tuple[str, bytes]]:
    """Yield what Sphinx reads in place of a document, and the page that leads to all of them."""
    listed = []
    for name in DOCUMENTS:
        stem = f"{prefix}{Path(name).stem}"
        listed.append(stem)
        text = documents[f"{prefix}{name}"].decode()
        if name.endswith(".md"):
            yield f"{stem}.md", DRAWING.sub("", text).encode()
        else:
            yield f"{stem}.md", f"# Visual summary\n\n```text\n{text}```\n".encode()  # each line of it is boxed
    tree = "".join(f"   {stem}\n" for stem in listed)
    yield (
        f"{prefix}{INDEX}.rst",
        f"The nine documents\n==================\n\n.. toctree::\n   :maxdepth: 1\n\n{tree}".encode(),
    )


def _build(source: Path, built: Path, trees: Path, prefix: str, run: Run) -> None:
    """Build in a process of its own: Sphinx registers its parts once a process, and complains at the second build."""
    settings = {
        "root_doc": f"{prefix}{INDEX}",
        "extensions": "myst_parser",
        "myst_disable_syntax": ",".join(ONLY_OURS),
        "html_theme": THEME,
        "html_theme_path": str(Path(__file__).parents[1] / "templates"),
        "html_copy_source": "0",
        "html_use_index": "0",
        "html_permalinks": "0",
        "smartquotes": "0",  # words of a run, and options of a command, stay what they are
        "highlight_language": "none",
    }
    chosen = [part for name, value in settings.items() for part in ("-D", f"{name}={value}")]
    # -C: no conf.py, so that nothing of the run is executed.
    command = [sys.executable, "-m", "sphinx", "-C", "-q", "--no-color", "-b", "html", "-d", str(trees), *chosen]
    banner = ["-A", f"banner={BANNER}"] if prefix else []
    called = {"capture_output": True, "text": True, "check": False, "env": child_environment(os.environ)}
    done = run([*command, *banner, str(source), str(built)], **called)
    if done.returncode or done.stderr.strip():
        said = done.stderr.strip().replace(str(source), "").splitlines() or [f"exit code {done.returncode}"]
        raise SuiteDefect("Sphinx complains of a document", found=said[0])
