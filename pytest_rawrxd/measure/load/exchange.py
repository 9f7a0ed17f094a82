"""What is written down of one request on the wire."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.rig.server.response import Response


@dataclass(slots=True)
class Exchange:
    """What is written down while a request runs; ``response`` is made of it after the run."""

    number: int  #: of the request in the plan
    intended_ns: int
    sent_ns: int = 0
    ended_ns: int = 0
    status: int | None = None
    content_type: str = ""
    retry_after: str = ""
    location: str = ""
    chunks: list[bytes] = field(default_factory=list)
    stamps_ns: list[int] = field(default_factory=list)
    broken: Failure = Failure.NONE
    detail: str = ""

    def response(self) -> Response:
        """The exchange as a dialect reads it."""
        return Response(
            status=self.status,
            content_type=self.content_type,
            chunks=self.chunks,
            stamps_ns=self.stamps_ns,
            broken=self.broken,
            detail=self.detail,
            retry_after=self.retry_after,
            location=self.location,
        )
