"""The kind of trusts."""

from __future__ import annotations

from .model import Kind
from .natural import NaturalKey
from .reference import ListReference, Mode, Reference
from .rule import Cut
from .scope import via
from .shape import Child, Earlier, Field, Shape
from .value import Type

_MODE = (
    Mode.HISTORICAL
)  # Keystone marks a trust deleted and keeps its row, after its users and project are gone

TRUST = Kind(
    "trust",
    "trust",
    ("id",),
    (
        Field("id", size=64, required=True),
        Field("trustor_user_id", size=64, required=True),
        Field("trustee_user_id", size=64, required=True),
        Field("project_id", size=64),
        Field("impersonation", Type.BOOLEAN, required=True),
        Field("deleted_at", Type.DATETIME),
        Field("expires_at_int", Type.MICROS, mirror="expires_at"),
        Field("remaining_uses", Type.INTEGER),
        Field("redelegated_trust_id", size=64),
        Field("redelegation_count", Type.INTEGER),
    ),
    extra=True,
    children=(
        Child(
            "trust_role",
            Shape.SET,
            "roles",
            (Field("role_id", size=64, required=True),),
            (("trust_id", "id"),),
            cascade=False,
        ),
    ),
    natural=(
        NaturalKey(
            "duplicate",
            ("trustor_user_id", "trustee_user_id", "project_id", "impersonation", "expires_at_int"),
        ),
    ),
    references=(
        Reference(field="trustor_user_id", target="user", mode=_MODE, loose=True, external=True),
        Reference(field="trustee_user_id", target="user", mode=_MODE, loose=True, external=True),
        Reference(field="project_id", target="project", mode=_MODE, loose=True),
        # Keystone follows redelegations up at each log-in, and never ends in a circle.
        Reference(field="redelegated_trust_id", target="trust", mode=_MODE, acyclic=Cut.RECORD),
        ListReference(field="roles", target="role", mode=_MODE),
    ),
    scope=via("user", "trustor_user_id"),
    # None means "not deleted" and "without limit": the largest of all values.
    merge={"remaining_uses": "min", "deleted_at": "min"},
    deletes_win=True,
    # Made by one tool at two sites: each may be named in a stack or a credential, so both stay.
    rename=Earlier("expires_at_int"),
)
