"""``time_to_first_token``: the wait from the instant at which a request was due, under open-loop load."""

from __future__ import annotations

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict


def time_to_first_token(evidence: Evidence, criterion: Criterion) -> Answer:  # noqa: ARG001 - the signature of a rule
    """NOT MEASURED in process: only a server has requests that come while others run."""
    said = "requests that come at their own instants need a server; in process, a request begins when a slot is free"
    return Finding(Verdict.NOT_MEASURED, said, next="--sla-engine llama-server"), ()
