"""The rule for trusts."""

from __future__ import annotations

from collections.abc import Iterator

from keystone_viaduct.sync.site.delegation.act import Act, Problem
from keystone_viaduct.sync.site.delegation.court import Court, texts
from keystone_viaduct.sync.site.delegation.persons import person


def trust(court: Court, act: Act) -> Iterator[Problem]:
    """Trustor and project lie in delegated domains, every role may be granted, and a trust that it passes
    on is delegated as well; where the trustee acts as the trustor, that one holds nothing that is not
    delegated. The trustee may be anybody's user, such as the orchestration service's.
    """
    for content in act.contents:
        gone = content is act.old
        for field, kind in (("trustor_user_id", "user"), ("project_id", "project")):
            yield from court.within(kind, _one(content.get(field)), gone=gone)
        yield from court.within("trust", _one(content.get("redelegated_trust_id")), gone=gone)
        yield from court.roles(texts(content.get("roles")))
        if content.get("impersonation") and not _is_use(act):
            yield from person(court, [content.get("trustor_user_id")])


def _is_use(act: Act) -> bool:
    """Whether it was used, and nothing else: fewer uses are left."""
    if act.old is None or act.new is None or act.changed != {"remaining_uses"}:
        return False
    before, after = act.old.get("remaining_uses"), act.new.get("remaining_uses")
    return isinstance(before, int) and isinstance(after, int) and after < before


def _one(value: object) -> list[str]:
    return [] if value is None else [str(value)]
