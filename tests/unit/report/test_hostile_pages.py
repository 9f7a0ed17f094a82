"""Every page of a run whose every word is an attack, in a real browser: no script runs and no request leaves."""

from __future__ import annotations

import re
import shutil
import socketserver
import subprocess
import threading
import unicodedata
import warnings
from pathlib import Path

import pytest
from fuzz.runs import BASES
from markdown_it import MarkdownIt

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.ledger import Record
from pytest_rawrxd.report.charts.canvas import draw
from pytest_rawrxd.report.github import job_summary, workflow_commands
from pytest_rawrxd.report.nine.site import site, site_is_possible
from pytest_rawrxd.report.nine.trace import cell
from pytest_rawrxd.report.plain import HIDDEN
from pytest_rawrxd.report.render import rendered, view_of
from pytest_rawrxd.report.terminal import table
from pytest_rawrxd.verdict.judge import judge

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
TEMPLATES = Path(__file__).parents[3] / "pytest_rawrxd" / "report" / "templates"
PARTS = ("base.html.j2", "parts.html.j2", "page.css.j2")
SHOWN = (".html", ".svg", ".md", ".txt", ".csv")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--virtual-time-budget=3000"),
)
#: Words of a record that a run cannot do without: which metric, which variant, which file.
KEPT = frozenset(
    {
        *("raw", "kind", "variant", "tokens", "type", "device_kind", "backend", "binding", "file", "sha256", "unit"),
        *("metric", "mode", "spec", "during", "name", "at", "sampling", "format", "verdict", "phase", "id", "tests"),
        *("role", "caught", "missed", "alarmed", "level", "source", "sources", "engine"),
        *("entries", "activity", "memory", "stage", "dialect", "cause", "target", "part", "end", "severity"),
        "criterion",
    }
)
#: Why an engine process began or a soak ended: a page has words of its own for each.
OF_OURS = frozenset({"first", "restart", "finished"})


class Counted(socketserver.ThreadingTCPServer):
    """Counts connections; answers nothing."""

    daemon_threads = True

    def __init__(self) -> None:
        self.seen = 0
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)

    def process_request(self, request, client_address) -> None:
        self.seen += 1
        super().process_request(request, client_address)


@pytest.fixture(scope="module")
def listener():
    with Counted() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


def attack(port: int) -> str:
    to = f"http://127.0.0.1:{port}"
    return (
        f"\"'></title></style></svg></td><script>document.title='PWNED';fetch('{to}/f')</script>"
        f"<img src={to}/i onerror=\"document.title='PWNED'\"><link rel=stylesheet href={to}/l>"
        f"<iframe src={to}/r></iframe><style>@import url({to}/c);body{{background:url({to}/b)}}</style>"
        f'<meta http-equiv=refresh content="0;url={to}/m"><svg onload="document.title=\'PWNED\'">'
        f"<form action={to}/o><button autofocus onfocus=\"document.title='PWNED'\">"
        "``` {raw}`html <b>` {download}`/etc/hostname` [x]: y {{ banner }} (z)= +++ :::{raw} html "
        f"]]>-->{{{{ 7*7 }}}}${{jndi}}$x$ [a](javascript:alert) | ::error::x \u202e\u2066\x1b[31m\x07\u200b"
    )


def poisoned(value, words):
    match value:
        case dict():
            found = {key: item if key in KEPT else poisoned(item, words) for key, item in value.items()}
            # Devices are named by the log of the server.
            return {f"{key}{words}": item for key, item in found.items()} if set(value) & {"CPU_Mapped"} else found
        case list():
            return [poisoned(item, words) for item in value]
        case str() if value not in OF_OURS:
            return value + words
    return value


def hostile(base: str, words: str):
    """Evidence and verdicts of a recorded run with ``words`` behind every text that decides nothing."""
    evidence = Evidence.read(BASES[base])
    verdicts = judge(evidence)
    records = tuple(Record(**(vars(each) | {"data": poisoned(each.data, words)})) for each in evidence.records)
    verdicts["run"]["id"] += words
    verdicts["run"]["suite"] += words
    for part in ("profile", "target"):
        verdicts[part] |= {key: poisoned(item, words) for key, item in verdicts[part].items() if key not in KEPT}
    for state in verdicts["state"].values():
        state["sentence"] += words
    for entry in verdicts["criteria"]:
        for key in ("title", "source", "reason", "method", "bound_at", "next"):
            entry[key] = poisoned(entry[key], words)
        entry["claimed_by"] = [name + words for name in entry["claimed_by"]]
    return view_of(Evidence(evidence.campaign, records), verdicts)


@pytest.fixture(scope="module", params=["h100-pilot-vulkan", "h100-load-cuda", "embedded-phase2"])
def attacked(request, listener):
    return hostile(request.param, attack(listener.server_address[1]))


@pytest.fixture(scope="module")
def files(attacked):
    """Every file of the run, drawn once."""
    return rendered(attacked)


@pytest.fixture(scope="module")
def sited(attacked, files):
    """The documents as a site, by file name."""
    if not site_is_possible():
        pytest.skip("the extra site is not installed")
    return site(attacked, files)


def opened(page: Path, profile: Path) -> str:
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def as_html(name: str, content: bytes) -> str:
    """A document as a viewer shows it that lets HTML through."""
    body = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(content.decode())
    return f"<!doctype html><meta charset=utf-8><title>{name}</title>{body}"


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine to open the pages with")
def test_no_script_runs_and_no_request_leaves(files, attacked, listener, tmp_path):
    pages = {name: content for name, content in files.items() if name.endswith((".html", ".svg"))}
    pages |= {f"{name}.html": as_html(name, files[name]).encode() for name in files if name.endswith(".md")}
    pages["summary.html"] = as_html("summary", job_summary(attacked).encode()).encode()
    frames = []
    for name, content in pages.items():
        path = tmp_path / name.replace("/", "-")
        path.write_bytes(content)
        frames.append(f"<iframe src={path.name!r}></iframe>")
    before = listener.seen
    # One browser opens all of them: a page in a frame obeys its own policy.
    (tmp_path / "all.html").write_text("".join(frames))
    opened(tmp_path / "all.html", tmp_path / "user")
    shown = opened(tmp_path / "signoff-phase1.html", tmp_path / "user")

    assert len(pages) >= 6
    assert sum(name.endswith(".md.html") for name in pages) in (0, 8)
    assert listener.seen == before
    assert "PWNED" in shown  # as a text that a reader sees
    assert not re.search(r"<title>\s*PWNED", shown)

    # The same words on a page without our care do run: what was tested above can fail.
    careless = tmp_path / "careless.html"
    careless.write_text(f"<title>x</title><p>{attack(listener.server_address[1])}", encoding="utf-8")
    opened(careless, tmp_path / "user")
    assert listener.seen > before


OF_THE_SITE = pytest.mark.parametrize("attacked", ["embedded-phase2"], indirect=True)


@OF_THE_SITE
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine to open the pages with")
def test_no_script_runs_in_the_site_and_no_request_leaves_it(sited, listener, tmp_path):
    frames = []
    for name, content in sited.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if name.endswith((".html", ".svg")):
            frames.append(f"<iframe src='site/{name}'></iframe>")
    before = listener.seen
    (tmp_path / "all.html").write_text("".join(frames))
    opened(tmp_path / "all.html", tmp_path / "user")
    shown = opened(tmp_path / "site" / "REHEARSAL-EXECUTIVE_SUMMARY.html", tmp_path / "user")

    assert len(frames) >= 10
    assert listener.seen == before
    assert "PWNED" in shown  # as a text that a reader sees
    assert not re.search(r"<title>\s*PWNED", shown)


@OF_THE_SITE
def test_a_page_of_the_site_holds_no_element_of_a_run(sited):
    """With their policy, pages could hold elements without effect; they hold none."""
    pages = {name: content.decode() for name, content in sited.items() if name.endswith(".html")}

    assert len(pages) == 10
    for name, page in pages.items():
        (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
        assert policy.startswith("default-src 'none'; img-src 'self' file:; style-src 'self' file:;"), name
        elements = [element for element in re.findall(r"<[a-z][^>]*>", page) if element != '<meta charset="utf-8">']
        assert not [each for each in elements if re.search(r"127\.0\.0\.1|PWNED|javascript|\son\w+\s*=", each)], name
        kinds = {re.match(r"<([a-z0-9]+)", each)[1] for each in elements}
        assert not kinds & {"script", "iframe", "style", "form", "button", "svg", "object", "embed", "base"}, name
        assert re.findall(r'<meta http-equiv="([^"]*)"', page) == ["Content-Security-Policy"]
        assert "hostname" not in " ".join(each for each in elements), name
        hidden = {letter for letter in page if unicodedata.category(letter) in HIDDEN} - {"\n", "\t", "\r"}
        assert not hidden, name
    assert not [name for name in sited if "hostname" in name]


def test_a_document_without_our_care_would_do_what_its_words_say(listener):
    """The control of what was tested above: a viewer of Markdown lets HTML, links and images through."""
    port = listener.server_address[1]

    assert "<script>" in as_html("x", attack(port).encode())
    assert "<img" in as_html("x", f"![a](http://127.0.0.1:{port}/i)".encode())
    assert "<img" not in as_html("x", cell(f"![a](http://127.0.0.1:{port}/i) ![b][c] [c]: http://x").encode())
    assert "<img" in as_html("x", f"<!-- e: key a-->{attack(port)} -->text<!-- / -->".encode())


def test_no_form_of_a_run_holds_a_character_that_steers(files, attacked):
    forms = {name: content.decode() for name, content in files.items() if name.endswith(SHOWN)}
    forms |= {"terminal": table(attacked, width=120, colour=False), "summary": job_summary(attacked)}

    for name, text in forms.items():
        steering = {character for character in text if unicodedata.category(character) in HIDDEN} - {"\n", "\t", "\r"}
        assert not steering, name
        assert "7*7" in text.replace("\\", "") or name.endswith((".svg", ".csv")) or "49" not in text


def test_the_summary_and_the_annotations_of_github_are_one_line_each(attacked):
    summary, commands = job_summary(attacked), workflow_commands(attacked)

    assert not re.search(r"(?<!\\)<|(?<!\\)\]\(javascript", summary)
    assert all(re.match(r"::(error|warning|notice) title=", line) for line in commands.splitlines())


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html.j2")), ids=lambda path: path.name)
def test_a_template_is_a_page_of_the_one_base_with_its_policy(path):
    text = path.read_text(encoding="utf-8")

    assert path.name in PARTS or re.match(r'\{% extends "(base|document)\.html\.j2" %\}', text)
    assert set(re.findall(r"\{\{([^}]*)\|\s*safe", text)) <= {" chart.inline "}  # matplotlib's, tested below
    assert not re.search(r"<script|\son\w+=|javascript:|https?://|<(iframe|object|embed|link|form|base)\b", text)
    assert ("Content-Security-Policy" in text) is (path.name == "base.html.j2")


def test_every_page_carries_the_strict_policy(files):
    pages = [content.decode() for name, content in files.items() if name.endswith(".html")]

    for page in pages:
        (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
        assert policy.startswith("default-src &#39;none&#39;; style-src-elem &#39;sha256-")
        assert "script" not in policy


def test_a_chart_shows_words_as_outlines_and_nothing_else():
    words = attack(9)

    def paint(axes):
        axes.plot([1, 2], label=words)
        axes.set_title(words)
        axes.legend()

    # A font lacks the invisible characters, and says so.
    with warnings.catch_warnings(action="ignore"):
        page = draw("x", "caption", "alt", paint, inches=(4, 3)).inline

    outside = re.sub(r"<!--.*?-->", "", page, flags=re.DOTALL)
    assert not re.search(r"<(script|img|iframe|form|meta|link)|on\w+=|https?:", outside)
