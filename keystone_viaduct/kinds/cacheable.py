"""Values that Keystone stores and then can't put into its cache.

It keeps what it has read for a request as msgpack, which has numbers of 64 bits and texts in UTF-8. A service
with the attribute ``{"weight": 36893488147419103232}`` is stored, and from then on each token that has a
catalog is answered with 500; a role with half of a surrogate pair does that to whoever has the role.
"""

from __future__ import annotations

from typing import Any

from keystone_viaduct.kinds.deepjson import DEPTH, decode
from keystone_viaduct.kinds.model import Kind
from keystone_viaduct.kinds.raw import Raw, is_text, same
from keystone_viaduct.kinds.value import JSON, Document

#: What msgpack's integers reach from, and to.
LEAST, MOST = -(2**63), 2**64 - 1


def uncacheable(kind: Kind, content: Document, row: Document | None = None) -> str | None:
    """Which field has a value that Keystone could not read again, and why; None if there is none.

    Of what stands in the ``row`` already nothing is said.
    """
    if not kind.cached:
        return None
    before = row or {}
    for name in content:
        if not name.startswith(kind.patterns):
            continue
        problem = _problem(content[name])
        if problem is not None and not (name in before and same(before[name], content[name])):
            return f"field {name} of a {kind.name} has {problem}, which Keystone's cache can't hold"
    return None


def _problem(value: JSON) -> str | None:
    """What msgpack has no form for."""
    todo: list[Any] = [decode(value.text, DEPTH) if isinstance(value, Raw) else value]
    while todo:
        one = todo.pop()
        if isinstance(one, str):
            if not is_text(one):
                return "half of a surrogate pair"
        elif isinstance(one, int):
            if not LEAST <= one <= MOST:
                return "a number beyond 64 bits"
        elif isinstance(one, dict):
            todo += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            todo += one
    return None
