"""Records may be of any shape: what is derived from them is a result or an EvidenceProblem."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_rawrxd.errors import EvidenceProblem, RawrxdError


@contextmanager
def believed(run_dir: Path, doing: str) -> Iterator[None]:
    """Turn whatever a record of a wrong shape makes the code inside raise into an EvidenceProblem with its place.

    The place is told because it may as well be a defect of ours: then it is what has to be reported.
    """
    try:
        yield
    except RawrxdError:
        raise
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise EvidenceProblem(
            f"the evidence cannot be {doing}: a record is not of the shape that a session writes",
            where=run_dir.name,
            found=f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}: {str(error)[:200]!a}",
            possible="the run directory as it was measured, and the version that measured it",
        ) from error
