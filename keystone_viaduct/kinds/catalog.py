"""Kinds of the service catalog."""

from __future__ import annotations

from .model import Kind
from .natural import NaturalKey
from .reference import JsonReference, Mode, Reference, Visit, moved
from .rule import Cut
from .scope import via
from .shape import Cascade, Field
from .value import JSON, Type

ID = Field("id", size=64, required=True)


def _walk_filters(value: JSON, visit: Visit) -> JSON:
    """The filters of an endpoint group may name a service and a region."""
    if not isinstance(value, dict):
        return value
    found = dict(value)
    for name, kind in (("service_id", "service"), ("region_id", "region")):
        target = found.get(name)
        if isinstance(target, str):
            found[name] = moved(visit, kind, target)
    return found


REGION = Kind(
    "region",
    "region",
    ("id",),
    (
        Field("id", size=255, required=True),
        Field("description", size=255, required=True, default=""),
        Field("parent_region_id", size=255),
    ),
    extra=True,
    cached=True,
    natural=(NaturalKey("id", ("id",)),),
    # Keystone walks the parents of a region with every PATCH of one, and never ends in a circle.
    references=(Reference(field="parent_region_id", target="region", mode=Mode.OWNING, acyclic=Cut.TOP),),
)

SERVICE = Kind(
    "service",
    "service",
    ("id",),
    (ID, Field("type", size=255), Field("enabled", Type.BOOLEAN, required=True, default=True)),
    extra=True,
    cached=True,
)

ENDPOINT = Kind(
    "endpoint",
    "endpoint",
    ("id",),
    (
        ID,
        Field("legacy_endpoint_id", size=64),
        Field("interface", size=8, required=True),
        Field("service_id", size=64, required=True),
        Field("region_id", size=255),
        Field("url", required=True),
        Field("enabled", Type.BOOLEAN, required=True, default=True),
    ),
    extra=True,
    cached=True,
    references=(
        Reference(field="service_id", target="service", mode=Mode.OWNING, foreign_key=True),
        Reference(field="region_id", target="region", mode=Mode.OWNING, foreign_key=True, guards=True),
    ),
    # A project_endpoint without its endpoint breaks every catalog of its project: get_v3_catalog tries to
    # remove it inside a reading transaction.
    cascades=(Cascade("project_endpoint", "project_endpoint", (("endpoint_id", "id"),), enforced=False),),
)

ENDPOINT_GROUP = Kind(
    "endpoint_group",
    "endpoint_group",
    ("id",),
    (
        ID,
        Field("name", size=255, required=True),
        Field("description"),
        Field("filters", Type.JSON, required=True),
    ),
    references=(JsonReference(field="filters", target="service", mode=Mode.HISTORICAL, walk=_walk_filters),),
)

PROJECT_ENDPOINT = Kind(
    "project_endpoint",
    "project_endpoint",
    ("endpoint_id", "project_id"),
    (Field("endpoint_id", size=64, required=True), Field("project_id", size=64, required=True)),
    references=(
        Reference(field="endpoint_id", target="endpoint", mode=Mode.OWNING),
        Reference(field="project_id", target="project", mode=Mode.OWNING),
    ),
    scope=via("project", "project_id"),
    immutable=True,
)

PROJECT_ENDPOINT_GROUP = Kind(
    "project_endpoint_group",
    "project_endpoint_group",
    ("endpoint_group_id", "project_id"),
    (Field("endpoint_group_id", size=64, required=True), Field("project_id", size=64, required=True)),
    references=(
        Reference(field="endpoint_group_id", target="endpoint_group", mode=Mode.OWNING, foreign_key=True),
        Reference(field="project_id", target="project", mode=Mode.OWNING),
    ),
    scope=via("project", "project_id"),
    immutable=True,
)
