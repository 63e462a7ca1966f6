"""Kinds of unified limits. Their uniqueness is looked after by Keystone's code, not by the schema."""

from __future__ import annotations

from .model import Kind
from .natural import NaturalKey
from .reference import Mode, Reference
from .scope import Scope, Step
from .shape import Field
from .value import Type

_ID = Field("id", size=64, required=True)

REGISTERED_LIMIT = Kind(
    "registered_limit",
    "registered_limit",
    ("id",),
    (
        _ID,
        Field("service_id", size=255),
        Field("region_id", size=64),
        Field("resource_name", size=255),
        Field("default_limit", Type.INTEGER, required=True),
        Field("description"),
    ),
    natural=(
        NaturalKey(
            "resource",
            ("service_id", "region_id", "resource_name"),
            enforced=False,
            nulls_equal=True,
            unites=True,
        ),
    ),
    # Foreign keys in the models only: in a migrated database Keystone leaves the limits of a deleted service.
    references=(
        Reference(field="service_id", target="service", mode=Mode.HISTORICAL),
        Reference(field="region_id", target="region", mode=Mode.HISTORICAL),
    ),
    surrogate="internal_id",
)

LIMIT = Kind(
    "limit",
    "limit",
    ("id",),
    (
        _ID,
        Field("project_id", size=64),
        Field("domain_id", size=64),
        Field("resource_limit", Type.INTEGER, required=True),
        Field("description"),
        Field("registered_limit_id", size=64),
    ),
    natural=(
        NaturalKey("project", ("registered_limit_id", "project_id"), enforced=False, unites=True),
        NaturalKey("domain", ("registered_limit_id", "domain_id"), enforced=False, unites=True),
    ),
    references=(
        Reference(field="registered_limit_id", target="registered_limit", mode=Mode.OWNING, guards=True),
        Reference(field="project_id", target="project", mode=Mode.OWNING),
        # Keystone leaves the limits of a domain behind when the domain goes.
        Reference(field="domain_id", target="domain", mode=Mode.HISTORICAL),
    ),
    scope=Scope((Step("project_id", "project"), Step("domain_id"))),
    surrogate="internal_id",
)
