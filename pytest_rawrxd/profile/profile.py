"""A resolved profile: the promise that a run is held to, whole and with its digest."""

from __future__ import annotations

import hashlib
from typing import Any, Final, Literal

import rfc8785
from pydantic import Field, ValidationError

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.profile.criterion import Criterion
from pytest_rawrxd.profile.gates import Gates
from pytest_rawrxd.profile.hardware import Hardware, Roles, Target
from pytest_rawrxd.profile.locate import dotted
from pytest_rawrxd.profile.models import Models
from pytest_rawrxd.profile.operation import Energy, Use
from pytest_rawrxd.profile.protocol import Protocol
from pytest_rawrxd.profile.section import Section
from pytest_rawrxd.profile.written import tuples

SCHEMA: Final = "pytest-rawrxd/profile/1"


class Profile(Section):
    """What is promised and how it is measured.

    ``criteria`` keeps the order of the files. ``digest`` is the sha256 of the canonical JSON of everything that can
    change a verdict or its wording: the places of the numbers (``files``, ``bound_at``) are no part of it. ``files``
    are the files of the ``extends`` chain as a report shows them, the profile's own first.
    """

    name: str
    title: str
    kind: Literal["acceptance", "rehearsal"]
    digest: str
    files: tuple[str, ...]
    target: Target
    hardware: Hardware
    models: Models
    protocol: Protocol
    gates: Gates
    roles: Roles
    energy: Energy | None = None
    uses: dict[str, Use] = Field(default={})
    criteria: dict[str, Criterion]

    @property
    def label(self) -> str:
        """How a command line names it: its name where that is looked up, else the path of its file."""
        file = next(iter(self.files), "")
        return self.name if file in {"", f"fixtures/profiles/{self.name}.toml"} else file

    @property
    def lanes(self) -> int:
        """How many acceptance processes may run at once."""
        return max(1, self.hardware.gpus)

    def to_resolved(self) -> dict[str, Any]:
        """Plain JSON from which ``from_resolved`` restores the profile without its TOML files."""
        return {"schema": SCHEMA, **self.model_dump(mode="json")}

    @classmethod
    def from_resolved(cls, resolved: Any) -> Profile:
        """The profile that a run directory carries; raises EvidenceProblem when it is not what it was."""
        schema = resolved.get("schema") if isinstance(resolved, dict) else None
        if schema != SCHEMA:
            raise EvidenceProblem("the stored profile has another schema", found=repr(schema), possible=SCHEMA)
        try:
            profile = cls.model_validate(tuples({key: value for key, value in resolved.items() if key != "schema"}))
        except ValidationError as refused:
            first = refused.errors(include_url=False)[0]
            raise EvidenceProblem(
                "the stored profile cannot be read",
                where=dotted(first["loc"]),
                found=first["msg"],
                possible=f"a profile as {SCHEMA} describes it",
            ) from refused
        # Of what is stored and not of what it reads as: a field that is newer than the file is no change of the file.
        digest = digest_of_resolved(resolved)
        if digest != profile.digest:
            raise EvidenceProblem(
                f"the stored profile {profile.name!r} was changed",
                found=f"its content has the digest {digest}",
                possible=f"the content of {profile.digest}, which it names",
            )
        return profile


def digest_of(profile: Profile) -> str:
    """The sha256 of the profile's content, in hexadecimal."""
    return digest_of_resolved(profile.to_resolved())


def digest_of_resolved(resolved: dict[str, Any]) -> str:
    """The same of the plain JSON that ``to_resolved`` gives."""
    content = {key: value for key, value in resolved.items() if key not in {"schema", "digest", "files"}}
    content["criteria"] = {
        name: {key: value for key, value in criterion.items() if key != "bound_at"}
        for name, criterion in resolved["criteria"].items()
    }
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()
