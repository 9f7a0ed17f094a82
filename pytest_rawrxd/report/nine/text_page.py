"""BENCHMARK_VISUAL_SUMMARY.txt: everything on one page of plain text, with boxes and bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase
from textwrap import wrap

from pytest_rawrxd.report.nine.book import Book
from pytest_rawrxd.report.nine.criteria import Line
from pytest_rawrxd.report.nine.fact import Fact
from pytest_rawrxd.report.nine.plot import plot
from pytest_rawrxd.report.nine.trace import mark
from pytest_rawrxd.report.plain import plain

WIDTH = 98  #: inside the box
BAR = 32
BLOCK, REST = "█", "░"


@dataclass
class Page:
    """Lines of a page; each line with facts ends in the number of its note."""

    lines: list[str] = field(default_factory=list)
    notes: list[tuple[Fact, ...]] = field(default_factory=list)

    def rule(self, left: str, right: str) -> None:
        self.lines.append(f"{left}{'─' * (WIDTH + 2)}{right}")

    def put(self, text: str, *facts: Fact) -> None:
        """One line; a longer one is wrapped, and its facts stand on every part.

        Only between words: half a word would be a number without its source. A longer word stands out of the box.
        """
        parts = wrap(
            plain(text),
            WIDTH,
            subsequent_indent="    ",
            drop_whitespace=False,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for part in parts or [""]:
            said = f"│ {part.rstrip():<{WIDTH}} │"
            self.lines.append(f"{said} [{len(self.notes) + 1}]" if facts else said)
        if facts:
            self.notes.append(facts)


def text_page(book: Book, *, banner: str | None) -> str:
    """Return the page; the notes at its end lead from every line to its facts."""
    page = Page()
    page.rule("┌", "┐")
    if banner:
        page.put(banner)
        page.rule("├", "┤")
    sections = (_decision, _hardware, _variants, _bars, _curve, _single, _concurrency, _stability, _memory, _uses, _sla)
    for position, section in enumerate(sections):
        if position:
            page.rule("├", "┤")
        section(book, page)
    page.rule("└", "┘")
    notes = [f"[{at}] {mark(each)}" for at, facts in enumerate(page.notes, 1) for each in facts]
    return "\n".join([*page.lines, "", "Notes: line, fact, first source, further sources", *notes]) + "\n"


def _decision(book: Book, page: Page) -> None:
    page.put(f"MAY IT BE DEPLOYED?  {book.decision}")
    for phase in book.phases:
        page.put(f"{phase.title}: {phase.state}")


def _hardware(book: Book, page: Page) -> None:
    page.put("HARDWARE AND ITEM")
    for said in ("measured", "gpu", "cpu", "os", "run", "started"):
        _row(page, said, book.about[said])


def _variants(book: Book, page: Page) -> None:
    page.put("VARIANTS, one stream")
    for line in book.variants:
        page.put(f"{_name(line.name, line.partial):<18}{line.tps}", line.tps)


def _bars(book: Book, page: Page) -> None:
    page.put("RATE OF EACH VARIANT, drawn to the fastest")
    rates = [line.tps_mean for line in book.variants if line.tps_mean is not None]
    for line in book.variants:
        page.put(f"{line.name:<18}{_bar(line.tps_mean, rates)}")


def _curve(book: Book, page: Page) -> None:
    page.put("CURVE: rate (up) against memory (right), both from zero")
    drawn = [(line.memory_gb, line.tps_mean, line) for line in book.variants]
    points = [(x, y, line) for x, y, line in drawn if x is not None and y is not None]
    if not points:
        page.put("not measured: no variant has both figures")
        return
    for text in plot([(x, y) for x, y, _ in points]):
        page.put(f"  {text}")
    largest, fastest = max(points, key=lambda each: each[0])[2], max(points, key=lambda each: each[1])[2]
    page.put(f"  up to {fastest.tps} | right to {largest.memory}", fastest.tps, largest.memory)
    page.put(
        "  "
        + "   ".join(f"{letter} {line.name}" for letter, (_, _, line) in zip(ascii_uppercase, points, strict=False))
    )


def _single(book: Book, page: Page) -> None:
    page.put("SINGLE REQUEST: time per token, half of all gaps, slowest in a hundred")
    for line in book.variants:
        if line.latency.known:
            page.put(f"{line.name:<18}{line.latency}   {line.p50}   {line.p99}", line.latency, line.p50, line.p99)


def _concurrency(book: Book, page: Page) -> None:
    page.put("CONCURRENCY: streams, tokens of all streams, P95, efficiency")
    if not book.levels:
        page.put("not measured: no run of the load test is in the evidence")
    rates = [level.tps_mean for level in book.levels if level.tps_mean is not None]
    for level in book.levels:
        page.put(
            f"{level.streams!s:>4}  {_bar(level.tps_mean, rates)}  {level.tps}  {level.p95}",
            level.streams,
            level.tps,
            level.p95,
        )
        page.put(f"      efficiency {level.efficiency}", level.efficiency)


def _stability(book: Book, page: Page) -> None:
    page.put("STABILITY AND FAULTS")
    for line in (*book.soak, *book.about_metrics("lost_requests", "recovery_time", "availability")):
        if not line.informative:
            _criterion(page, line)


def _memory(book: Book, page: Page) -> None:
    page.put("MEMORY")
    for line in book.variants:
        page.put(f"{line.name:<18}{line.memory}", line.memory)


def _uses(book: Book, page: Page) -> None:
    page.put("RECOMMENDATIONS")
    if not book.uses:
        page.put("not measured: the profile names no use")
    for use in book.uses:
        page.put(f"{use.title!s:<22}{use.variant or 'no variant qualifies'} ({use.prefers})", use.title)


def _sla(book: Book, page: Page) -> None:
    page.put("SLA: verdict, row, measured, required")
    for line in book.sla:
        _criterion(page, line)


def _criterion(page: Page, line: Line) -> None:
    facts = (line.title, line.measured, line.required)
    page.put(f"{line.verdict:<14}  {line.title} | {line.measured} | {line.required}", *facts)


def _row(page: Page, name: str, said: Fact) -> None:
    page.put(f"{name:<18}{said}", said)


def _name(name: str, partial: bool) -> str:
    return f"{name} (partial)" if partial else name


def _bar(value: float | None, every: Sequence[float]) -> str:
    if value is None or not every:
        return "not measured".ljust(BAR)
    filled = round(BAR * value / most) if (most := max(every)) > 0 else 0
    return BLOCK * filled + REST * (BAR - filled)
