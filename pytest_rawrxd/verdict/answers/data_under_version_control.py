"""``data_under_version_control``: what the run rests on is in a commit, by digest.

The fact is read from git once, by ``rawrxd judge`` beside the published copy, and recorded as evidence; the verdict
comes from that record, so that it can be derived again where there is no repository.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_rawrxd.evidence.campaign import CARD, Evidence
from pytest_rawrxd.evidence.canonical import file_digest
from pytest_rawrxd.evidence.publication import PUBLICATION
from pytest_rawrxd.evidence.waivers import WAIVERS
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.counts import fact
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict

TABLE = "performance_matrix.csv"
CHARTS = "charts/"
NAMED = 3


def data_under_version_control(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the newest publication record against every digest of the run directory."""
    publications = evidence.of(PUBLICATION)
    run = evidence.campaign.id
    again = f"rawrxd publish reports/{run}; git add and commit reports/signed/{run}; rawrxd judge reports/{run}"
    if not publications:
        said = "no commit with the published copy of this run is recorded"
        return Finding(Verdict.NOT_MEASURED, said, method="digests in a git commit", next=again), ()
    newest = publications[-1]
    later = sorted({r.session for r in evidence.records if r.session > newest.session and r.kind != WAIVERS})
    if later:
        said = f"session {', '.join(later)} was measured after commit {newest.data['commit'][:12]}"
        return Finding(Verdict.NOT_MEASURED, said, method="digests in a git commit", next=again), (newest.id,)
    lacks = list(_lacks(evidence, newest.data))
    commit, branches = newest.data["commit"][:12], newest.data["remote_branches"]
    pushed = f"on {', '.join(branches)}" if branches else "on no remote branch that this repository knows"
    count = len(newest.data["evidence"]) + len(newest.data["outputs"])
    sentence = f"{count} digests of evidence, tables and charts are in commit {commit}, {pushed}"
    if lacks:
        more = f" and {len(lacks) - NAMED} more" if len(lacks) > NAMED else ""
        sentence = f"commit {commit} lacks {', '.join(lacks[:NAMED])}{more}"
    return fact(not lacks, expected=criterion.limit is True, sentence=sentence), (newest.id,)


def _lacks(evidence: Evidence, publication: Mapping[str, Any]) -> Iterator[str]:
    committed: Mapping[str, str] = publication["evidence"]
    for name, digest in _evidence_files(evidence):
        if committed.get(name) != digest:
            yield f"{name} ({'another content' if name in committed else 'not listed'})"
    outputs: Mapping[str, Mapping[str, str | None]] = publication["outputs"]
    for name, digests in outputs.items():
        if digests["run"] != digests["committed"]:
            yield f"{name} ({'another content' if digests['committed'] else 'not committed'})"
    if TABLE not in outputs:
        yield TABLE
    if not any(name.startswith(CHARTS) for name in outputs):
        yield "the charts"


def _evidence_files(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Name and digest of the card, the ledgers and the raw arrays; not of what was said about the run later."""
    run_dir = evidence.campaign.path
    yield CARD, file_digest(run_dir / CARD)
    measured = {(r.session, r.worker) for r in evidence.records if r.kind not in {PUBLICATION, WAIVERS}}
    for session, worker in sorted(measured):
        name = f"ledger/{session}-{worker}.jsonl"
        yield name, file_digest(run_dir / name)
    for record in evidence.records:
        if record.kind != WAIVERS and (raw := record.data.get("raw")):
            yield raw["file"], raw["sha256"]
