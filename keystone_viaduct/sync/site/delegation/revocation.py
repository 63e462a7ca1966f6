"""The rule for revocation events."""

from __future__ import annotations

from collections.abc import Iterator

from keystone_viaduct.sync.site.delegation.act import Act, Problem
from keystone_viaduct.sync.site.delegation.court import Court
from keystone_viaduct.sync.site.delegation.persons import dated

_PLACED = (
    ("user_id", "user"),
    ("project_id", "project"),
    ("domain_id", "domain"),
    ("trust_id", "trust"),
    ("access_token_id", "access_token"),
)
_TOKENS = ("audit_id", "audit_chain_id")
_TIMES = ("issued_before", "revoked_at")
#: What bounds a revocation to the tokens for one thing.
_NARROW = frozenset({"project", "trust", "access_token"})


def revocation_event(court: Court, act: Act) -> Iterator[Problem]:
    """It revokes tokens of a user, project, domain, trust or access token that is delegated (or was, before
    it was deleted), or a token by its audit id. All tokens of a user only if he holds nothing that is not
    delegated, all for a project or of a domain only if that might be disabled. It is dated no more than a day
    ahead. What was revoked stays so.
    """
    if court.is_sovereign:
        return
    if act.new is None:
        yield Problem("a revocation is not taken back")
        return
    yield from dated(court, "a revocation", [act.new.get(name) for name in _TIMES])
    named = {kind: str(act.new[field]) for field, kind in _PLACED if act.new.get(field) is not None}
    single = any(act.new.get(name) is not None for name in _TOKENS) or bool(named.keys() & _NARROW)
    for kind, key in named.items():
        if kind == "domain":
            yield from court.domain([key])
        else:
            yield from court.within(kind, [key], gone=True)
    if not named and not single:
        yield from court.fleet_wide("a revocation that names nobody")
