"""Kinds of federation: identity providers, protocols, mappings, service providers."""

from __future__ import annotations

import ast

from .model import Kind
from .natural import NaturalKey
from .reference import JsonReference, Mode, Reference, Visit
from .scope import by_domain, via
from .shape import Cascade, Child, Field, Shape
from .value import JSON, Type

_ID = Field("id", size=64, required=True)
_CHOSEN_ID = NaturalKey("id", ("id",))  # an operator's choice: two that differ in case clash on MySQL

IDENTITY_PROVIDER = Kind(
    "identity_provider",
    "identity_provider",
    ("id",),
    (
        _ID,
        Field("enabled", Type.BOOLEAN, required=True),
        Field("description"),
        Field("domain_id", size=64, required=True),
        Field("authorization_ttl", Type.INTEGER),
    ),
    children=(
        Child(
            "idp_remote_ids",
            Shape.SET,
            "remote_ids",
            (Field("remote_id", size=255, required=True),),
            (("idp_id", "id"),),
        ),
    ),
    natural=(
        _CHOSEN_ID,
        NaturalKey("remote_id", (), each="remote_ids", table="idp_remote_ids"),
    ),
    references=(Reference(field="domain_id", target="domain", mode=Mode.OWNING),),
    scope=by_domain(),
    cascades=(
        Cascade("federation_protocol", "federation_protocol", (("idp_id", "id"),)),
        Cascade("expiring_membership", "expiring_user_group_membership", (("idp_id", "id"),)),
        Cascade("user", "federated_user", (("idp_id", "id"),)),
    ),
)

FEDERATION_PROTOCOL = Kind(
    "federation_protocol",
    "federation_protocol",
    ("id", "idp_id"),
    (
        _ID,
        Field("idp_id", size=64, required=True),
        Field("mapping_id", size=64, required=True),
        Field("remote_id_attribute", size=64),
    ),
    natural=(NaturalKey("id", ("id", "idp_id")),),
    references=(
        Reference(field="idp_id", target="identity_provider", mode=Mode.OWNING, foreign_key=True),
        Reference(field="mapping_id", target="mapping", mode=Mode.HISTORICAL),
    ),
    scope=via("identity_provider", "idp_id"),
    cascades=(Cascade("user", "federated_user", (("protocol_id", "id"), ("idp_id", "idp_id"))),),
)

_BY_ID = {"group": "group", "domain": "domain", "user": "user"}


def _walk_rules(value: JSON, visit: Visit) -> JSON:
    """Rules name groups, users and domains by id; names, and placeholders such as ``{0}``, are left alone."""
    if isinstance(value, list):
        return [_walk_rules(item, visit) for item in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, JSON] = {}
    for name, part in value.items():
        part = _walk_rules(part, visit)
        if name in _BY_ID and isinstance(part, dict):
            target = part.get("id")
            if isinstance(target, str) and "{" not in target:
                part = {**part, "id": visit(_BY_ID[name], target)}
        elif name == "group_ids" and isinstance(part, str) and "{" not in part:
            part = _walk_group_ids(part, visit)
        found[name] = part
    return found


def _walk_group_ids(text: str, visit: Visit) -> str:
    """``group_ids`` is one id, or the text form of a Python list of ids."""
    try:
        ids = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        ids = None
    if isinstance(ids, list) and all(isinstance(item, str) for item in ids):
        return repr([visit("group", item) for item in ids])
    return visit("group", text) if text else text


MAPPING = Kind(
    "mapping",
    "mapping",
    ("id",),
    (
        _ID,
        Field("rules", Type.JSON_TWICE, required=True),
        Field("schema_version", size=5, required=True, default="1.0"),
    ),
    natural=(_CHOSEN_ID,),
    references=(JsonReference(field="rules", target="group", mode=Mode.HISTORICAL, walk=_walk_rules),),
)

SERVICE_PROVIDER = Kind(
    "service_provider",
    "service_provider",
    ("id",),
    (
        _ID,
        Field("enabled", Type.BOOLEAN, required=True),
        Field("description"),
        Field("auth_url", size=256, required=True),
        Field("sp_url", size=256, required=True),
        Field("relay_state_prefix", size=256, required=True, default="ss:mem:"),
    ),
    natural=(_CHOSEN_ID,),
)
