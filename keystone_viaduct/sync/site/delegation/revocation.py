"""The rule for revocation events."""

from __future__ import annotations

from collections.abc import Iterator

from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.site.delegation.act import Act, Problem
from keystone_viaduct.sync.site.delegation.court import Court

_PLACED = (
    ("user_id", "user"),
    ("project_id", "project"),
    ("domain_id", "domain"),
    ("trust_id", "trust"),
    ("access_token_id", "access_token"),
)
_TOKENS = ("audit_id", "audit_chain_id")


def revocation_event(court: Court, act: Act) -> Iterator[Problem]:
    """It revokes tokens of a user, project, domain, trust or access token that is delegated (or is nowhere
    any more), or a token by its audit id. What was revoked stays so.
    """
    if court.delegation.domains is None:
        return
    if act.new is None:
        yield Problem("a revocation is not taken back")
        return
    bounded = any(act.new.get(name) is not None for name in _TOKENS)
    for field, kind in _PLACED:
        key = act.new.get(field)
        if key is None:
            continue
        bounded = True
        if kind == "domain":
            yield from court.domain([str(key)])
        elif _is_there(court, kind, str(key)):
            yield from court.within(kind, [str(key)], gone=True)
    if not bounded:
        yield from court.fleet_wide("a revocation that names nobody")


def _is_there(court: Court, kind: str, key: str) -> bool:
    refs = [Ref(kind, key), Ref("id_mapping", key), Ref("domain", key)]
    world = court.world
    return any(world.before(ref) is not None for ref in refs) or world.past_scope(refs[0]) is not None
