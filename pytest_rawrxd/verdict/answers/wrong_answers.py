"""``wrong_answers``: answers that are not the right ones, whatever their speed."""

from __future__ import annotations

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.ledger import Record
from pytest_rawrxd.measure.faults.campaign import BEFORE_FAULTS
from pytest_rawrxd.measure.faults.crossed import crossed_requests
from pytest_rawrxd.measure.faults.window import QUEUE, WINDOW
from pytest_rawrxd.measure.load.arrays import ABSENT
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.canaries import Songs, compare, not_kept, songs
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict
from pytest_rawrxd.verdict.wording import number

TO_DO = "run the acceptance tests of phase 2: canaries are asked around every fault"
NAMED_AT_MOST = 3


def wrong_answers(evidence: Evidence, criterion: Criterion) -> Answer:
    """Count wrong canaries, swapped streams, nonces of others and disagreeing counts.

    Under load without a fault are the canaries that were asked at once before the first injection; "faults" is all of
    them, before, during and after.
    """
    during = str(criterion.where["during"])
    everything = songs(evidence, "faults" if during == "load" else during)
    references = tuple(each for each in everything if each.data["stage"] == "reference")
    found = tuple(each for each in everything if each.data["stage"] != "reference")
    if during == "load":
        found = tuple(each for each in found if each.data["stage"] == "together" and _before(each))
    if not found or not references:
        said = f"no canaries were asked during {during}"
        return Finding(Verdict.NOT_MEASURED, said, next=TO_DO), tuple(each.record.id for each in found)
    if (unkept := not_kept((*references, *found))) is not None:
        return unkept, tuple(each.record.id for each in found)
    compared = compare(found, references)
    streams = [*evidence.of(WINDOW), *evidence.of(QUEUE)] if during == "faults" else []
    sources = (*(each.record.id for each in (*references, *found)), *(record.id for record in streams))
    if compared.answers == 0:
        return invalid(
            "no canary was answered", next_step="a llama-server, whose /completion tells likelihoods"
        ), sources
    crossed = [said for record in streams for said in _crossed(evidence, record)]
    wrong = [*compared.wrong, *crossed]
    if wrong:
        shown = "; ".join(wrong[:NAMED_AT_MOST])
        said = f"{len(wrong)} wrong answers beside {compared.answers} canaries: {shown}"
        return Finding(Verdict.FAIL, said, float(len(wrong)), n=compared.answers, method="canaries"), sources
    said = f"0 wrong of {compared.answers} canaries"
    if compared.same_tokens is not None and compared.divergence is not None:
        said += f", {number(100 * compared.same_tokens)} % of their tokens the same"
        said += f", likelihoods moved by at most {number(compared.divergence)} nats"
    said += f"; {compared.unanswered} were not answered"
    if streams:
        said += f"; no answer of {len(streams)} loads holds the nonce of another request"
    return Finding(Verdict.PASS, said, 0.0, n=compared.answers, method="canaries"), sources


def _before(each: Songs) -> bool:
    """Whether it was asked before the first injection."""
    return bool(each.data["when"] == BEFORE_FAULTS)


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
