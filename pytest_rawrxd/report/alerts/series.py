"""Input series of the tests: what the probe would have exported, in promtool's notation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_rawrxd.report.alerts.terms import Terms

GAPS = 100_000  #: of a histogram, between two scrapes: shares of a thousandth are whole numbers

Series = tuple[tuple[str, str], ...]


def counter(increments: Sequence[int]) -> str:
    """A counter that starts at 0 and grows by ``increments``, one value each."""
    total, values = 0, [0]
    for increment in increments:
        total += increment
        values.append(total)
    return " ".join(map(str, values))


def steady(increment: float, scrapes: int) -> str:
    """A counter that grows by the same ``increment`` each time."""
    return f"0+{increment:.10g}x{scrapes}"


def level(value: float, scrapes: int) -> str:
    """A gauge that does not move."""
    return f"{value:.10g}+0x{scrapes}"


def gauge(values: Sequence[float]) -> str:
    """A gauge, one value each."""
    return " ".join(f"{value:.10g}" for value in values)


def histogram(name: str, above: Mapping[str, Sequence[int]], total: Sequence[int]) -> Series:
    """The buckets and the count of ``name``: for each edge how many values lie above it, between two scrapes."""
    buckets = {
        f'{name}_bucket{{le="{edge}"}}': counter([every - over for every, over in zip(total, overs, strict=True)])
        for edge, overs in above.items()
    }
    return (
        *buckets.items(),
        (f'{name}_bucket{{le="+Inf"}}', counter(total)),
        (f"{name}_count", counter(total)),
    )


@dataclass(frozen=True)
class Beat:
    """A course of scrapes: how many gaps in each, and in which of them the breach is going on."""

    breach: tuple[bool, ...]
    at_s: tuple[float, ...]
    fires: bool


def beats(terms: Terms, hold_s: float, *, window: int) -> dict[str, Beat]:
    """The courses that every alert with a ``hold_s`` is tried with; ``window`` is 1 for what looks at one scrape.

    "blip": a breach that has left the window before the hold is over. "recurring": a breach in every window, though
    not in every half of one. Both are what a wrong window or a wrong hold gets wrong.
    """
    hold = terms.scrapes(hold_s)
    last, length = hold + 1, hold + 2 * window + 6
    blip = max(1, hold - window - 1) if window > 1 else max(1, hold)
    seen = (blip + window + 1) if window > 1 else blip + 1
    found = {
        "persistent": Beat((True,) * length, (last * terms.scrape_s,), True),
        "blip": Beat(
            (False, False, *(True,) * blip, *(False,) * length),
            (seen * terms.scrape_s, (3 + hold) * terms.scrape_s),
            False,
        ),
    }
    if window > 2:
        found["recurring"] = Beat(tuple(i % (window - 1) == 0 for i in range(length)), (last * terms.scrape_s,), True)
    return found
