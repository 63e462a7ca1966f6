"""Any number of copies of the small world of ``tests.unit.documents.world``: many records of every kind."""

from __future__ import annotations

import hashlib
from typing import Any

from keystone_viaduct.kinds.model import Kind
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import Document, key_part
from tests.unit.documents.world import items_of

Maps = dict[str, dict[str, str]]

#: Part of a natural key, but one of a few words that the column takes.
ENUMERATED = ("entity_type",)


def copy_of(number: int) -> dict[str, list[Document]]:
    """A copy by kind, all of whose ids and names are its own."""
    maps: Maps = {}
    for kind in REGISTRY.values():
        own = _own_id(kind)
        if own is None:
            continue
        for key, document in items_of(kind.name):
            maps.setdefault(kind.name, {})[key] = key_part(_renumbered(str(document[own]), number))
    return {
        kind.name: [_copied(kind, document, maps, number) for _, document in items_of(kind.name)]
        for kind in REGISTRY.values()
    }


def _own_id(kind: Kind) -> str | None:
    """The field that is its key and refers to nothing."""
    named = {reference.field for reference in kind.references}
    return kind.key[0] if len(kind.key) == 1 and kind.key[0] not in named else None


def _renumbered(text: str, number: int) -> str:
    """As long as before where it is as long as Keystone's own ids."""
    if len(text) < 32:
        return f"{text}-{number}"
    return hashlib.sha256(f"{text}/{number}".encode()).hexdigest()[: len(text)]


def _copied(kind: Kind, document: Document, maps: Maps, number: int) -> Document:
    own, named = _own_id(kind), {reference.field for reference in kind.references}
    found = kind.rekey(document, maps)
    if own:
        found[own] = _renumbered(str(document[own]), number)
    for natural in kind.natural:
        for name in natural.fields:
            value = found.get(name)
            if name in {*named, *kind.key, *ENUMERATED}:
                continue
            if isinstance(value, str) and value == document.get(name):
                found[name] = f"{value}{number}"
        items: Any = found.get(natural.each) if natural.each else None
        if natural.each and items:
            found[natural.each] = [_element(item, number) for item in items]
    if kind.name == "revocation_event":
        found["audit_chain_id"] = f"chain{number}"
    return found


def _element(item: Any, number: int) -> Any:
    if isinstance(item, dict):
        return {**item, "unique_id": f"{item['unique_id']}{number}"}
    return f"{item}/{number}"


#: A field of each kind that a page changes, and what to; of the others the records are made and deleted only.
CHANGED: dict[str, tuple[str, Any]] = {
    "region": ("description", "changed"),
    "service": ("enabled", False),
    "endpoint": ("url", "https://changed/"),
    "endpoint_group": ("description", "changed"),
    "policy": ("blob", '{"changed": ""}'),
    "domain": ("description", "changed"),
    "domain_config": ("whitelisted.ldap/url", "ldap://changed"),
    "role": ("description", "changed"),
    "project": ("description", "changed"),
    "registered_limit": ("default_limit", 11),
    "limit": ("resource_limit", 21),
    "identity_provider": ("description", "changed"),
    "mapping": ("schema_version", "1.0"),
    "federation_protocol": ("remote_id_attribute", "changed"),
    "service_provider": ("description", "changed"),
    "user": ("enabled", False),
    "group": ("description", "changed"),
    "expiring_membership": ("last_verified", "2026-04-04T05:06:07Z"),
    "consumer": ("description", "changed"),
    "request_token": ("verifier", "changed"),
    "access_token": ("expires_at", "2027-03-04T05:06:07Z"),
    "application_credential": ("description", "changed"),
    "trust": ("remaining_uses", 2),
    "credential": ("type", "cert"),
}
