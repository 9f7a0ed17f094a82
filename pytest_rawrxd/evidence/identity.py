"""What was tested, where: the identity that all evidence of one run directory shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from pytest_rawrxd.evidence.canonical import digest


@dataclass(frozen=True)
class Identity:
    """Digest of the profile, SHA-256 per model variant, the engine, the driver and the machine."""

    profile: str
    models: dict[str, str]
    engine: dict[str, Any]
    driver: str | None
    machine: dict[str, Any]

    @property
    def digest(self) -> str:
        return digest(asdict(self))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Identity:
        return cls(**{key: data[key] for key in cls.__dataclass_fields__})

    def kind(self) -> Identity:
        """This identity without what tells one specimen from the next: the cards' UUIDs, and a server's address."""
        cards = [{"name": card["name"]} for card in self.machine.get("gpus", ())]
        machine = {**self.machine, **({"gpus": cards} if "gpus" in self.machine else {})}
        engine = dict(self.engine)
        if isinstance(engine.get("details"), dict):
            engine["details"] = {name: value for name, value in engine["details"].items() if name != "url"}
        return replace(self, machine=machine, engine=engine)

    def fields(self) -> dict[str, Any]:
        """Every single value by its dotted name: ``engine.version``, ``models.Q4_K``, ``driver``."""
        return dict(_flat(asdict(self)))

    def differences(self, other: Identity) -> list[str]:
        """Each field in which ``other`` is another thing: ``engine.version: 'b1' is now 'b2'``."""
        mine, theirs = self.fields(), other.fields()
        return [
            f"{name}: {mine.get(name)!r} is now {theirs.get(name)!r}"
            for name in sorted(mine.keys() | theirs.keys())
            if mine.get(name) != theirs.get(name)
        ]


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key))
    else:
        yield name, value
