"""What is signed: in-toto statements, derived from the verdicts and from nothing else but role and time.

Results are a test-result v0.1, an acceptance a simple verification result (SVR) v0.2. The subject is the measured item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.evidence.canonical import digest
from pytest_rawrxd.evidence.pooled import PooledRun
from pytest_rawrxd.report.publish import SUMS, VERDICTS
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.state import deciding

STATEMENT = "https://in-toto.io/Statement/v1"
RESULT, APPROVAL = "test-result", "svr"
PREDICATES = {
    RESULT: "https://in-toto.io/attestation/test-result/v0.1",
    APPROVAL: "https://in-toto.io/attestation/svr/v0.2",
}
VERIFIER = "pkg:pypi/pytest-rawrxd#verdicts/1"
#: In-toto asks for a URI as the name of a field that a predicate type does not define.
EXTENSION = "pkg:pypi/pytest-rawrxd#signed/1"

Statement = dict[str, Any]


def statement(
    kind: str,
    verdicts: Mapping[str, Any],
    phase: int,
    role: str,
    *,
    sums: str,
    at: str,
    runs: Sequence[PooledRun] = (),
) -> Statement:
    """Return what ``role`` signs about ``phase``: its results, or that it is accepted.

    ``sums`` is the SHA-256 of SHA256SUMS, ``at`` the instant of signing, ``runs`` what a pool is made of: each is
    named with the digest of its evidence. Raises UsageProblem for an acceptance of a phase that cannot be accepted.
    """
    if kind == APPROVAL:
        refuse_unacceptable(verdicts, phase)
    return {
        "_type": STATEMENT,
        "subject": _subject(verdicts),
        "predicateType": PREDICATES[kind],
        "predicate": {
            **(_approval(verdicts, phase, at) if kind == APPROVAL else _result(verdicts, phase)),
            EXTENSION: {
                "run": verdicts["run"]["id"],
                "phase": phase,
                "state": said(verdicts, phase),
                "role": role,
                "at": at,
                "evidence": [
                    {"name": SUMS, "digest": {"sha256": sums}},
                    {"name": VERDICTS, "digest": {"sha256": digest(verdicts)}},
                ],
                **({"pooled": [{"name": run.name, "digest": {"sha256": run.digest}} for run in runs]} if runs else {}),
            },
        },
    }


def said(verdicts: Mapping[str, Any], phase: int) -> str:
    """The state of a phase as the page says it, a rehearsal first."""
    state = verdicts["state"][str(phase)]
    return f"REHEARSAL {state['state']}" if state["rehearsal"] else str(state["state"])


def refuse_unacceptable(verdicts: Mapping[str, Any], phase: int) -> None:
    """Raise UsageProblem unless ``phase`` may be accepted: approved, and no rehearsal."""
    state = verdicts["state"][str(phase)]
    if state["rehearsal"]:
        what = "a REHEARSAL can never be signed as accepted"
    elif not str(state["state"]).startswith("APPROVED"):
        what = f"phase {phase} cannot be signed as accepted"
    else:
        return
    raise UsageProblem(
        what,
        where=f"{VERDICTS}, state.{phase}",
        found=f"{said(verdicts, phase)}: {state['sentence']}",
        possible="--results-only: the results are signed as they are, and nothing is accepted",
    )


def _subject(verdicts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The measured item: the engine, then each model file by its own digest."""
    identity = verdicts["run"]["identity"]
    engine = identity["engine"]
    library = engine.get("library_sha256")
    item = {
        "name": verdicts["target"]["measured"],
        "digest": {"sha256": library or digest(engine)},
        "annotations": {"digest of": "the engine's library" if library else "the engine's identity, as canonical JSON"},
    }
    models = [{"name": name, "digest": {"sha256": found}} for name, found in sorted(identity["models"].items())]
    return [item, *models]


def _result(verdicts: Mapping[str, Any], phase: int) -> dict[str, Any]:
    entries = deciding(verdicts["criteria"], phase)
    by_verdict = {
        verdict: sorted(entry["id"] for entry in entries if entry["verdict"] == verdict) for verdict in Verdict
    }
    state = verdicts["state"][str(phase)]
    approved = str(state["state"]).startswith("APPROVED")
    clean = approved and not state["rehearsal"] and not by_verdict[Verdict.WAIVED]
    claims = {entry["id"]: entry["claimed_by"] for entry in verdicts["criteria"]}
    return {
        "result": "PASSED" if clean else "WARNED" if approved else "FAILED",
        "configuration": [
            _profile(verdicts),
            {"name": verdicts["run"]["suite"] or "no suite", "digest": {"sha256": digest(claims)}},
        ],
        "passedTests": by_verdict[Verdict.PASS],
        "warnedTests": sorted([*by_verdict[Verdict.WAIVED], *by_verdict[Verdict.NOT_APPLICABLE]]),
        "failedTests": sorted(
            found
            for verdict in (Verdict.FAIL, Verdict.INVALID, Verdict.INCONCLUSIVE, Verdict.NOT_MEASURED)
            for found in by_verdict[verdict]
        ),
    }


def _approval(verdicts: Mapping[str, Any], phase: int, at: str) -> dict[str, Any]:
    state = said(verdicts, phase).replace(" ", "_")
    return {
        "verifier": {"id": VERIFIER, "policies": [_profile(verdicts)]},
        "timeCreated": at,
        "properties": [f"RAWRXD_PHASE_{phase}_ACCEPTED", f"RAWRXD_PHASE_{phase}_{state}"],
    }


def _profile(verdicts: Mapping[str, Any]) -> dict[str, Any]:
    profile = verdicts["profile"]
    return {"name": f"profile {profile['name']}", "digest": {"sha256": profile["digest"]}}
