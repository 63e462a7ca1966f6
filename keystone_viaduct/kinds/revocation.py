"""The kind of revocation events: inserted, pruned by age, never changed."""

from __future__ import annotations

import hashlib
import json

from keystone_viaduct.errors import BadDocument

from .model import Kind
from .reference import Mode, Reference
from .shape import Field
from .value import Document, Type, key_part

_IDS = (
    ("domain_id", "domain"),
    ("project_id", "project"),
    ("user_id", "user"),
    ("role_id", "role"),
    ("trust_id", "trust"),
    ("consumer_id", "consumer"),
    ("access_token_id", "access_token"),
)
_FIELDS = (
    *(Field(name, size=64) for name, _ in _IDS),
    Field("issued_before", Type.DATETIME, required=True),
    Field("expires_at", Type.DATETIME),
    Field("revoked_at", Type.DATETIME, required=True),
    Field("audit_id", size=32),
    Field("audit_chain_id", size=32),
)


def identify(document: Document) -> str:
    """``<issued_before>/<digest of all columns>``: the row's number is the site's own, its content is not.

    The time in front lets a row be found by the index on it.
    """
    if document.get("issued_before") is None:
        raise BadDocument("a revocation_event lacks issued_before", kind="revocation_event")
    content = json.dumps([document.get(spec.name) for spec in _FIELDS], separators=(",", ":"))
    digest = hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
    return f"{key_part(document['issued_before'])}/{digest}"


# It names no domain on purpose: it holds ids alone, and a site must never miss one because the record that
# would place it is gone.
REVOCATION_EVENT = Kind(
    "revocation_event",
    "revocation_event",
    (),
    _FIELDS,
    references=tuple(Reference(field=name, target=kind, mode=Mode.HISTORICAL) for name, kind in _IDS),
    surrogate="id",
    insert_only=True,
    immutable=True,
    identify=identify,
    key_parts=2,
)
