"""The rule for stored credentials."""

from __future__ import annotations

from collections.abc import Iterator

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.site.delegation.act import Act, Problem
from keystone_viaduct.sync.site.delegation.court import Court, texts

_DELEGATING = ("trust", "application_credential", "access_token")
_ROLES = {"access_token": "role_ids"}


def credential(court: Court, act: Act) -> Iterator[Problem]:
    """User, project and the trust, application credential or access token that an EC2 key names lie in
    delegated domains; these carry only grantable roles. Whoever holds more than is delegated keeps his
    credentials as the hub has them.
    """
    yield from court.within("user", act.values("user_id"), gone=act.deletes)
    yield from court.within("project", act.values("project_id"), gone=act.deletes)
    if act.new is None or court.is_sovereign:
        return
    for named in REGISTRY["credential"].references_of(act.new):
        if named.kind in _DELEGATING:
            yield from court.within(named.kind, [named.key])
            ref = Ref(named.kind, named.key)
            for content in (court.world.before(ref), court.world.after(ref)):
                yield from court.roles(texts((content or {}).get(_ROLES.get(named.kind, "roles"))))
