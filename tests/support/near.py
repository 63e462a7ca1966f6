"""Names that are nearly alike, and records of every kind that has a name to hold them."""

from __future__ import annotations

from typing import Any

from keystone_viaduct.documents.names import KEY
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import Document
from tests.unit.documents.world import one

PAIRS = [
    ("Auditor", "auditor"),
    ("José", "Jose"),
    ("blank", "blank "),
    ("blank", " blank"),
    ("straße", "strasse"),
    ("straße", "strase"),
    ("ısı", "isi"),
    ("İsi", "isi"),
    ("a\tb", "a b"),
    ("tab", "tab\t"),
    ("tab", "tab\u00a0"),
    ("", " "),
    ("café", "cafe\u0301"),
    ("Ⅷ", "viii"),
    ("soft\u00adhyphen", "softhyphen"),
    ("naïve", "naive~west"),
    ("same", "same"),
]
ZERO = ("nul\0", "nul")
WIDE = ("penguin-🐧", "penguin-?")


def holding(kind: str, constraint: str, text: str, key: str) -> Document:
    """A record of this kind whose natural key has this text in it (the key's own: ``text``)."""
    natural = next((n for n in REGISTRY[kind].natural if n.name == constraint), None)
    document = dict(one(kind)[1])
    fields = REGISTRY[kind].key if natural is None else natural.fields
    if natural is not None and natural.each:
        item: Any = {**_item(kind), natural.fields[-1]: text} if natural.fields else text
        document[natural.each] = [item]
        document["id"] = key
        return _apart(kind, document, constraint, key)
    if fields[0] != REGISTRY[kind].key[0]:
        document[REGISTRY[kind].key[0]] = key
    field = {"federation_protocol": "id", "id_mapping": "local_id", "role": "name"}.get(kind, fields[-1])
    if constraint == KEY:
        field = fields[0]
    document[field] = text
    return _apart(kind, document, constraint, key)


def _item(kind: str) -> dict[str, Any]:
    assert kind == "user"
    return {"idp_id": "idp", "protocol_id": "saml2", "display_name": None}


def _apart(kind: str, document: Document, constraint: str, key: str) -> Document:
    """What else of the record must be its own."""
    for natural in REGISTRY[kind].natural:
        if natural.name == constraint or natural.fields == REGISTRY[kind].key:
            continue
        if natural.each:
            document[natural.each] = []
        elif natural.table == "nonlocal_user":
            document.pop("nonlocal.name", None)
        elif kind != "trust":
            document["local_id" if kind == "id_mapping" else natural.fields[-1]] = f"other {key}"
    if kind == "user":
        document["passwords"] = []
        if constraint == "nonlocal_name":
            document.pop("local.name", None)
            document.pop("passwords", None)
    return document


NAMED = [
    ("region", "id"),
    ("domain", "name"),
    ("project", "name"),
    ("role", "name"),
    ("identity_provider", "id"),
    ("identity_provider", "remote_id"),
    ("federation_protocol", "id"),
    ("mapping", "id"),
    ("service_provider", "id"),
    ("id_mapping", "local_id"),
    ("user", "local_name"),
    ("user", "nonlocal_name"),
    ("user", "federated"),
    ("group", "name"),
    ("access_rule", "rule"),
    ("application_credential", "name"),
]
