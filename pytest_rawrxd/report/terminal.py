"""The table at the end of a session: a line a criterion, grouped by phase, and the state of each phase."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping, Sequence

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from pytest_rawrxd.report.comparison import comparison_text
from pytest_rawrxd.report.dossier import Phase, RunView
from pytest_rawrxd.report.judged import Judged
from pytest_rawrxd.report.plain import plain
from pytest_rawrxd.report.sign import SIGNS
from pytest_rawrxd.verdict.outcome import State, Verdict

HEADS = ("criterion", "measured", "bound", "verdict")
LEAST_TITLE = 20  #: columns below which a title says nothing
GUTTER = 3
ASCII = {"…": "...", "−": "-", "–": "-", "×": "x", "≤": "<=", "≥": ">="}
STATE_STYLES = {
    State.APPROVED: "bold green",
    State.APPROVED_WITH_WAIVERS: "bold yellow",
    State.INCOMPLETE: "bold yellow",
    State.REJECTED: "bold red",
}


def wants_colour(environ: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Return whether to colour: only on a terminal, and never where NO_COLOR (no-color.org) is set."""
    return is_terminal and not environ.get("NO_COLOR")


def table(
    view: RunView,
    *,
    width: int,
    colour: bool,
    encoding: str | None = "utf-8",
    phases: Collection[int] | None = None,
) -> str:
    """Return the table of all phases, at most ``width`` columns wide.

    Of a phase that is not in ``phases`` (None: all are) only the state is told: the session had nothing to do with it.
    ``colour`` adds ANSI colours beside the symbols; an ``encoding`` that lacks the symbols gets ASCII.
    """
    ascii_only = not _encodes(encoding)
    buffer = io.StringIO()
    console = Console(
        file=buffer,
        width=width,
        color_system="standard" if colour else None,
        force_terminal=colour,
        no_color=not colour,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for phase in view.phases:
        told = phases is None or phase.number in phases
        lines = _phase(phase, width, ascii_only=ascii_only) if told else [_state(phase, ascii_only=ascii_only)]
        console.print(Group(*lines))
    for broken in view.validity:
        console.print(Text(plain(broken.sentence), style="bold red" if broken.is_error else "yellow"))
    for comparison in view.verdicts["comparisons"]:
        console.print(Text(f"\n{comparison_text(comparison)}"))
    text = "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"
    return _narrowed(text, encoding or "ascii") if ascii_only else text


def _phase(phase: Phase, width: int, *, ascii_only: bool) -> Iterator[Table | Text]:
    """The criteria that a test decides, a line each; then those that none can decide here, by their ids alone."""
    excused = [judged for judged in phase.criteria if judged.verdict is Verdict.NOT_APPLICABLE]
    unclaimed = [
        judged for judged in phase.criteria if not judged.claimed_by and judged.verdict is Verdict.NOT_MEASURED
    ]
    told = [judged for judged in phase.criteria if judged not in excused and judged not in unclaimed]
    yield Text(phase.title, style="bold")
    if told:
        yield _criteria(told, width, ascii_only=ascii_only)
    for words, group in (("not applicable", excused), ("unclaimed, no test decides it", unclaimed)):
        if group:
            yield Text(f"{words}: {plain(', '.join(judged.id for judged in group))}", style="dim")
    yield _state(phase, ascii_only=ascii_only)


def _criteria(criteria: Sequence[Judged], width: int, *, ascii_only: bool) -> Table:
    lines = [line for judged in criteria for line in _lines(judged, ascii_only=ascii_only)]
    rows = [row for row, _ in lines]
    taken = sum(max([len(head), *(row[at].cell_len for row in rows)]) + GUTTER for at, head in enumerate(HEADS))
    left = width - taken - GUTTER
    wide = left >= LEAST_TITLE
    shown = Table(box=box.ASCII2 if ascii_only else box.SIMPLE_HEAD, pad_edge=False)
    criterion, measured, bound, verdict = HEADS
    shown.add_column(criterion, no_wrap=True)
    shown.add_column(measured, justify="right", no_wrap=True)
    shown.add_column(bound, justify="right", no_wrap=wide)
    shown.add_column(verdict, no_wrap=True)
    if wide:
        shown.add_column("what", no_wrap=True, overflow="ellipsis", max_width=left)
    for row, what in lines:
        shown.add_row(*row, *([Text(plain(what))] if wide else []))
    if any(judged.informative for judged in criteria):
        shown.caption = Text("* informative, decides nothing", style="dim")
        shown.caption_justify = "left"
    return shown


Cells = tuple[Text, Text, Text, Text]


def _lines(judged: Judged, *, ascii_only: bool) -> Iterator[tuple[Cells, str]]:
    """A criterion with its title, then each card that it was judged on, where several were tested."""
    yield _cells(judged, ascii_only=ascii_only), judged.title
    for card in judged.each_card:
        measured = Text(plain(" ".join(filter(None, (card.measured, card.between)))))
        sign = SIGNS[card.verdict]
        verdict = Text(f"{sign.ascii if ascii_only else sign.symbol} {card.verdict}", style=sign.style)
        yield (Text(f"  {card.name}"), measured, Text(""), verdict), card.device


def _cells(judged: Judged, *, ascii_only: bool) -> Cells:
    return (
        Text(plain(judged.id)),
        Text(plain(" ".join(filter(None, judged.measured)))),
        Text(plain(judged.required.removeprefix("within "))),
        _verdict(judged, ascii_only=ascii_only),
    )


def _verdict(judged: Judged, *, ascii_only: bool) -> Text:
    sign = SIGNS[judged.verdict]
    mark = " *" if judged.informative else ""
    return Text(f"{sign.ascii if ascii_only else sign.symbol} {judged.verdict}{mark}", style=sign.style)


def _state(phase: Phase, *, ascii_only: bool) -> Text:
    text = Text(f"Phase {phase.number}: ", style="bold")
    if phase.rehearsal:
        text.append("REHEARSAL ", style="bold magenta")
    text.append(phase.said, style=STATE_STYLES[phase.state])
    text.append(f"{'-' if ascii_only else '–'} ".rjust(3))
    text.append(plain(phase.sentence.rstrip(".")))
    if phase.rehearsal:
        text.append(". A rehearsal can never be signed as accepted.")
    return text.append("\n")


def _encodes(encoding: str | None) -> bool:
    symbols = "".join(sign.symbol for sign in SIGNS.values())
    try:
        symbols.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _narrowed(text: str, encoding: str) -> str:
    for character, instead in ASCII.items():
        text = text.replace(character, instead)
    try:
        return text.encode(encoding, "backslashreplace").decode(encoding)
    except LookupError:
        return text.encode("ascii", "backslashreplace").decode("ascii")
