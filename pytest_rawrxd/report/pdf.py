"""The sign-off page on paper: WeasyPrint, the same page giving the same bytes."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from pytest_rawrxd.errors import EvidenceProblem, UsageProblem

PRINTED = "signoff-phase*.pdf"
PAGES = "signoff-phase*.html"


def pdf_is_possible() -> bool:
    """Whether the extra that prints is installed."""
    return find_spec("weasyprint") is not None


def printed(page: str) -> bytes:
    """Return ``page`` as a PDF without dates, random names or anything from the network.

    Raises UsageProblem where the extra ``pdf`` or the system's Pango is missing.
    """
    try:
        from weasyprint import HTML  # noqa: PLC0415 - an extra, and slow to import
    except (ImportError, OSError) as missing:  # OSError: the package is there, the system's Pango is not
        raise UsageProblem(
            "this installation cannot print PDF",
            found=str(missing).splitlines()[0],
            possible="pip install 'pytest-rawrxd[pdf]', and Pango from the system (Debian: libpangoft2-1.0-0)",
        ) from missing
    content: bytes = HTML(string=page, url_fetcher=_nothing).write_pdf(pdf_identifier=b"", srgb=True)
    return content


def print_pages(run_dir: Path) -> list[Path]:
    """Print every sign-off page of ``run_dir`` beside it and return the paths.

    Raises EvidenceProblem where it has none.
    """
    pages = sorted(run_dir.glob(PAGES))
    if not pages:
        raise EvidenceProblem("this run has no pages to print", where=str(run_dir), possible="rawrxd judge RUN_DIR")
    files = {page.with_suffix(".pdf"): printed(page.read_text(encoding="utf-8")) for page in pages}
    for path, content in files.items():
        path.write_bytes(content)
    return list(files)


def _nothing(url: str, *_: object, **__: object) -> dict[str, object]:
    raise ValueError(f"a page fetches nothing: {url}")
