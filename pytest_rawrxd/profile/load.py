"""The way from a name to a profile that can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_rawrxd.profile.complaint import raise_complaints
from pytest_rawrxd.profile.consistency import check
from pytest_rawrxd.profile.inherit import read_chain
from pytest_rawrxd.profile.profile import Profile, digest_of
from pytest_rawrxd.profile.resolve import resolve
from pytest_rawrxd.profile.secrets import refuse_secrets
from pytest_rawrxd.profile.source import find, search_folders
from pytest_rawrxd.profile.written import read_written


def load_profile(name_or_path: str, *, search: Sequence[Path] | None = None) -> Profile:
    """The profile of that name or file, with everything it extends.

    A name is looked up in ``search``, by default ``./fixtures/profiles`` and then the package's own profiles. Raises
    ProfileProblem, which names file, line and key of everything that is wrong at once.
    """
    folders = search_folders() if search is None else tuple(search)
    path = find(name_or_path, folders)
    chain = read_chain(path, folders)
    refuse_secrets(chain)  # first: every other complaint quotes what is written
    written, entries, complaints = read_written(chain.data)
    raise_complaints([*complaints, *check(written, entries)], chain)
    assert written is not None  # noqa: S101 - it is None only beside complaints
    profile = Profile(
        name=path.stem,
        title=written.title,
        kind=written.kind,
        digest="",
        files=tuple(source.shown for source in chain.sources),
        target=written.target,
        hardware=written.hardware,
        models=written.models,
        protocol=written.protocol,
        gates=written.gates,
        roles=written.roles,
        energy=written.energy,
        uses=written.uses,
        criteria={name: resolve(name, written, chain) for name in written.criteria},
    )
    return profile.model_copy(update={"digest": digest_of(profile)})
