"""The canvas of all charts: one style, no clock and no random ids in the output.

matplotlib is imported when the first chart is drawn: it takes longer than judging a run.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, SOFT, GRID = "#1b1f24", "#57606a", "#d8dee4"
BOUND = "#a40e26"
#: Okabe-Ito colours, which colour-blind people tell apart, each with a marker and a dash of its own for grey prints.
LOOKS = {
    "Q2_K": ("#d55e00", "o", "-"),
    "Q4_K": ("#0072b2", "s", "-"),
    "Q5_K_M": ("#009e73", "^", "--"),
    "Q6_K": ("#cc79a7", "D", "--"),
    "Q8_0": ("#56606a", "v", ":"),
    "Hybrid": ("#b8860b", "P", "-."),
}
STRANGER = ("#000000", "X", "-")
#: From light to dark, so that more streams read as more in a grey print too; the marker tells neighbours apart.
RISING = ("#8cc5e3", "#4a9fcb", "#0072b2", "#7a6fb0", "#b8860b", "#d55e00", "#7f2704", "#1b1f24")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", "-.", ":")

Look = tuple[str, str, str]
STYLE: Any = {  # matplotlib types the keys as literals, which only a call site can satisfy
    "svg.hashsalt": "pytest-rawrxd",
    "svg.fonttype": "path",
    "text.parse_math": False,  # a name with dollar signs is a name
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same outlines on every machine
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.5,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.4,
    "lines.markersize": 5,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}
PNG_DPI = 200


@dataclass(frozen=True)
class Chart:
    """A drawn chart: ``name`` for files, ``caption`` and ``alt`` for the page."""

    name: str
    caption: str
    alt: str
    svg: str
    png: bytes

    @property
    def inline(self) -> str:
        """The SVG for an HTML page: no prolog, no metadata, no addresses, ids that no other chart on the page has."""
        body = self.svg[self.svg.index("<svg") :]
        body = re.sub(r"<(metadata|style)\b.*?</\1>", "", body, flags=re.DOTALL)
        body = re.sub(r' xmlns(:\w+)?="[^"]*"', "", body).replace("xlink:href", "href")
        body = re.sub(r'\bid="', f'id="{self.name}-', body)
        body = re.sub(r'href="#', f'href="#{self.name}-', body)
        body = re.sub(r"url\(#", f"url(#{self.name}-", body)
        # matplotlib's own style element would apply to the whole page
        return body.replace("<svg ", '<svg aria-hidden="true" stroke-linejoin="round" stroke-linecap="butt" ', 1)


def draw(name: str, caption: str, alt: str, paint: Callable[[Axes], None], *, inches: tuple[float, float]) -> Chart:
    """Return the chart that ``paint`` draws on empty axes; byte-identical for the same data."""
    import matplotlib as mpl  # noqa: PLC0415 - heavy, and only charts need it
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context():
        mpl.rcdefaults()  # a reader's own matplotlibrc must not change a signed document
        mpl.rcParams.update(STYLE)
        figure = Figure(figsize=inches, layout="constrained")
        FigureCanvasAgg(figure)
        paint(figure.subplots())
        svg, png = io.StringIO(), io.BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        figure.savefig(png, format="png", dpi=PNG_DPI, metadata={"Software": None})
    return Chart(name, caption, alt, _numbered(svg.getvalue()), png.getvalue())


def _numbered(svg: str) -> str:
    """The picture with its ids counted in order of appearance.

    matplotlib takes them from digests of coordinates that are never printed as precisely: two processors whose
    logarithms differ in the last bit would draw one picture with other ids, and a signature would not hold.
    """
    found = dict.fromkeys(re.findall(r' id="([a-z]+[0-9a-f]{10})"', svg))
    names = {each: f"{each.rstrip('0123456789abcdef')}{number}" for number, each in enumerate(found, 1)}
    named = re.compile(r'( id="|ref="#|url\(#)([a-z]+[0-9a-f]{10})\b')
    return named.sub(lambda match: match[1] + names[match[2]], svg)


def look(variant: str) -> Look:
    """Return colour, marker and dash of a variant."""
    return LOOKS.get(variant, STRANGER)


def ranked(names: Iterable[str]) -> dict[str, Look]:
    """Return a look for each of ``names`` that have an order and no look of their own, such as numbers of streams."""
    return {
        name: (RISING[at % len(RISING)], MARKERS[at % len(MARKERS)], DASHES[at % len(DASHES)])
        for at, name in enumerate(names)
    }
