"""Kinds of the policy and endpoint policy APIs."""

from __future__ import annotations

from .model import Kind
from .reference import Mode, Reference
from .shape import Field
from .value import Type

POLICY = Kind(
    "policy",
    "policy",
    ("id",),
    (
        Field("id", size=64, required=True),
        Field("type", size=255, required=True),
        Field("blob", Type.JSON, required=True),
    ),
    extra=True,
)

# The table's own id is random and never shown; the triple, NULLs included, is what the API looks for. No
# manager removes an association with what it names, so nothing here waits for its targets either.
POLICY_ASSOCIATION = Kind(
    "policy_association",
    "policy_association",
    ("endpoint_id", "service_id", "region_id"),
    (
        Field("endpoint_id", size=64),
        Field("service_id", size=64),
        Field("region_id", size=64),
        Field("policy_id", size=64, required=True),
    ),
    references=(
        Reference(field="policy_id", target="policy", mode=Mode.HISTORICAL),
        Reference(field="endpoint_id", target="endpoint", mode=Mode.HISTORICAL),
        Reference(field="service_id", target="service", mode=Mode.HISTORICAL),
        Reference(field="region_id", target="region", mode=Mode.HISTORICAL),
    ),
    surrogate="id",
)
