"""Rules for users, groups and memberships."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.site.delegation.act import Act, Problem
from keystone_viaduct.sync.site.delegation.court import Court
from keystone_viaduct.sync.site.delegation.persons import hashes


def user(court: Court, act: Act) -> Iterator[Problem]:
    """In a delegated domain, before and after; default project and identity providers too. Whoever holds
    more than is delegated keeps passwords, name, options and the like as the hub has them. Hashes cost no
    more than the hub's own.
    """
    yield from court.domain(act.values("domain_id"))
    if "default_project_id" in act.changed and act.new is not None:
        named = act.new.get("default_project_id")
        yield from court.within("project", [] if named is None else [str(named)])
    if "federated" in act.changed:
        yield from court.within("identity_provider", _providers(act))
    if "passwords" in act.changed and act.new is not None:
        kept = act.new.get("passwords") or []
        yield from hashes(court, [item.get("password_hash") for item in kept if isinstance(item, dict)])
    if act.creates:
        yield from _other_mapping(court, act)


def _providers(act: Act) -> list[str]:
    items = [item for content in act.contents for item in content.get("federated") or []]
    return [str(item.get("idp_id")) for item in items if isinstance(item, dict)]


def _other_mapping(court: Court, act: Act) -> Iterator[Problem]:
    """The id of a directory's user may not be taken by another domain's."""
    mapping = court.world.before(Ref("id_mapping", act.ref.key))
    if mapping is not None:
        yield from court.domain([str(mapping.get("domain_id"))])


def group(court: Court, act: Act) -> Iterator[Problem]:
    """In a delegated domain, before and after. A group that holds more than is delegated may be described
    anew, nothing else.
    """
    yield from court.domain(act.values("domain_id"))
    if act.creates:
        yield from _other_mapping(court, act)


def membership(court: Court, act: Act) -> Iterator[Problem]:
    """User and group in delegated domains; the group holds nothing that is not delegated."""
    yield from court.within("user", act.values("user_id"))
    yield from court.within("group", act.values("group_id"))


def expiring_membership(court: Court, act: Act) -> Iterator[Problem]:
    """As a membership; the identity provider lies in a delegated domain, too."""
    yield from membership(court, act)
    yield from court.within("identity_provider", act.values("idp_id"))


def id_mapping(court: Court, act: Act) -> Iterator[Problem]:
    """In a delegated domain, before and after, and under the id that Keystone computes from domain, sort and
    local id: no other user's id can be claimed.
    """
    yield from court.domain(act.values("domain_id"))
    if court.is_sovereign or act.new is None:
        return
    parts = [str(act.new.get(name)) for name in ("domain_id", "entity_type", "local_id")]
    if act.ref.key != hashlib.sha256("".join(parts).encode()).hexdigest():
        yield Problem("its id is not the one that Keystone makes from its domain, sort and local id")
    for kind in ("user", "group"):
        if court.world.before(Ref(kind, act.ref.key)) is not None:
            yield from court.within(kind, [act.ref.key])
