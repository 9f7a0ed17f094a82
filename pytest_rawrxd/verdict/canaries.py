"""Is an answer the right one? Compared with what the same server answered alone, within what batching may change.

Alone, an answer repeats token by token. In a batch, sums come in another order: the likelihoods move a little, and
where two tokens were nearly as likely the other one may be chosen. So a token may differ only where reference and batch
were both undecided between the two, and the likelihoods up to it may move only so far: those of one answer by what
quantised kernels were measured to do to the worst of many, those of all answers of a batch, on average, by much less.
Behind the first difference the two texts are different questions, and nothing is compared. Figures: decision 0032.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.ledger import Record
from pytest_rawrxd.measure.canary.song import CANARY, OK
from pytest_rawrxd.measure.load.arrays import ABSENT
from pytest_rawrxd.verdict.outcome import Finding, Verdict
from pytest_rawrxd.verdict.sample import Floats

UNDECIDED_NATS = 1.5  #: how far apart two tokens may be where the other one was chosen; batching: up to 1.03
ANSWER_NATS = 0.2  #: mean KL divergence of one answer; batching: up to 0.12
BATCH_NATS = 0.04  #: the same, on average over the answers of a batch; batching: up to 0.015
#: Where all tokens that a side lists lie this close, those that it does not list may be as likely: it prefers none.
#: Random weights on an H100 spread their five best over up to 0.095 nats.
FLAT_NATS = 0.2
LIKELY = "an engine that tells likelihoods: llama-server, the engine in process, or log probabilities of the OpenAI API"
TRAINED = "a trained model: random weights prefer no token, and the list of likely ones ends before the chosen one"
EXACT = ("reference", "solo")
COUNTED = {"reported": "tokens reported", "lengths": "ids", "likelihoods": "likelihoods"}

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Songs:
    """The canaries of one record, k answers."""

    record: Record
    arrays: Arrays

    @property
    def data(self) -> Mapping[str, Any]:
        return self.record.data

    @property
    def exact(self) -> bool:
        """Whether every token has to be the reference's."""
        return self.data["stage"] in EXACT

    def tells(self, what: str) -> bool:
        """Whether the engine tells "ids" or "likelihoods"; "alone": likelihoods of these tokens read alone."""
        return bool(self.data.get("tells", {"ids": True, "likelihoods": True}).get(what, False))

    @property
    def kept(self) -> bool:
        """Whether the answers themselves are in the evidence."""
        return "ids" in self.arrays and "texts" in self.data

    def ids(self, row: int) -> tuple[int, ...]:
        """The tokens of one answer; none where the engine does not tell them."""
        return tuple(self.arrays["ids"][row, : max(0, int(self.arrays["lengths"][row]))].tolist())

    def answer(self, row: int) -> tuple[int, ...] | str:
        """What is compared: the tokens, or the text where nobody tells tokens."""
        return self.ids(row) if self.tells("ids") else str(self.data["texts"][row])

    def holds(self, row: int, other: int) -> bool:
        """Whether the answer of one prompt holds the nonce of another one, in its text or in its tokens."""
        nonce = tuple(self.data.get("nonce_ids", [[]] * (other + 1))[other])
        mine = self.ids(row)
        inside = any(mine[at : at + len(nonce)] == nonce for at in range(len(mine) - len(nonce) + 1))
        return self.data["nonces"][other] in self.data["texts"][row] or (bool(nonce) and inside)

    def answered(self, row: int) -> bool:
        return int(self.arrays["status"][row]) == OK


@dataclass(frozen=True)
class Compared:
    """``wrong`` names every answer that is none of ours; ``answers`` were compared, ``unanswered`` came never.

    ``undecided`` differ from the reference as batching may let them, and nothing tells by how much; ``flat`` differ
    where the model itself prefers no token, so that no answer is the right one.
    """

    answers: int
    unanswered: int
    wrong: tuple[str, ...]
    divergence: float | None  #: largest mean KL seen, in nats
    same_tokens: float | None  #: share of the compared tokens that were the reference's
    undecided: tuple[str, ...] = ()
    flat: tuple[str, ...] = ()


def songs(evidence: Evidence, during: str) -> tuple[Songs, ...]:
    """Every canary record that belongs to one activity."""
    return tuple(Songs(record, evidence.raw(record.data["raw"])) for record in evidence.of(CANARY, during=during))


def not_kept(found: Iterable[Songs]) -> Finding | None:
    """NOT MEASURED where answers are not in the evidence: the profile did not say so."""
    if all(each.kept for each in found):
        return None
    said = "the answers to canaries were not kept, and without them none can be compared"
    return Finding(Verdict.NOT_MEASURED, said, next='protocol.keep_answers = "canaries" in the profile; measure again')


def compare(found: tuple[Songs, ...], references: tuple[Songs, ...]) -> Compared:
    """Hold each answer against the reference of the same prompts on the same model. EvidenceProblem without one."""
    answers = unanswered = same = tokens = 0
    wrong: list[str] = []
    undecided: list[str] = []
    flat: list[str] = []
    worst: float | None = None
    for each in found:
        reference = _reference(each, references)
        moved: list[float] = []
        for row, nonce in enumerate(each.data["nonces"]):
            if not each.answered(row):
                unanswered += 1
                continue
            answers += 1
            if not each.exact and not reference.tells("likelihoods") and each.answer(row) != reference.answer(row):
                undecided.append(f"{nonce} {each.data['when']}")
            said, divergence, equal, compared, among_equals = _answer(each, reference, row)
            flat += [f"{nonce} {each.data['when']}"] * among_equals
            same, tokens = same + equal, tokens + compared
            moved += [] if divergence is None else [divergence]
            wrong += [f"{nonce} {each.data['when']}: {problem}" for problem in said]
        worst = max((known for known in (worst, *moved) if known is not None), default=None)
        if moved and (mean := float(np.mean(moved))) > BATCH_NATS:
            all_of_them = f"the likelihoods of {len(moved)} answers moved by {mean:.2g} nats on average"
            wrong.append(f"{each.data['when']}: {all_of_them}, {BATCH_NATS} are allowed")
    share = same / tokens if tokens else None
    return Compared(answers, unanswered, tuple(wrong), worst, share, tuple(undecided), tuple(flat))


def _reference(each: Songs, references: tuple[Songs, ...]) -> Songs:
    for known in references:
        if known.data["nonces"] == each.data["nonces"] and known.data.get("stands_in") == each.data.get("stands_in"):
            texts = [known.answer(row) for row in range(len(known.data["nonces"]))]
            if not all(known.answered(row) for row in range(len(texts))):
                raise EvidenceProblem("a canary's reference is incomplete", where=known.record.id)
            if len(set(texts)) < len(texts):
                raise EvidenceProblem(
                    "two canaries have one answer: swapped ones could not be seen", where=known.record.id
                )
            return known
    raise EvidenceProblem("canaries without a reference", where=each.record.id)


def _answer(each: Songs, reference: Songs, row: int) -> tuple[list[str], float | None, int, int, bool]:
    """What is wrong with one answer, its divergence, its equal and compared tokens, whether it chose among equals."""
    mine, theirs = each.ids(row), reference.ids(row)
    problems = _counts(each, row)
    nonces = each.data["nonces"]
    others = [other for other in range(len(nonces)) if other != row]
    problems += [f"it holds the nonce {nonces[other]} of another stream" for other in others if each.holds(row, other)]
    swapped = [other for other in others if each.answer(row) == reference.answer(other)]
    if swapped and each.answer(row) != reference.answer(row):
        problems.append(f"it is the answer to {nonces[swapped[0]]}")
    if each.exact and not each.tells("ids") and each.answer(row) != reference.answer(row):
        problems.append("alone, its text is another one than before")
    differs = next((at for at, pair in enumerate(zip(mine, theirs, strict=False)) if pair[0] != pair[1]), None)
    shared = min(len(mine), len(theirs)) if differs is None else differs
    divergence = None
    flat = _chose_among_equals(each, reference, row, shared)
    if each.tells("likelihoods") and reference.tells("likelihoods"):
        divergence = _divergence(each, reference, row, min(shared + (not flat), len(mine), len(theirs)))
    if not flat and (differs is not None or len(mine) != len(theirs)):
        if each.exact:
            problems.append(f"alone, token {shared + 1} is another one than before")
        elif len(mine) != len(theirs) and differs is None:
            problems.append(f"{len(mine)} tokens instead of {len(theirs)}")
        elif not reference.tells("likelihoods"):
            pass  # nobody can tell: ``compare`` counts it as undecided
        elif (apart := _apart(each, reference, row, shared)) > UNDECIDED_NATS:
            problems.append(f"token {shared + 1} and the right one are {apart:.2g} nats apart")
    if each.tells("alone"):
        problems += _unlikely(each, row, after=shared)
    if divergence is not None and divergence > ANSWER_NATS:
        problems.append(f"its likelihoods moved by {divergence:.2g} nats, {ANSWER_NATS} are allowed")
    return problems, divergence, shared, min(len(mine), len(theirs), shared + 1), flat


def _chose_among_equals(each: Songs, reference: Songs, row: int, place: int) -> bool:
    """Whether another token than the reference's was chosen where neither side preferred one, and nobody can compare.

    In a batch a token that one side lists is compared, and two answers that were read alone always are.
    """
    if not (each.tells("likelihoods") and reference.tells("likelihoods")):
        return False
    mine, theirs = each.ids(row)[place : place + 1], reference.ids(row)[place : place + 1]
    if not mine or not theirs or mine == theirs:
        return False
    read_alone = each.tells("alone") and reference.tells("alone")
    if read_alone or (not each.exact and np.isfinite(_apart(each, reference, row, place))):
        return False
    return max(_least(side, row, place) for side in (each, reference)) <= FLAT_NATS


def _unlikely(each: Songs, row: int, *, after: int) -> list[str]:
    """Tokens behind the first difference that the engine itself, reading this answer alone, finds too unlikely."""
    for place, token in enumerate(each.ids(row)):
        if place > after and (margin := _margin(each, row, place, token)) > UNDECIDED_NATS:
            return [f"token {place + 1} is {margin:.2g} nats less likely than the best one, read alone"]
    return []


def _counts(each: Songs, row: int) -> list[str]:
    """The counts of tokens that the engine tells, where they do not agree: reported, ids, likelihoods."""
    counted = {name: int(each.arrays[name][row]) for name in ("reported", "lengths", "likelihoods")}
    told = {COUNTED[name]: count for name, count in counted.items() if count != ABSENT}
    return [] if len(set(told.values())) <= 1 else [", ".join(f"{count} {name}" for name, count in told.items())]


def _apart(each: Songs, reference: Songs, row: int, place: int) -> float:
    """How many nats two tokens chosen at one place are apart, to the side that finds them further apart.

    A side that does not list the other's token knows that it is at least as unlikely as the last one it lists. Where no
    side lists it, two answers that were read alone still tell: up to here one engine read the same tokens twice, and
    each reading says how far from the best its own token is. Otherwise infinite.
    """
    mine, theirs = each.ids(row)[place], reference.ids(row)[place]
    sides = [(reference, mine)]
    if each.tells("likelihoods"):
        sides.append((each, theirs))
    known = [_margin(side, row, place, token) for side, token in sides]
    if not np.isfinite(known).any():
        if not (each.tells("alone") and reference.tells("alone")):
            return float("inf")
        return max(_margin(each, row, place, mine), _margin(reference, row, place, theirs))
    return max(
        _least(side, row, place) if np.isinf(nats) else nats for (side, _), nats in zip(sides, known, strict=True)
    )


def _least(songs: Songs, row: int, place: int) -> float:
    """How many nats less likely than the best one a token is at least that is not listed."""
    logs = songs.arrays["top_logs"][row, place]
    return float(logs.max() - logs[np.isfinite(logs)].min(initial=logs.max()))


def _margin(songs: Songs, row: int, place: int, token: int) -> float:
    """How many nats less likely than the best one ``token`` was; infinite where it is not listed."""
    ids, logs = songs.arrays["top_ids"][row, place], songs.arrays["top_logs"][row, place]
    at = np.flatnonzero(ids == token)
    return float(logs.max() - logs[at[0]]) if at.size else float("inf")


def _divergence(each: Songs, reference: Songs, row: int, places: int) -> float:
    """Mean KL divergence over the tokens that both sides list, in nats; 0 without a place."""
    found = [
        _kl(
            dict(zip(mine_ids.tolist(), mine.tolist(), strict=True)),
            dict(zip(their_ids.tolist(), their.tolist(), strict=True)),
        )
        for mine_ids, mine, their_ids, their in zip(
            each.arrays["top_ids"][row, :places],
            each.arrays["top_logs"][row, :places],
            reference.arrays["top_ids"][row, :places],
            reference.arrays["top_logs"][row, :places],
            strict=True,
        )
    ]
    return float(np.mean(found)) if found else 0.0


def _kl(mine: Mapping[int, float], theirs: Mapping[int, float]) -> float:
    shared = [token for token in theirs if token in mine and np.isfinite(theirs[token]) and np.isfinite(mine[token])]
    if not shared:
        return float("inf")
    p, q = (_normalised(np.array([side[token] for token in shared])) for side in (theirs, mine))
    return float(np.sum(np.exp(p) * (p - q)))


def _normalised(logs: Floats) -> Floats:
    return np.asarray(logs - np.log(np.exp(logs - logs.max()).sum()) - logs.max())
