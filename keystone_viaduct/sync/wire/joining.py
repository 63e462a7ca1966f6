"""What was chosen for a site that joins, as JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from keystone_viaduct.sync.model import JOIN_BOTH, JOIN_HUB, JOIN_SITE, Ref
from keystone_viaduct.sync.wire import checks, limits
from keystone_viaduct.sync.wire.page import check_ref

_CHOICE = re.compile("|".join((JOIN_HUB, JOIN_SITE, JOIN_BOTH)))


def choices_to_json(site: str, choices: Mapping[Ref, str]) -> dict[str, Any]:
    """By record, in a fixed order."""
    return {"site": site, "choices": [[*ref, choice] for ref, choice in sorted(choices.items())]}


def choices_from_json(value: Any) -> dict[Ref, str]:
    """The opposite. Raises BadRequest, TooLarge, UnknownKind."""
    body = checks.mapping(value, "joining")
    rows = checks.sequence(checks.member(body, "choices", ""), "choices", limits.ENTRIES)
    found: dict[Ref, str] = {}
    for number, row in enumerate(rows):
        where = f"choices[{number}]"
        kind, key, choice = checks.tuple_of(row, where, 3)
        ref = check_ref(checks.text(kind, where, 32), checks.text(key, where, 700), where)
        found[ref] = checks.text(choice, where, 16, _CHOICE)
    return found
