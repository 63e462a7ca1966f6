"""Kinds of application credentials and their access rules."""

from __future__ import annotations

from .model import Kind
from .natural import NaturalKey
from .reference import ListReference, Mode, Reference
from .scope import via
from .shape import Cascade, Child, Field, Lookup, Rename, Shape
from .value import Type

_OWNER = Reference(field="user_id", target="user", mode=Mode.OWNING, loose=True, external=True)

ACCESS_RULE = Kind(
    "access_rule",
    "access_rule",
    ("id",),
    (
        Field("id", size=64, required=True, column="external_id"),
        Field("user_id", size=64),
        Field("service", size=64),
        Field("path", size=128),
        Field("method", size=16),
    ),
    natural=(NaturalKey("rule", ("user_id", "service", "path", "method"), unites=True),),
    references=(_OWNER,),
    scope=via("user", "user_id"),
    surrogate="id",
    deletes_win=True,
    immutable=True,
    cascades=(
        Cascade("application_credential", "application_credential_access_rule", (("access_rule_id", "id"),)),
    ),
)

APPLICATION_CREDENTIAL = Kind(
    "application_credential",
    "application_credential",
    ("id",),
    (
        Field("id", size=64, required=True),
        Field("name", size=255, required=True),
        Field("secret_hash", size=255, required=True, secret=True),
        Field("description"),
        Field("user_id", size=64, required=True),
        Field("project_id", size=64),
        Field("system", size=64),
        Field("expires_at", Type.MICROS),
        Field("unrestricted", Type.BOOLEAN),
    ),
    children=(
        Child(
            "application_credential_role",
            Shape.SET,
            "roles",
            (Field("role_id", size=64, required=True),),
            (("application_credential_id", "internal_id"),),
        ),
        Child(
            "application_credential_access_rule",
            Shape.SET,
            "access_rules",
            (Field("access_rule_id", size=64, required=True),),
            (("application_credential_id", "internal_id"),),
            lookup=Lookup("access_rule", "id", "external_id"),
        ),
    ),
    natural=(NaturalKey("name", ("user_id", "name")),),
    references=(
        _OWNER,
        # Keystone leaves them behind with the project; with the role, unless the user held it directly.
        Reference(field="project_id", target="project", mode=Mode.HISTORICAL, loose=True),
        ListReference(field="roles", target="role", mode=Mode.HISTORICAL),
        # Without its last rule a credential would be restricted no more: it goes with the rule instead.
        ListReference(
            field="access_rules", target="access_rule", mode=Mode.OWNING, foreign_key=True, guards=True
        ),
    ),
    scope=via("user", "user_id"),
    surrogate="internal_id",
    deletes_win=True,
    immutable=True,
    # Each has a secret of its own, so both stay; who logs in by name and user has to know the new name.
    rename=Rename("name", 255),
)
