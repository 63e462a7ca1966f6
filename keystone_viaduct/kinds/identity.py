"""Kinds of users, groups and what ties them together."""

from __future__ import annotations

from .assignment import options
from .model import Kind
from .natural import NaturalKey
from .reference import ItemReference, Mode, Reference
from .scope import by_domain, via
from .shape import Child, Field, Rename, Shape
from .value import Type

_ID = Field("id", size=64, required=True)
_DOMAIN = Reference(field="domain_id", target="domain", mode=Mode.OWNING)
_OWNER = (("user_id", "id"), ("domain_id", "domain_id"))

_LOCAL_USER = Child(
    "local_user",
    Shape.ONE,
    "local",
    (Field("name", size=255, required=True),),
    _OWNER,
    surrogate="id",
    volatile=("failed_auth_count", "failed_auth_at"),
)
_PASSWORD = Child(
    "password",
    Shape.ITEMS,
    "passwords",
    (
        Field("created_at_int", Type.MICROS, required=True, mirror="created_at"),
        Field("expires_at_int", Type.MICROS, mirror="expires_at"),
        Field("password_hash", size=255),
        Field("self_service", Type.BOOLEAN, required=True, default=False),
    ),
    (("local_user_id", "id"),),
    parent="local_user",
    surrogate="id",
    identity=("created_at_int", "password_hash"),
    order=("created_at_int",),
    secret=True,
)
_NONLOCAL_USER = Child(
    "nonlocal_user", Shape.ONE, "nonlocal", (Field("name", size=255, required=True),), _OWNER
)
_FEDERATED_USER = Child(
    "federated_user",
    Shape.ITEMS,
    "federated",
    (
        Field("idp_id", size=64, required=True),
        Field("protocol_id", size=64, required=True),
        Field("unique_id", size=255, required=True),
        Field("display_name", size=255),
    ),
    (("user_id", "id"),),
    surrogate="id",
    identity=("idp_id", "protocol_id", "unique_id"),
    order=("idp_id", "protocol_id", "unique_id"),
)

USER = Kind(
    "user",
    "user",
    ("id",),
    (
        _ID,
        Field("domain_id", size=64, required=True),
        Field("enabled", Type.BOOLEAN),
        Field("default_project_id", size=64),
        Field("created_at", Type.DATETIME),
        Field("last_active_at", Type.DATE),
    ),
    extra=True,
    cached=True,
    children=(_LOCAL_USER, _PASSWORD, _NONLOCAL_USER, _FEDERATED_USER, options("user_option", "user_id")),
    natural=(
        NaturalKey("local_name", ("domain_id", "local.name"), table="local_user"),
        NaturalKey("nonlocal_name", ("domain_id", "nonlocal.name"), table="nonlocal_user"),
        NaturalKey(
            "federated", ("idp_id", "protocol_id", "unique_id"), each="federated", table="federated_user"
        ),
    ),
    references=(
        _DOMAIN,
        Reference(field="default_project_id", target="project", mode=Mode.NULLING),
        ItemReference(
            field="federated",
            target="identity_provider",
            mode=Mode.NULLING,
            foreign_key=True,
            items=("idp_id",),
        ),
        ItemReference(
            field="federated",
            target="federation_protocol",
            mode=Mode.NULLING,
            foreign_key=True,
            items=("protocol_id", "idp_id"),
        ),
    ),
    scope=by_domain(),
    needs_child=("local.name", "nonlocal.name", "federated"),
    # Left behind, an unrelated PATCH at a site with disable_user_account_days_inactive stores "disabled".
    merge={"last_active_at": "max", "created_at": "min"},
    rename=Rename("local.name", 255),
)

GROUP = Kind(
    "group",
    "group",
    ("id",),
    (
        _ID,
        Field("domain_id", size=64, required=True),
        Field("name", size=64, required=True),
        Field("description"),
    ),
    extra=True,
    cached=True,
    natural=(NaturalKey("name", ("domain_id", "name")),),
    references=(_DOMAIN,),
    scope=by_domain(),
    rename=Rename("name", 64),
)

_MEMBER = (
    Reference(field="user_id", target="user", mode=Mode.OWNING, foreign_key=True),
    Reference(field="group_id", target="group", mode=Mode.OWNING, foreign_key=True),
)

MEMBERSHIP = Kind(
    "membership",
    "user_group_membership",
    ("user_id", "group_id"),
    (Field("user_id", size=64, required=True), Field("group_id", size=64, required=True)),
    references=_MEMBER,
    scope=via("user", "user_id"),
    deletes_win=True,
    immutable=True,
)

EXPIRING_MEMBERSHIP = Kind(
    "expiring_membership",
    "expiring_user_group_membership",
    ("user_id", "group_id", "idp_id"),
    (
        Field("user_id", size=64, required=True),
        Field("group_id", size=64, required=True),
        Field("idp_id", size=64, required=True),
        Field("last_verified", Type.DATETIME, required=True),
    ),
    references=(
        *_MEMBER,
        Reference(field="idp_id", target="identity_provider", mode=Mode.OWNING, foreign_key=True),
    ),
    scope=via("user", "user_id"),
    merge={"last_verified": "max"},
    deletes_win=True,
)

ID_MAPPING = Kind(
    "id_mapping",
    "id_mapping",
    ("public_id",),
    (
        Field("public_id", size=64, required=True),
        Field("domain_id", size=64, required=True),
        Field("local_id", size=255, required=True),
        Field("entity_type", size=5, required=True),
    ),
    natural=(NaturalKey("local_id", ("domain_id", "local_id", "entity_type"), unites=True),),
    # Keystone leaves the mappings of an LDAP domain behind when the domain goes.
    references=(Reference(field="domain_id", target="domain", mode=Mode.HISTORICAL),),
    scope=by_domain(),
)
