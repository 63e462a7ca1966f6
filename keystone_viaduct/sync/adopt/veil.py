"""Secrets as digests, so that two inventories can be compared without a secret leaving its site.

Equal secrets have equal digests under one salt, which each inventory file has of its own. Nothing else of a
secret is in it: when a password was set and when it expires is none.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

from keystone_viaduct.documents.digest import canonical, field_digest
from keystone_viaduct.kinds.model import JSON, Document, Kind

#: What a person may have chosen can be guessed by trying, so its digests are slow to make: a hundredth of a
#: second, and 4 MiB. The others are salted hashes of passwords, or random.
_SLOW = {"n": 2**12, "r": 8, "p": 1}
_SALT = 32
#: Item -> the part of it that is secret, where a field is a list of objects with more in them.
_PARTS = {("user", "passwords"): "password_hash"}


class Veil:
    """Puts digests under one salt in the place of secrets.

    ``kept``: neither salt nor digests leave this process, so that nobody can try guesses.
    """

    def __init__(self, salt: bytes, *, kept: bool = False) -> None:
        self.salt = salt
        self._kept = kept
        self._known: dict[tuple[str, str, bytes], str] = {}

    @classmethod
    def new(cls, *, kept: bool = False) -> Veil:
        """One that nobody else has."""
        return cls(os.urandom(_SALT), kept=kept)

    def over(self, kind: Kind, document: Document) -> Document:
        """The document with a digest for each secret."""
        return {name: self._field(kind, document, name, value) for name, value in document.items()}

    def _field(self, kind: Kind, document: Mapping[str, JSON], name: str, value: JSON) -> JSON:
        if value is None or not kind.is_secret(name):
            return value
        part = _PARTS.get((kind.name, name))
        if part is not None and isinstance(value, list):
            return [self._item(kind.name, name, part, item) for item in value]
        return self._digest(kind.name, name, value, guessable=_is_guessable(kind, document))

    def _item(self, kind: str, field: str, part: str, item: JSON) -> JSON:
        if not isinstance(item, dict) or item.get(part) is None:
            return item
        return {**item, part: self._digest(kind, f"{field}.{part}", item[part], guessable=False)}

    def _digest(self, kind: str, field: str, value: JSON, *, guessable: bool) -> str:
        if self._kept or not guessable:
            return field_digest(self.salt, kind, field, value)
        place = (kind, field, canonical(value))
        if place not in self._known:
            slow = hashlib.scrypt(place[2], salt=self.salt, dklen=_SALT, **_SLOW)
            self._known[place] = field_digest(self.salt, kind, field, slow.hex())
        return self._known[place]


def _is_guessable(kind: Kind, document: Mapping[str, JSON]) -> bool:
    """Keystone makes the keys of EC2 itself; any other credential, and the options of a domain, people do."""
    return kind.name == "domain_config" or (kind.name == "credential" and document.get("type") != "ec2")
