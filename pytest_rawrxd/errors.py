"""Everything this package raises on purpose.

    RawrxdError
    ├── UsageProblem           found before the first measurement: exit code 4, nothing started
    │   ├── ProfileProblem     a profile that cannot be believed as written
    │   ├── ModelProblem       a model file or folder that cannot be what it claims
    │   │   └── QuantiserFailed  a variant that could not be made; a folder's others are measured without it
    │   └── CampaignProblem    the run directory belongs to another identity or is in use
    ├── RigTrouble             found while running: recorded, the run goes on
    │   ├── LoadFailed         the engine refused the model
    │   ├── EngineCrashed      the engine process ended by itself
    │   └── EngineHung         the engine missed its deadline and was stopped
    ├── Absent                 a lane that did not come to what all lanes begin together
    ├── EvidenceProblem        a run directory that does not hold what it says
    ├── NotAPass               a criterion that is neither kept nor broken
    │   ├── Inconclusive
    │   ├── Invalid
    │   └── NotMeasured
    └── SuiteDefect            an acceptance test that contradicts its own claim

A broken promise is not here: it is an AssertionError, so that every reporter calls it a failure.
"""

from __future__ import annotations

from collections.abc import Sequence


class RawrxdError(Exception):
    """A message in the one voice of this project: what, where, what was found, what is possible."""

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        found: str | None = None,
        possible: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.found = found
        self.possible = possible

    def __str__(self) -> str:
        parts = (("where", self.where), ("found", self.found), ("possible", self.possible))
        return "\n".join([self.what, *(f"  {name}: {text}" for name, text in parts if text)])


class UsageProblem(RawrxdError):
    """Found before the first measurement; nothing was started and nothing is lost."""


class ProfileProblem(UsageProblem):
    """A profile that cannot be believed as written. ``others`` are further problems of the same profile."""

    others: tuple[ProfileProblem, ...] = ()

    @classmethod
    def of(cls, problems: Sequence[ProfileProblem]) -> ProfileProblem:
        """The first of ``problems``, which speaks for all of them."""
        first, *others = problems
        first.others = tuple(others)
        return first

    def __str__(self) -> str:
        return "\n\n".join([super().__str__(), *map(str, self.others)])


class ModelProblem(UsageProblem):
    """A model file or folder that cannot be what it claims."""


class QuantiserFailed(ModelProblem):
    """A variant could not be made from a more precise file."""


class CampaignProblem(UsageProblem):
    """The run directory belongs to another identity or to a running session."""


class RigTrouble(RawrxdError):
    """Trouble with the thing under test while it runs; recorded, and the run goes on."""

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        found: str | None = None,
        possible: str | None = None,
        log_tail: tuple[str, ...] = (),
    ) -> None:
        super().__init__(what, where=where, found=found, possible=possible)
        self.log_tail = log_tail


class LoadFailed(RigTrouble):
    """The engine refused the model."""


class EngineCrashed(RigTrouble):
    """The engine process ended by itself."""


class EngineHung(RigTrouble):
    """The engine missed its deadline and was stopped."""


class Absent(RawrxdError):
    """A lane that did not come to what all lanes begin together."""


class EvidenceProblem(RawrxdError):
    """A run directory that does not hold what it says."""


class NotAPass(RawrxdError):
    """A criterion that is neither kept nor broken."""


class Inconclusive(NotAPass):
    """The interval reaches over the limit: more evidence is needed."""


class Invalid(NotAPass):
    """The evidence cannot be used."""


class NotMeasured(NotAPass):
    """There is no evidence."""


class SuiteDefect(RawrxdError):
    """An acceptance test that contradicts its own claim."""
