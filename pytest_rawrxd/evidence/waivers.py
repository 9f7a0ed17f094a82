"""The waivers of a run and the day they are judged on, as a record of a session of its own."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path

from pytest_rawrxd.evidence.campaign import SessionLock, read_card, refuse_signed
from pytest_rawrxd.evidence.ledger import LedgerWriter
from pytest_rawrxd.evidence.raw import save_bytes
from pytest_rawrxd.measure.clock import Clock

WAIVERS = "waivers"


def record_waivers(run_dir: Path, content: bytes, day: date, clock: Clock) -> str:
    """Keep the file ``content`` in the run with the ``day`` it is judged on, and return the record's evidence id.

    The newest record counts; earlier ones stay, so that what was once excused remains to be seen.
    """
    with SessionLock(run_dir):
        refuse_signed(run_dir)
        campaign = read_card(run_dir)
        session = campaign.new_session()
        ref = save_bytes(run_dir, session, f"{WAIVERS}.toml", content)
        with LedgerWriter(
            run_dir / "ledger", session=session, worker=WAIVERS, identity=campaign.identity.digest, clock=clock
        ) as ledger:
            return ledger.write(WAIVERS, {"day": day.isoformat(), "raw": asdict(ref)}).id
