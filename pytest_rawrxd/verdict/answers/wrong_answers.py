"""``wrong_answers``: answers that are not the right ones, whatever their speed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.ledger import Record
from pytest_rawrxd.measure.concurrency import RUN
from pytest_rawrxd.measure.faults.campaign import BEFORE_FAULTS
from pytest_rawrxd.measure.faults.crossed import crossed_requests
from pytest_rawrxd.measure.faults.window import QUEUE, WINDOW
from pytest_rawrxd.measure.load.arrays import ABSENT
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.canaries import LIKELY, TRAINED, Compared, Songs, compare, not_kept, songs
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.fault_window import another_engine
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict
from pytest_rawrxd.verdict.wording import number

TO_DO = "run the acceptance tests of phase 2: canaries are asked under load, around every fault and by the soak"
AMONG_EQUALS = "differ from the answer given alone where this model prefers none of its likeliest tokens"
LOAD, FAULTS = "load", "faults"
NAMED_AT_MOST = 3


def wrong_answers(evidence: Evidence, criterion: Criterion) -> Answer:
    """Count wrong canaries, swapped streams, nonces of others and disagreeing counts.

    "load" are those of the load test, or without them those that a fault campaign asks at once before its first
    injection; "faults" is all of the campaign's, before, during and after; "soak" those at its end.
    """
    during = str(criterion.where["during"])
    references, found, of_faults = _asked(evidence, during)
    if not found or not references:
        said = f"no canaries were asked during {during}"
        return Finding(Verdict.NOT_MEASURED, said, next=TO_DO), tuple(each.record.id for each in found)
    if (unkept := not_kept((*references, *found))) is not None:
        return unkept, tuple(each.record.id for each in found)
    compared = compare(found, references)
    streams = [*evidence.of(WINDOW), *evidence.of(QUEUE)] if during == FAULTS else []
    sources = (*(each.record.id for each in (*references, *found)), *(record.id for record in streams))
    other = another_engine(evidence, [each.record for each in found]) if of_faults else None
    if other is not None:
        return other, sources
    lost = compared.unanswered if during != FAULTS else 0
    if compared.answers == 0 or lost:
        asked = compared.answers + compared.unanswered
        said = f"{compared.unanswered} of {asked} canaries were not answered"
        return invalid(said, next_step="an engine that answers, then run it again"), sources
    under_load = _loads(evidence) if during == LOAD else []
    crossed = [said for record in streams for said in _crossed(evidence, record)]
    crossed += [said for record in under_load for said in _crossed_under_load(evidence, record)]
    streams += under_load
    return _judged(compared, found, crossed, streams), (*sources, *(record.id for record in under_load))


def _asked(evidence: Evidence, during: str) -> tuple[tuple[Songs, ...], tuple[Songs, ...], bool]:
    """The references, the answers held against them, and whether a fault campaign asked for them."""
    everything = songs(evidence, during)
    instead = during == LOAD and not everything
    if instead:
        everything = songs(evidence, FAULTS)
    found = tuple(each for each in everything if each.data["stage"] != "reference")
    if instead:
        found = tuple(each for each in found if each.data["stage"] == "together" and _before(each))
    references = tuple(each for each in everything if each.data["stage"] == "reference")
    return references, found, instead or during == FAULTS


def _judged(compared: Compared, found: Sequence[Songs], crossed: Sequence[str], streams: Sequence[Record]) -> Finding:
    wrong = [*compared.wrong, *crossed]
    if wrong:
        shown = "; ".join(wrong[:NAMED_AT_MOST])
        said = f"{len(wrong)} wrong answers beside {compared.answers} canaries: {shown}"
        return Finding(Verdict.FAIL, said, float(len(wrong)), n=compared.answers, method="canaries")
    said = f"0 wrong of {compared.answers} canaries"
    if compared.undecided:
        said += (
            f", and {len(compared.undecided)} that differ from the answer given alone: this engine tells no "
            "likelihoods, so nobody knows whether by more than batching may change"
        )
        return Finding(Verdict.NOT_MEASURED, said, n=compared.answers, method="canaries", next=LIKELY)
    if compared.flat:
        said += f", and {len(compared.flat)} that {AMONG_EQUALS}"
        return Finding(Verdict.NOT_MEASURED, said, n=compared.answers, method="canaries", next=TRAINED)
    if compared.same_tokens is not None:
        said += f", {number(100 * compared.same_tokens)} % of their tokens the same"
    if any(each.tells("alone") for each in found):
        said += ", each answer read again alone finds its tokens likely"
    elif compared.divergence is not None:
        said += f", likelihoods moved by at most {number(compared.divergence)} nats"
    said += f"; {compared.unanswered} were not answered"
    if streams:
        said += f"; no answer of {len(streams)} loads holds the nonce of another request"
    return Finding(Verdict.PASS, said, 0.0, n=compared.answers, method="canaries")


def _before(each: Songs) -> bool:
    """Whether it was asked before the first injection."""
    return bool(each.data["when"] == BEFORE_FAULTS)


def _loads(evidence: Evidence) -> list[Record]:
    """The runs of the load test over HTTP on the engine under test whose client looked for nonces of other requests."""
    runs = [record for record in evidence.of(RUN) if record.data.get("beside") is None]
    return [record for record in runs if "crossed" in ((record.data.get("http") or {}).get("client") or {})]


def _crossed_under_load(evidence: Evidence, record: Record) -> list[str]:
    """What its client found, and requests whose reported tokens are not those that came."""
    raw = evidence.raw(record.data["raw"])
    pairs = record.data["http"]["client"]["crossed"]
    told = [f"request {request} received the nonce of request {other}" for request, other in pairs]
    came, reported = np.diff(raw["offsets"]), np.asarray(raw["reported_tokens"])
    differ = np.flatnonzero((raw["failure"] == 0) & (reported != ABSENT) & (reported != came))
    if "tokens" not in record.data["not_measurable"]:
        told += [f"request {row}: {reported[row]} tokens reported, {came[row]} came" for row in differ.tolist()]
    return told


def _crossed(evidence: Evidence, record: Record) -> list[str]:
    """Answers of one load that hold the nonce of another request, or whose three counts of tokens differ."""
    raw = evidence.raw(record.data["raw"])
    seed, dialect = int(record.data["seed"]), str(record.data["dialect"])
    pairs = raw["crossed"] if "crossed" in raw else crossed_requests(raw, seed=seed, dialect=dialect)
    told = [f"request {request} received the nonce of request {other}" for request, other in pairs.tolist()]
    for row, request in enumerate(raw["number"].tolist()):
        if raw["failure"][row] == 0:
            told += _counts(raw, row, int(request))
    return told


def _counts(raw: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]], row: int, request: int) -> list[str]:
    received = int(np.sum(raw["tokens"][int(raw["offsets"][row]) : int(raw["offsets"][row + 1])]))
    ids = int(raw["id_offsets"][row + 1]) - int(raw["id_offsets"][row]) if raw["has_ids"][row] else ABSENT
    known = {count for count in (received, ids, int(raw["reported_tokens"][row])) if count != ABSENT}
    return [] if len(known) <= 1 else [f"request {request}: its counts of tokens differ: {sorted(known)}"]
