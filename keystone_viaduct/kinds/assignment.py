"""Kinds of roles and grants."""

from __future__ import annotations

from .model import Kind
from .natural import NaturalKey
from .reference import Mode, Reference
from .rule import Near, Rule
from .scope import Scope, Step, by_domain, via
from .shape import Cascade, Child, Field, Rename, Shape
from .value import JSON, Document, Type

NO_DOMAIN = "<<null>>"
"""What role.domain_id holds for a global role (keystone.assignment.role_backends.base.NULL_DOMAIN_ID)."""

ID = Field("id", size=64, required=True)


def options(table: str, column: str) -> Child:
    """A kind's resource options: rows (owner, option id of 4 characters, JSON value)."""
    return Child(
        table,
        Shape.OPTIONS,
        "option",
        (Field("option_id", size=4, required=True), Field("option_value", Type.JSON)),
        ((column, "id"),),
    )


ROLE = Kind(
    "role",
    "role",
    ("id",),
    (
        ID,
        Field("name", size=255, required=True),
        Field("domain_id", size=64, null_token=NO_DOMAIN),
        Field("description", size=255),
    ),
    extra=True,
    cached=True,
    children=(options("role_option", "role_id"),),
    natural=(NaturalKey("name", ("name", "domain_id"), nulls_equal=True),),
    # Keystone leaves a domain's roles behind when the domain goes.
    references=(Reference(field="domain_id", target="domain", mode=Mode.HISTORICAL),),
    scope=by_domain(),
    cascades=(
        Cascade("implied_role", "implied_role", (("prior_role_id", "id"),)),
        Cascade("implied_role", "implied_role", (("implied_role_id", "id"),)),
    ),
    rename=Rename("name", 255),
)


def _may_imply(_: Document, near: Near) -> bool:
    prior, implied = near["prior_role_id"], near["implied_role_id"]
    if prior is None or implied is None:
        return True
    return prior.get("domain_id") is not None or implied.get("domain_id") is None


# A circle of implied roles is lawful: Keystone takes it by its API, and knows what it has seen when it walks.
IMPLIED_ROLE = Kind(
    "implied_role",
    "implied_role",
    ("prior_role_id", "implied_role_id"),
    (Field("prior_role_id", size=64, required=True), Field("implied_role_id", size=64, required=True)),
    references=(
        Reference(field="prior_role_id", target="role", mode=Mode.OWNING, foreign_key=True),
        Reference(field="implied_role_id", target="role", mode=Mode.OWNING, foreign_key=True),
    ),
    scope=via("role", "prior_role_id"),
    rules=(
        Rule(
            "global-implies-global",
            ("prior_role_id", "implied_role_id"),
            ("domain_id",),
            _may_imply,
            "a role of all domains implies none of a single domain",
        ),
    ),
    deletes_win=True,
    immutable=True,
)


def _when(*types: str) -> tuple[str, frozenset[JSON]]:
    return ("type", frozenset(types))


def _actor(kind: str, *types: str) -> Reference:
    return Reference(
        field="actor_id", target=kind, mode=Mode.OWNING, loose=True, external=True, when=_when(*types)
    )


def _target(kind: str, *types: str) -> Reference:
    return Reference(field="target_id", target=kind, mode=Mode.OWNING, loose=True, when=_when(*types))


_GRANT_FIELDS = (
    Field("actor_id", size=64, required=True),
    Field("target_id", size=64, required=True),
    Field("role_id", size=64, required=True),
    Field("inherited", Type.BOOLEAN, required=True, default=False),
)
_GRANT_KEY = ("type", "actor_id", "target_id", "role_id", "inherited")

ASSIGNMENT = Kind(
    "assignment",
    "assignment",
    _GRANT_KEY,
    (Field("type", size=12, required=True), *_GRANT_FIELDS),
    references=(
        _actor("user", "UserProject", "UserDomain"),
        _actor("group", "GroupProject", "GroupDomain"),
        _target("project", "UserProject", "GroupProject"),
        _target("domain", "UserDomain", "GroupDomain"),
        # A foreign key on SQLite only, which does not enforce it.
        Reference(field="role_id", target="role", mode=Mode.OWNING),
    ),
    scope=Scope(
        (
            Step("actor_id", "user", _when("UserProject", "UserDomain")),
            Step("actor_id", "group", _when("GroupProject", "GroupDomain")),
        )
    ),
    deletes_win=True,
    immutable=True,
)

SYSTEM_ASSIGNMENT = Kind(
    "system_assignment",
    "system_assignment",
    _GRANT_KEY,
    (Field("type", size=64, required=True), *_GRANT_FIELDS),
    references=(
        _actor("user", "UserSystem"),
        _actor("group", "GroupSystem"),
        Reference(field="role_id", target="role", mode=Mode.OWNING),
    ),
    scope=Scope(
        (Step("actor_id", "user", _when("UserSystem")), Step("actor_id", "group", _when("GroupSystem")))
    ),
    deletes_win=True,
    immutable=True,
)
