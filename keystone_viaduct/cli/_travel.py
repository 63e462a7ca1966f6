"""Records that could not travel, found before a site joins: each is read, digested, made a part of a page,
and read from it again, as its first synchronisation would do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from keystone_viaduct.cli._terminal import Terminal
from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.documents.digest import field_digest
from keystone_viaduct.errors import BadDocument, ViaductError
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import DELETED, Change, Document, Dot, FieldState, Ref, Version, life
from keystone_viaduct.sync.sealing import KeyRing, PageOpener, PageSealer
from keystone_viaduct.sync.wire import body, limits
from keystone_viaduct.sync.wire.page import change_from_json, change_to_json

BATCH = 500
#: Records that are told; of more of them the number.
TOLD = 20
_DOT = Dot("probe#0", 1)
_SECRET = b"a secret for a probe"


class Stuck(NamedTuple):
    """A record that can't travel, and why not."""

    ref: Ref
    why: str

    def __str__(self) -> str:
        return f"{self.ref}: {self.why}"


class Probe:
    """Tries each record of a database."""

    def __init__(self, engine: sa.engine.Engine, codecs: Codecs) -> None:
        self._engine = engine
        self._codecs = codecs
        self._ring = KeyRing.generate()

    def find(self) -> Iterator[Stuck]:
        """All that could not travel; in batches."""
        with self._engine.connect() as connection:
            for kind in self._codecs.kinds:
                after: str | None = None
                while keys := self._codecs.keys(connection, kind, after, BATCH):
                    yield from self._batch(connection, kind, keys)
                    after = keys[-1]

    def _batch(self, connection: sa.engine.Connection, kind: str, keys: Sequence[str]) -> Iterator[Stuck]:
        try:
            found = self._codecs.load(connection, kind, keys)
        except Exception as error:  # noqa: BLE001 - whatever it is, the record is named with it
            if len(keys) == 1:
                yield Stuck(Ref(kind, keys[0]), _in_words(kind, error))
                return
            middle = len(keys) // 2
            yield from self._batch(connection, kind, keys[:middle])
            yield from self._batch(connection, kind, keys[middle:])
            return
        for key, document in found.items():
            why = self._problem(Ref(kind, key), document)
            if why:
                yield Stuck(Ref(kind, key), why)

    def _problem(self, ref: Ref, document: Document) -> str:
        defaults = self._codecs.defaults(ref.kind)
        told = {name: value for name, value in document.items() if defaults.get(name, ...) != value}
        sealer = PageSealer(self._ring.public_key)
        try:
            digests = {name: field_digest(_SECRET, ref.kind, name, value) for name, value in told.items()}
            fields = {name: FieldState(1, _DOT, digest) for name, digest in digests.items()}
            fields[DELETED] = life(1, _DOT, deleted=False)
            change = Change(ref, 1, Version().plus(_DOT), _DOT, fields, told)
            data = body.dumps(change_to_json(change, sealer.seal))
            if len(data) > limits.BODY_OPEN:
                return f"it is larger than the {limits.BODY_OPEN} bytes that a page may have"
            back = change_from_json(body.loads(data), "it", PageOpener(self._ring, sealer.header).open)
            REGISTRY[ref.kind].check({**defaults, **back.document})
        except Exception as error:  # noqa: BLE001 - whatever it is, the record is named with it
            return _in_words(ref.kind, error)
        return ""


def _in_words(kind: str, error: Exception) -> str:
    """Of a record that has secrets an error that nobody has foreseen says nothing but its name."""
    if isinstance(error, BadDocument) or (isinstance(error, ViaductError) and not REGISTRY[kind].secret):
        return error.message
    return type(error).__name__


def tell(terminal: Terminal, found: Sequence[Stuck]) -> None:
    """Name them, and what becomes of them."""
    if not found:
        return
    terminal.say(f"records that can't travel as they are: {len(found)}")
    for stuck in found[:TOLD]:
        terminal.say(f"  {stuck}")
    terminal.say(
        "Change them before the site joins; after it they stay here alone, named by `viaduct status`."
    )
