"""What the hub signs: who the hub is, since which term, under which charter, with which keys of tokens.

A site is *full* when the charter limits it in nothing; only such a one may be the hub. Each statement names
the full sites and their public keys for signatures, and so says who may sign the next one. No I/O and no
cryptography: who calls says how a signature is checked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from keystone_viaduct.sync.charter import Charter, Edition, charter_to_json

#: Statements that a site keeps: the newest, and the last ones of so many terms before. Who was away for
#: longer, and knows no key of the present hub's, needs a person.
KEPT = 4

Verifies = Callable[[str, str, str], bool]
"""``(key, text, signature)``: whether the holder of that key has signed the text."""
Pinned = Callable[[str], str]
"""The key of a site as it was learnt from the site itself; '' where it was not."""


@dataclass(frozen=True, slots=True)
class Terms:
    """``hub`` is the hub in ``term``, says ``by``; the statement is its ``number`` th of that term.

    ``charter``: a digest for each part of it. ``sites``: each full one and its key, '' for one that does not
    sign. ``keys``: for each set of keys of tokens how often it has changed in this term, and its digest.
    """

    fleet: str
    hub: str
    term: int
    number: int
    by: str
    edition: Edition = field(default_factory=Edition)
    charter: Mapping[str, str] = field(default_factory=dict)
    sites: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def office(self) -> tuple[int, str]:
        """Of two hubs the one with the higher office counts."""
        return self.term, self.hub


@dataclass(frozen=True, slots=True)
class Statement:
    """``text`` as it was signed, ``signatures`` by key, and what this release reads in it."""

    text: str
    signatures: Mapping[str, str]
    terms: Terms


Lineage = tuple[Statement, ...]
"""The newest statement, and before it the last ones of earlier terms, oldest first."""


def fleet_of(secret: bytes) -> str:
    """The name of a fleet: its sites have one secret. '' before a site has joined."""
    return hashlib.sha256(b"viaduct fleet\n" + secret).hexdigest()[:32] if secret else ""


def parts_of(charter: Charter) -> dict[str, str]:
    """A digest for each part of a charter: a release that does not know a part can check the others. So what
    a later release adds to a charter has to be a part of its own.
    """
    body = {name: value for name, value in charter_to_json(charter).items() if value and name != "edition"}
    return {name: hashlib.sha256(_text(value).encode()).hexdigest()[:32] for name, value in body.items()}


def is_signed_charter(terms: Terms, charter: Charter) -> bool:
    """Whether that is the charter of the statement, as far as this release knows its parts."""
    known = set(parts_of(charter)) | (set(charter_to_json(Charter())) | {"retired", "external"})
    signed = {name: digest for name, digest in terms.charter.items() if name in known}
    return charter.edition == terms.edition and parts_of(charter) == signed


def is_later(one: Terms, other: Terms) -> bool:
    """Whether the first may take the place of the second: nothing in it goes back."""
    if one.office != other.office:
        return one.office > other.office
    back = any(one.keys.get(name, (0, ""))[0] < serial for name, (serial, _) in other.keys.items())
    return one.number > other.number and one.edition >= other.edition and not back


def walk(
    known: Statement | None, told: Iterable[Statement], verifies: Verifies, pinned: Pinned
) -> list[Statement]:
    """What of it may be believed by one who knows ``known``, in order: each is later than the one before.

    All of one term come before the next one, so that who was limited late in a term does not lead after it.
    """
    found: list[Statement] = []
    for one in sorted(told, key=lambda one: (one.terms.office, one.terms.number)):
        if known is not None and not is_later(one.terms, known.terms):
            continue
        if is_genuine(known, one, verifies, pinned):
            found.append(one)
            known = one
    return found


def is_genuine(known: Statement | None, told: Statement, verifies: Verifies, pinned: Pinned) -> bool:
    """Whether it is signed by a site that was full under the last known statement.

    The hub signs; of a hub that hands over, its successor, too. Of a site whose key nobody has learnt yet
    the first one counts.
    """
    terms, before = told.terms, known.terms if known is not None else None
    keys = {pinned(terms.by)} - {""}
    if before is not None:
        if terms.fleet != before.fleet or not {terms.by, terms.hub} <= before.sites.keys():
            return False
        if terms.by != terms.hub and (terms.by != before.hub or terms.term != before.term + 1):
            return False
        keys |= {before.sites[terms.by]} - {""}
    elif terms.by != terms.hub:
        return False
    return any(verifies(key, told.text, told.signatures.get(key, "")) for key in keys or _own(terms))


def _own(terms: Terms) -> set[str]:
    return {terms.sites.get(terms.by, "")} - {""}


def is_self_signed(told: Statement, verifies: Verifies) -> bool:
    """Whether who signs it is who it says: good for the first statement of a site that is believed anyway."""
    keys = _own(told.terms)
    return any(verifies(key, told.text, told.signatures.get(key, "")) for key in keys)


def extended(lineage: Lineage, believed: Sequence[Statement]) -> Lineage:
    """With these behind it: of each term the last one."""
    found: dict[tuple[int, str], Statement] = {}
    for one in (*lineage, *believed):
        found[one.terms.office] = one
    return tuple(found[office] for office in sorted(found))[-KEPT - 1 :]


def terms_to_text(terms: Terms) -> str:
    """What is signed."""
    return _text(
        {
            "fleet": terms.fleet,
            "hub": terms.hub,
            "term": terms.term,
            "number": terms.number,
            "by": terms.by,
            "edition": [*terms.edition],
            "charter": dict(terms.charter),
            "sites": dict(terms.sites),
            "keys": {name: [*entry] for name, entry in terms.keys.items()},
        }
    )


def terms_from_json(body: Mapping[str, Any]) -> Terms:
    """What a text says that was checked before."""
    return Terms(
        body["fleet"],
        body["hub"],
        body["term"],
        body["number"],
        body["by"],
        Edition(*body["edition"]),
        dict(body["charter"]),
        dict(body["sites"]),
        {name: (entry[0], entry[1]) for name, entry in body["keys"].items()},
    )


def statement_digest(statement: Statement) -> str:
    """What names a statement to who has it: it speaks of all full sites, and is long where there are many."""
    return _digest(statement.text, tuple(sorted(statement.signatures.items())))


@lru_cache(maxsize=64)
def _digest(text: str, signatures: tuple[tuple[str, str], ...]) -> str:
    return hashlib.sha256(_text([text, signatures]).encode()).hexdigest()


def statement_to_json(statement: Statement) -> dict[str, Any]:
    """As it travels, and as it is kept."""
    return {"text": statement.text, "signatures": dict(statement.signatures)}


def statement_from_json(body: Mapping[str, Any]) -> Statement:
    """The opposite of :func:`statement_to_json`, for what was checked before it was stored."""
    return Statement(body["text"], dict(body["signatures"]), terms_from_json(json.loads(body["text"])))


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
