"""The rule for trusts."""

from __future__ import annotations

from collections.abc import Iterator

from keystone_viaduct.sync.site.delegation.act import Act, Problem
from keystone_viaduct.sync.site.delegation.court import Court, texts


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


def _one(value: object) -> list[str]:
    return [] if value is None else [str(value)]
