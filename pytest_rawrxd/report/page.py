"""HTML pages: escaped by default, without scripts, addresses or the network, good on screen and on paper."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pytest_rawrxd.report import number
from pytest_rawrxd.report.bar import bar
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.groups import target
from pytest_rawrxd.report.plain import plain
from pytest_rawrxd.report.sign import SIGNS, STATE_CSS

REHEARSAL = "REHEARSAL – can never be signed as accepted"


def render(template: str, view: RunView, *, title: str, document: str, rehearsal: bool, **context: Any) -> str:
    """Return a page of ``templates/``; the same view gives the same bytes.

    ``document`` identifies it in the footer of every printed page. The content security policy allows one style
    element, by its digest, and the style attributes of the charts; nothing else loads or runs.
    """
    running = f"{document} · results sha256 {view.digest[:16]}…"
    css = (
        _environment()
        .get_template("page.css.j2")
        .render(running=css_string(running), banner=css_string(REHEARSAL) if rehearsal else None)
    )
    fingerprint = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode("ascii")
    return (
        _environment()
        .get_template(template)
        .render(
            view=view,
            title=title,
            document=document,
            running=running,
            rehearsal=REHEARSAL if rehearsal else None,
            css=Markup(css),  # noqa: S704 - our own template; what comes from outside went through css_string
            csp=f"default-src 'none'; style-src-elem 'sha256-{fingerprint}'; style-src-attr 'unsafe-inline'; "
            "base-uri 'none'; form-action 'none'",
            **context,
        )
    )


def css_string(text: str) -> str:
    """Return ``text`` as the inside of a CSS string: everything but plain letters and digits is a code.

    The blank behind a code ends it and is not shown."""
    return "".join(
        character if character.isascii() and (character.isalnum() or character in " .-") else f"\\{ord(character):06x} "
        for character in plain(text)
    )


def _minute(instant: str | None) -> str:
    """An ISO 8601 instant of the evidence, in UTC, to the minute; the sign of absence where nothing was recorded."""
    if instant is None:
        return number.ABSENT
    return datetime.fromisoformat(instant).astimezone(UTC).strftime("%Y-%m-%d %H:%M")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pytest_rawrxd.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else plain(value),
    )
    environment.filters |= {
        "bar": bar,
        "size": number.size,
        "percent": number.percent,
        "count": number.count,
        "minute": _minute,
    }
    environment.globals |= {"number": number.number, "interval": number.interval, "measured": number.measured}
    environment.globals |= {"with_error": number.with_error, "target": target}
    environment.globals |= {"SIGNS": SIGNS, "STATE_CSS": STATE_CSS, "ABSENT": number.ABSENT}
    return environment
