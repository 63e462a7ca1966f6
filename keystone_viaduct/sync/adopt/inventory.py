"""What a site holds: every record as a document, from its database or from a file made where that is.

A file carries digests of the secrets instead of them, under a salt of its own.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import sqlalchemy as sa

from keystone_viaduct.documents.cipher import CredentialCipher
from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.documents.schema import reflect
from keystone_viaduct.errors import ConfigError, Unreadable
from keystone_viaduct.kinds.model import Document
from keystone_viaduct.kinds.raw import dumps_list, parse_list
from keystone_viaduct.kinds.registry import REGISTRY

from .names import CUSTOMARY, Held, usually_compared
from .veil import Veil

PAGE = 500
FORMAT = "viaduct-inventory 2"
_WITHOUT_DIGESTS = "viaduct-inventory 1"
_COLLATIONS = """
    SELECT count(*) FROM information_schema.columns
    WHERE table_schema = database() AND table_name IN ('local_user', 'project', 'role', 'group')
    AND column_name = 'name' AND collation_name LIKE '%\\_ci'
"""


class Inventory(Protocol):
    """All records of one site. ``documents`` is called once per kind, in the registry's order."""

    @property
    def site(self) -> str:
        """The site's name."""

    @property
    def folds(self) -> bool:
        """Whether its database takes names that differ in case for equal."""

    @property
    def secrets(self) -> bool:
        """Whether the documents hold their secret fields, or digests of them."""

    @property
    def veil(self) -> Veil | None:
        """What has put digests in the place of secrets; None where they stand themselves."""

    def documents(self, kind: str) -> Mapping[str, Document]:
        """Key -> document; empty for a kind that the site's release does not store."""


@runtime_checkable
class AtHand(Protocol):
    """An inventory whose database can be asked how it compares."""

    def compared(self, held: Sequence[Held]) -> Mapping[Held, object]:
        """What it compares in place of these values."""


class DatabaseInventory:
    """A site's inventory read from its database. Raises SchemaMissing where that is not Keystone's."""

    secrets = True
    veil: Veil | None = None

    def __init__(self, site: str, engine: sa.engine.Engine, cipher: CredentialCipher) -> None:
        self.site = site
        # Understood by our own engines: on SQLite the reader does not keep Keystone from writing.
        self._engine = engine.execution_options(viaduct_read_only=True)
        self._codecs = Codecs(reflect(self._engine), cipher)
        self.unreadable: list[str] = []

    @property
    def folds(self) -> bool:
        """Whether names are compared without case: MySQL's and MariaDB's usual collations do that."""
        if self._engine.dialect.name not in ("mysql", "mariadb"):
            return False
        with self._engine.connect() as connection:
            return bool(connection.execute(sa.text(_COLLATIONS)).scalar())

    def compared(self, held: Sequence[Held]) -> Mapping[Held, object]:
        """What the database compares in place of these values; customary names as is usual."""
        asked = [item for item in held if item[0] in self._codecs.kinds and item[1] != CUSTOMARY]
        with self._engine.connect() as connection:
            found = self._codecs.folded(connection, asked)
        return {**usually_compared(held), **found}

    def documents(self, kind: str) -> Mapping[str, Document]:
        """Key -> document. Credentials that no key opens are left out and named in ``unreadable``."""
        if kind not in self._codecs.kinds:
            return {}
        found: dict[str, Document] = {}
        with self._engine.connect() as connection:
            for keys in self._pages(connection, kind):
                found.update(self._load(connection, kind, keys))
        return found

    def _pages(self, connection: sa.engine.Connection, kind: str) -> Iterator[list[str]]:
        after: str | None = None
        while keys := self._codecs.keys(connection, kind, after, PAGE):
            yield keys
            after = keys[-1]

    def _load(self, connection: sa.engine.Connection, kind: str, keys: list[str]) -> dict[str, Document]:
        try:
            return self._codecs.load(connection, kind, keys)
        except Unreadable as error:
            closed = set(error.fields["keys"])
            self.unreadable += sorted(closed)
            return self._codecs.load(connection, kind, [key for key in keys if key not in closed])


#: Where the document stands in a line.
_DOCUMENT = (2,)


def save_inventory(inventory: Inventory, path: Path) -> int:
    """Write it to a file that :class:`FileInventory` reads, with digests for secrets; how many records."""
    count, veil = 0, Veil.new()
    part = path.with_name(f"{path.name}.part")
    part.touch(mode=0o600)
    with gzip.open(part, "wt", encoding="utf-8") as out:
        head = {"format": FORMAT, "site": inventory.site, "folds": inventory.folds, "salt": veil.salt.hex()}
        out.write(json.dumps(head) + "\n")
        for name, kind in REGISTRY.items():
            for key, document in inventory.documents(name).items():
                out.write(dumps_list([name, key, veil.over(kind, document)], _DOCUMENT) + "\n")
                count += 1
    os.replace(part, path)
    return count


class FileInventory:
    """An inventory from a file. Raises ConfigError when it is not one.

    One that an older release made holds nothing of secrets at all.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        head = next(self._lines())
        if not isinstance(head, dict) or head.get("format") not in (FORMAT, _WITHOUT_DIGESTS):
            raise _not_one(path, "its first line says something else")
        try:
            self.site = str(head["site"])
            self.folds = bool(head["folds"])
            self.veil = Veil(bytes.fromhex(head["salt"])) if head["format"] == FORMAT else None
        except (KeyError, TypeError, ValueError) as error:
            raise _not_one(path, f"its first line lacks {error}") from error
        self.secrets = self.veil is not None

    def documents(self, kind: str) -> Mapping[str, Document]:
        """Key -> document, with digests for secrets. The file is read anew for each kind."""
        lines = self._lines()
        next(lines)
        return {key: document for name, key, document in lines if name == kind}

    def _lines(self) -> Iterator[Any]:
        try:
            with gzip.open(self._path, "rt", encoding="utf-8") as lines:
                for line in lines:
                    yield parse_list(line, _DOCUMENT) if line.startswith("[") else json.loads(line)
        except (OSError, EOFError, ValueError) as error:
            raise _not_one(self._path, str(error)) from error


def _not_one(path: Path, why: str) -> ConfigError:
    return ConfigError(
        f"{path} is no inventory: {why}", hint="make one at the hub with 'viaduct adopt HUB --export FILE'"
    )
