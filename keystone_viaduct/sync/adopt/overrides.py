"""What an operator decides differently: which id survives, or that two records are not the same."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from keystone_viaduct.errors import ConfigError
from keystone_viaduct.kinds.registry import get


class Choice(enum.Enum):
    """Whose id survives; ``APART``: they are different things that happen to have one name."""

    HUB = "hub"
    HERE = "here"
    APART = "apart"


_HINT = "write KIND/KEY=here, =hub or =apart, the key being an id of either site or the record's name"


class Overrides:
    """Choices by record: ``(kind, key)``, the key being an id of either side or the record's label."""

    def __init__(self, choices: Mapping[tuple[str, str], Choice] | None = None) -> None:
        self._choices = dict(choices or {})
        self._used: set[tuple[str, str]] = set()

    @classmethod
    def parse(cls, texts: Iterable[str], file: Path | None = None) -> Overrides:
        """From ``KIND/KEY=CHOICE`` texts and a YAML file that maps ``KIND/KEY`` to a choice; texts win.

        Raises ConfigError, UnknownKind.
        """
        pairs = list(read_map(file, _HINT).items()) if file is not None else []
        for text in texts:
            name, equals, choice = text.rpartition("=")
            if not equals:
                raise ConfigError(f"{text!r} is no override", hint=_HINT)
            pairs.append((name, choice))
        return cls({_address(name): _choice(name, choice) for name, choice in pairs})

    def of(self, kind: str, *names: str) -> Choice | None:
        """What was decided for the record that has these ids and names."""
        for name in names:
            found = self._choices.get((kind, name))
            if found is not None:
                self._used.add((kind, name))
                return found
        return None

    def unused(self) -> list[str]:
        """Overrides that named no record that matches another."""
        return sorted(f"{kind}/{name}" for kind, name in self._choices.keys() - self._used)


def read_map(path: Path, hint: str) -> dict[str, str]:
    """A YAML file of one choice a line. Raises ConfigError, with ``hint``."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} can't be read: {error}", hint=hint) from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path} is no map of choices", hint=f"one KIND/KEY: CHOICE a line; {hint}")
    return {str(name): str(choice) for name, choice in found.items()}


def _address(name: str) -> tuple[str, str]:
    kind, slash, key = name.partition("/")
    if not slash or not key:
        raise ConfigError(f"{name!r} names no record", hint=_HINT)
    return get(kind).name, key


def _choice(name: str, text: str) -> Choice:
    try:
        return Choice(text)
    except ValueError:
        raise ConfigError(f"{name} can't be {text!r}", hint=_HINT) from None
