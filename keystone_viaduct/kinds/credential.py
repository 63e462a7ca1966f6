"""The kind of stored credentials (EC2 keys, TOTP seeds, certificates)."""

from __future__ import annotations

from .model import Kind
from .reference import JsonReference, Mode, Reference, Visit
from .scope import via
from .shape import Field
from .value import JSON, Type

_NAMED = (
    ("trust_id", "trust"),
    ("app_cred_id", "application_credential"),
    ("access_token_id", "access_token"),
)


def _walk_ec2(value: JSON, visit: Visit) -> JSON:
    """An EC2 blob made with a delegated token names what delegated it."""
    if not isinstance(value, dict):
        return value
    found = dict(value)
    for name, kind in _NAMED:
        target = found.get(name)
        if isinstance(target, str) and target:
            found[name] = visit(kind, target)
    return found


CREDENTIAL = Kind(
    "credential",
    "credential",
    ("id",),
    (
        Field("id", size=64, required=True),
        Field("user_id", size=64, required=True),
        Field("project_id", size=64),
        Field("type", size=255, required=True),
        # The stored text changes with every key migration, the meaning does not: the plain text travels.
        Field("blob", Type.SEALED, required=True, secret=True, column="encrypted_blob", companion="key_hash"),
    ),
    extra=True,
    cached=True,
    references=(
        Reference(field="user_id", target="user", mode=Mode.OWNING, loose=True, external=True),
        Reference(field="project_id", target="project", mode=Mode.OWNING, loose=True, unchecked=True),
        JsonReference(
            field="blob",
            target="trust",
            mode=Mode.HISTORICAL,
            walk=_walk_ec2,
            encoded=True,
            when=("type", frozenset({"ec2"})),
        ),
    ),
    scope=via("user", "user_id"),
    deletes_win=True,
)
