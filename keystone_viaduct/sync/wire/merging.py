"""A merge of two records as JSON."""

from __future__ import annotations

from typing import Any

from keystone_viaduct.sync.model import Ref, United
from keystone_viaduct.sync.wire import checks
from keystone_viaduct.sync.wire.page import check_ref
from keystone_viaduct.sync.wire.resources import conflict_to_json


def merge_from_json(value: Any) -> tuple[Ref, Ref]:
    """Which record goes and which stays. Raises BadRequest, UnknownKind."""
    body = checks.mapping(value, "merge")
    kind = checks.text(checks.member(body, "kind", ""), "kind", 32)
    goes, stays = (checks.text(checks.member(body, name, ""), name, 700) for name in ("key", "into"))
    return check_ref(kind, goes, "key"), check_ref(kind, stays, "into")


def united_to_json(united: United) -> dict[str, Any]:
    """What became of it."""
    return {
        "conflict": conflict_to_json(united.conflict, detail=True),
        "moved": united.moved,
        "equal": united.equal,
        "given_up": united.given_up,
    }
