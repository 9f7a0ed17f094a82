"""Is this a pilot at all, and are several runs pilots of one thing?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.identity import Identity
from pytest_rawrxd.measure.concurrency import RUN as LOAD
from pytest_rawrxd.measure.decode import RUN as SINGLE
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.verdict.audit import session_breaches
from pytest_rawrxd.verdict.cell import SCRIPTED
from pytest_rawrxd.verdict.wording import in_words

OWN_MODELS = "folder"  #: the source of models that somebody brought; any other is made by the suite for a rehearsal
POSSIBLE = "phase 1 and the load part of phase 2 on the card itself, with the models that will be signed"

#: Records, the section of the protocol that they were measured by, and what of it changes the figures.
MEASURED_BY = (
    (SINGLE, "phase1", ("judged_tokens", "min_duration", "prompt_tokens", "prefill_chunk", "context")),
    (LOAD, "phase2", ("variant", "tokens", "level_duration", "prompt_tokens", "prefill_chunk", "context_per_stream")),
)


def refuse_others(runs: Sequence[Evidence]) -> None:
    """Raise UsageProblem unless all ``runs`` are pilots, and of one engine on one kind of machine.

    Two boards of one kind are one kind of machine: a profile promises something of a card, not of a serial number.
    """
    for run in runs:
        _refuse_no_pilot(run)
    first, *others = runs
    for other in others:
        if differences := _differences(first, other):
            raise UsageProblem(
                "these runs are pilots of different things",
                where=_named(first, other),
                found="; ".join(differences),
                possible="one engine, backend, driver, machine and set of models; another backend is another profile",
            )
        if twice := _raw_files(first) & _raw_files(other):
            raise UsageProblem(
                "the same evidence is given twice",
                where=_named(first, other),
                found=f"{len(twice)} raw files are in both",
                possible="each run once: a process that counts twice makes a bound look surer than it is",
            )


def boards(runs: Sequence[Evidence]) -> int:
    """How many boards the runs were measured on, by the serial numbers that their drivers tell."""
    return len({gpu.get("uuid") for run in runs for gpu in run.campaign.identity.machine.get("gpus", [])})


def measured_otherwise(runs: Sequence[Evidence], base: Profile) -> Iterator[str]:
    """Each length of a pilot's protocol that ``base`` has otherwise, where the pilot measured something by it.

    A shorter level reads lower rates (its first prompts weigh more), so such a bound is that of a slightly other thing.
    """
    for run in runs:
        profile = run.campaign.profile
        for kind, section, names in MEASURED_BY:
            if not run.of(kind):
                continue
            own, wanted = getattr(profile.protocol, section), getattr(base.protocol, section)
            for name in names:
                if (was := getattr(own, name)) != (is_now := getattr(wanted, name)):
                    yield f"{run.campaign.id}: protocol.{section}.{name} was {was}, here it is {is_now}"


def _refuse_no_pilot(run: Evidence) -> None:
    campaign = run.campaign
    for breach in session_breaches(run):
        raise UsageProblem("the pilot proves nothing", where=campaign.id, found=breach.violation.sentence())
    if campaign.identity.engine["backend"] == SCRIPTED:
        raise UsageProblem(
            "a scripted engine is no pilot",
            where=campaign.id,
            found=f"engine {campaign.identity.engine['name']}, which lives in virtual time",
            possible=POSSIBLE,
        )
    if campaign.profile.models.source != OWN_MODELS:
        raise UsageProblem(
            "a rehearsal with the suite's own small models is no pilot",
            where=campaign.id,
            found=f"profile {campaign.profile.name}, models.source = {campaign.profile.models.source!r}",
            possible=POSSIBLE,
        )


def _differences(one: Evidence, other: Evidence) -> list[str]:
    """What differs beside the profile, the serial numbers of the boards, and models that only one of them measured."""
    shared = _measured(one) & _measured(other)
    return _kind(one.campaign.identity, shared).differences(_kind(other.campaign.identity, shared))


def _kind(identity: Identity, models: set[str]) -> Identity:
    machine = dict(identity.machine)
    machine["gpus"] = [{key: gpu[key] for key in gpu if key != "uuid"} for gpu in machine.get("gpus", [])]
    known = {name: digest for name, digest in identity.models.items() if name in models}
    return replace(identity, profile="", machine=machine, models=known)


def _measured(run: Evidence) -> set[str]:
    return {record.data["variant"] for record in run.records if "raw" in record.data and "variant" in record.data}


def _raw_files(run: Evidence) -> set[str]:
    return {record.data["raw"]["sha256"] for record in run.records if "raw" in record.data}


def _named(*runs: Evidence) -> str:
    return in_words([str(run.campaign.path) for run in runs])
