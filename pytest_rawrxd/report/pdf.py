"""The sign-off page on paper: WeasyPrint, the same page giving the same bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pytest_rawrxd.errors import EvidenceProblem, UsageProblem
from pytest_rawrxd.rig.engine.environment import child_environment

PRINTED = "signoff-phase*.pdf"
PAGES = "signoff-phase*.html"
#: The families that the pages name first, in the fonts that come with matplotlib: a print depends on no installed font.
FONTS = (
    ("Segoe UI", "normal", "DejaVuSans.ttf"),
    ("Segoe UI", "bold", "DejaVuSans-Bold.ttf"),
    ("DejaVu Sans", "normal", "DejaVuSans.ttf"),
    ("DejaVu Sans", "bold", "DejaVuSans-Bold.ttf"),
    ("DejaVu Sans Mono", "normal", "DejaVuSansMono.ttf"),
    ("DejaVu Sans Mono", "bold", "DejaVuSansMono-Bold.ttf"),
)


def pdf_is_possible() -> bool:
    """Whether the extra that prints is installed."""
    return find_spec("weasyprint") is not None


@contextmanager
def _few_variables() -> Iterator[None]:
    """WeasyPrint looks for Pango, for which Python starts compiler and linker with every variable that there is."""
    whole = dict(os.environ)
    few = child_environment(whole)
    try:
        os.environ.clear()
        os.environ.update(few)
        yield
    finally:
        os.environ.clear()
        os.environ.update(whole)


def printed(page: str) -> bytes:
    """Return ``page`` as a PDF without dates, random names or anything from the network.

    Raises UsageProblem where the extra ``pdf`` or the system's Pango is missing.
    """
    from matplotlib import get_data_path  # noqa: PLC0415 - heavy, and only a print needs its fonts

    try:
        with _few_variables():
            from weasyprint import CSS, HTML  # noqa: PLC0415 - an extra, and slow to import
            from weasyprint.text.fonts import FontConfiguration  # noqa: PLC0415
            from weasyprint.urls import URLFetcher, URLFetcherResponse  # noqa: PLC0415
    except (ImportError, OSError) as missing:  # OSError: the package is there, the system's Pango is not
        raise UsageProblem(
            "this installation cannot print PDF",
            found=str(missing).splitlines()[0],
            possible="pip install 'pytest-rawrxd[pdf]', and Pango from the system (Debian: libpangoft2-1.0-0)",
        ) from missing
    folder = Path(get_data_path()) / "fonts" / "ttf"
    known = {(folder / file).as_uri(): folder / file for _, _, file in FONTS}

    class OnlyFonts(URLFetcher):  # type: ignore[misc]  # WeasyPrint publishes no types
        def fetch(self, url: str, headers: object = None) -> Any:  # noqa: ARG002 - of the base class
            if url not in known:
                raise ValueError(f"a page fetches nothing: {url}")
            return URLFetcherResponse(url, known[url].read_bytes())

    fetch = OnlyFonts()
    fonts = FontConfiguration()
    faces = "".join(
        f"@font-face{{font-family:'{family}';font-weight:{weight};src:url('{(folder / file).as_uri()}')}}"
        for family, weight, file in FONTS
    )
    style = CSS(string=faces, font_config=fonts, url_fetcher=fetch)
    content: bytes = HTML(string=page, url_fetcher=fetch).write_pdf(
        stylesheets=[style], font_config=fonts, pdf_identifier=b"rawrxd"
    )
    return content


def print_pages(run_dir: Path) -> list[Path]:
    """Print every sign-off page of ``run_dir`` beside it and return the paths. EvidenceProblem where it has none."""
    pages = sorted(run_dir.glob(PAGES))
    if not pages:
        raise EvidenceProblem("this run has no pages to print", where=str(run_dir), possible="rawrxd judge RUN_DIR")
    files = {page.with_suffix(".pdf"): printed(page.read_text(encoding="utf-8")) for page in pages}
    for path, content in files.items():
        path.write_bytes(content)
    return list(files)
