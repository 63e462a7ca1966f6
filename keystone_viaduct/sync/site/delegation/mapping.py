"""What the rules of a federation mapping can give to whom (Keystone: federation/utils.py, mapping schema)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.site.delegation.act import Problem
from keystone_viaduct.sync.site.delegation.court import Court

_KNOWN = frozenset({"user", "group", "groups", "group_ids", "projects", "domain"})
_USER = frozenset({"id", "name", "email", "type", "domain"})


def rules_within(court: Court, rules: Any) -> Iterator[Problem]:
    """Problems of a mapping's rules; none when everything that they can lead to is delegated."""
    if court.is_sovereign:
        return
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        yield Problem("its rules are not understood")
        return
    for rule in rules:
        local = rule.get("local")
        if not isinstance(local, list) or not all(isinstance(part, dict) for part in local):
            yield Problem("its rules are not understood")
            return
        for part in local:
            yield from _part(court, part)


def _part(court: Court, part: dict[str, Any]) -> Iterator[Problem]:
    strange = sorted(set(part) - _KNOWN)
    if strange:
        yield Problem(f"a rule has the unknown part {strange[0][:40]!r}")
    if "user" in part:
        yield from _user(court, part["user"])
    if "domain" in part:
        yield from _domain(court, part["domain"])
    if "group" in part:
        yield from _group(court, part["group"])
    for name in ("groups", "group_ids"):
        if name in part:
            yield Problem(f"a rule takes {name} from the assertion")
    for project in part.get("projects") or []:
        yield from _project(court, project)


def _user(court: Court, user: Any) -> Iterator[Problem]:
    if not isinstance(user, dict) or set(user) - _USER:
        yield Problem("a rule's user is not understood")
        return
    if user.get("type") not in (None, "ephemeral"):
        yield Problem("a rule makes somebody a local user")
    if "domain" in user:
        yield from _domain(court, user["domain"])


def _domain(court: Court, domain: Any) -> Iterator[Problem]:
    """By id, or by a name that a delegated domain has."""
    if court.delegation.domains is None:
        return
    if not isinstance(domain, dict) or any(_dynamic(value) for value in domain.values()):
        yield Problem("a rule takes a domain from the assertion")
        return
    if domain.get("id") is not None:
        yield from court.domain([str(domain["id"])])
    if domain.get("name") is not None:
        found = court.world.holder("domain", "name", (domain["name"],))
        if found is None:
            yield Problem(f"a rule names the domain {domain['name']!r}, which is not here", None)
        else:
            yield from court.domain([found.key])


def _group(court: Court, group: Any) -> Iterator[Problem]:
    if not isinstance(group, dict) or any(_dynamic(value) for value in group.values()):
        yield Problem("a rule takes a group from the assertion")
        return
    key = group.get("id")
    if key is None:
        domain = group.get("domain")
        yield from _domain(court, domain)
        found = _named_group(court, group.get("name"), domain)
        if found is None:
            yield Problem(f"a rule names the group {group.get('name')!r}, which is not here")
            return
        key = found.key
    yield from court.within("group", [str(key)])
    yield from court.holds_nothing_beyond("group", str(key))


def _named_group(court: Court, name: Any, domain: Any) -> Ref | None:
    if not isinstance(domain, dict):
        return None
    place = domain.get("id")
    if place is None:
        found = court.world.holder("domain", "name", (domain.get("name"),))
        place = None if found is None else found.key
    return None if place is None else court.world.holder("group", "name", (place, name))


def _project(court: Court, project: Any) -> Iterator[Problem]:
    """Made on demand in the identity provider's domain, with these roles."""
    if not isinstance(project, dict) or not isinstance(project.get("roles"), list):
        yield Problem("a rule's project is not understood")
        return
    if "domain" in project:
        yield from _domain(court, project["domain"])
    for role in project["roles"]:
        name = role.get("name") if isinstance(role, dict) else None
        if name is None or _dynamic(name):
            yield Problem("a rule takes a role from the assertion")
            continue
        found = court.world.holder("role", "name", (name, None))
        yield from court.roles([found.key if found is not None else f"called {name}"])


def _dynamic(value: Any) -> bool:
    return (not isinstance(value, str) and not isinstance(value, dict)) or (
        isinstance(value, str) and "{" in value
    )
