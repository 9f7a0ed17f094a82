"""Allure's single file made safe to hand over: it opens every time, and asks no other machine for anything.

As Allure 3.18 writes it, the application may start before the data is there and then shows a blank page, and a block
calls an analytics host. Here the data stands before the application, the block is gone, and a content security policy
names the digest of every script that may run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html import escape
from typing import Any

from pytest_rawrxd.errors import EvidenceProblem

ANALYTICS = re.compile(
    r"<script async src=\"https://www\.googletagmanager\.com/[^\"]*\"></script>\s*<script>.*?</script>", re.DOTALL
)
APPLICATION = re.compile(r"<script\s+src=\"data:text/javascript;base64,([A-Za-z0-9+/=]+)\"></script>")
#: Its one effect is a base element with the address of the page itself.
BASE = re.compile(r"<script>\s*const \{ origin, pathname \}.*?</script>", re.DOTALL)
DATA = re.compile(
    r"<script async>\s*window\.allureReportDataReady = false;.*?</script>\s*"
    r"<script defer>\s*Promise\.allSettled\(\[(.*)\]\)\s*\.then\(.*?</script>",
    re.DOTALL,
)
SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
FETCHED = re.compile(r"<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)\s*=\s*[\"'](?!data:)([^\"']*)", re.IGNORECASE)
CHARSET = '<meta charset="utf-8">'
BANNER = (
    '<div id="rawrxd-verdict" role="status" style="position:sticky;top:0;z-index:2147483646;'
    "padding:6px 24px;background:#1c1c1e;color:#fff;font:bold 14px/20px Arial,Helvetica,sans-serif;"
    'text-align:center">{}</div>'
)
POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline' data:; img-src data: blob:; "
    "font-src data:; media-src data: blob:; connect-src data: blob:; frame-src blob: data:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'"
)


def harden(page: str, verdict: str) -> str:
    """Return ``page``, as Allure 3.18 writes it, with its data first, no analytics and a content security policy.

    ``verdict`` stands above every view: the page itself counts tests, and a share of passed tests is no verdict.
    EvidenceProblem where a part is not found exactly once: another Allure wrote it, and nothing is known about it.
    """
    page = _without(ANALYTICS, page, "the analytics block")
    page = _without(BASE, page, "the base address")
    application = base64.b64decode(_once(APPLICATION, page, "the application")).decode("utf-8")
    data = _data(_once(DATA, page, "the report's data"))
    page = _without(DATA, page, "the report's data")
    first = f"window.allureReportData={_inline(data)};window.allureReportDataReady=true;"
    scripts = f"<script>{first}</script>\n<script>{_closed(application)}</script>"
    page = APPLICATION.sub(lambda _: scripts, page)
    if reached := FETCHED.search(page):
        raise EvidenceProblem("the page would fetch something", found=reached[1], possible="a page that stands alone")
    page = page.replace("<body>", f"<body>\n{BANNER.format(escape(verdict))}", 1)
    # Behind the encoding, which a browser looks for in the first 1024 bytes.
    return page.replace(CHARSET, f"{CHARSET}\n{_policy(page)}", 1)


def _policy(page: str) -> str:
    digests = (hashlib.sha256(script.encode()).digest() for script in SCRIPT.findall(page))
    scripts = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY.format(scripts=scripts)}">\n'
        '<meta name="referrer" content="no-referrer">'
    )


def _once(pattern: re.Pattern[str], page: str, what: str) -> str:
    found = list(pattern.finditer(page))
    if len(found) != 1:
        raise EvidenceProblem(
            f"{what} is not where Allure 3.18 puts it", found=f"{len(found)} of it", possible="the pinned packages"
        )
    return found[0][1] if pattern.groups else found[0][0]


def _without(pattern: re.Pattern[str], page: str, what: str) -> str:
    _once(pattern, page, what)
    return pattern.sub("", page)


def _data(calls: str) -> dict[str, Any]:
    """The arguments of ``d("name","value"),d(...)``."""
    decoder, found, at = json.JSONDecoder(), {}, 0
    while at < len(calls):
        name, behind = decoder.raw_decode(calls, at + len("d("))
        found[name], behind = decoder.raw_decode(calls, behind + len(","))
        at = behind + len("),")
    return found


def _inline(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _closed(script: str) -> str:
    """``script`` with nothing that ends or changes the element it stands in: inside strings the two read the same."""
    return re.sub(r"</(?=script)", r"<\\/", script, flags=re.IGNORECASE).replace("<!--", "\\x3c!--")
