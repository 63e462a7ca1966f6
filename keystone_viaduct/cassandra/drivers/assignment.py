"""Namespace ``keystone.assignment``: who has which role where.

All grants of one actor are one record, a field for each: so what one actor may do is one read, and all of it
goes at once. By target and by role they are found through listings.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from keystone import exception
from keystone.assignment.backends import base
from keystone.assignment.backends.sql import AssignmentType, SystemRoleAssignment

from keystone_viaduct.cassandra.drivers.base import Driver
from keystone_viaduct.cassandra.records import Fields, Listing, Shape
from keystone_viaduct.cassandra.records.shape import ALL, everywhere

USER_TYPES = (AssignmentType.USER_PROJECT, AssignmentType.USER_DOMAIN)
GROUP_TYPES = (AssignmentType.GROUP_PROJECT, AssignmentType.GROUP_DOMAIN)
PROJECT_TYPES = (AssignmentType.USER_PROJECT, AssignmentType.GROUP_PROJECT)
DOMAIN_TYPES = (AssignmentType.USER_DOMAIN, AssignmentType.GROUP_DOMAIN)
TYPES = frozenset(USER_TYPES + GROUP_TYPES)
"""All others are of the system."""


class Grant(NamedTuple):
    """One field of an actor's record."""

    type: str
    target: str
    role: str
    inherited: bool

    @property
    def field(self) -> str:
        """Its name."""
        parts = (self.type, self.target, self.role, "inherited" if self.inherited else "direct")
        return "/".join(quote(part, safe="") for part in parts)

    @property
    def place(self) -> str:
        """Its target among those of all kinds."""
        return _place(self.type, self.target)


def _parse(field: str) -> Grant:
    kind, target, role, how = (unquote(part) for part in field.split("/"))
    return Grant(kind, target, role, how == "inherited")


def _place(kind: str, target: str) -> str:
    if kind in PROJECT_TYPES:
        return f"project/{target}"
    return f"domain/{target}" if kind in DOMAIN_TYPES else f"system/{target}"


def grants(fields: Fields) -> list[Grant]:
    """Those of an actor's record."""
    return [_parse(name) for name in sorted(fields)]


GRANTS = Shape(
    "assignment",
    listings=(
        Listing(ALL, everywhere, width=1),
        Listing("target", lambda fields: {grant.place for grant in grants(fields)}, width=1),
        Listing("role", lambda fields: {grant.role for grant in grants(fields)}, width=1),
    ),
)
"""Key: the actor, a user or a group."""

Chosen = Callable[[Grant], bool]


class Assignment(Driver, base.AssignmentDriverBase):  # type: ignore[misc]
    """See the base class."""

    @classmethod
    def default_role_driver(cls) -> str:
        """The driver of roles, where none is set."""
        return "cassandra"

    def create_grant(
        self,
        role_id: str,
        user_id: str | None = None,
        group_id: str | None = None,
        domain_id: str | None = None,
        project_id: str | None = None,
        inherited_to_projects: bool = False,
    ) -> None:
        """Grant a role; nothing happens where it is granted already."""
        kind = AssignmentType.calculate_type(user_id, group_id, project_id, domain_id)
        grant = Grant(kind, project_id or domain_id or "", role_id, bool(inherited_to_projects))
        self._add(user_id or group_id or "", grant)

    def add_role_to_user_and_project(self, user_id: str, project_id: str, role_id: str) -> None:
        """Grant a user a role on a project; Conflict where he has it."""
        if not self._add(user_id, Grant(AssignmentType.USER_PROJECT, project_id, role_id, False)):
            details = f"User {user_id} already has role {role_id} in tenant {project_id}"
            raise exception.Conflict(type="role grant", details=details)

    def remove_role_from_user_and_project(self, user_id: str, project_id: str, role_id: str) -> None:
        """Take it away again (called by releases before 30)."""
        if not self._remove(
            user_id, lambda g: g == (AssignmentType.USER_PROJECT, project_id, role_id, False)
        ):
            raise exception.RoleNotFound(f"Cannot remove role that has not been granted, {role_id}")

    def list_grant_role_ids(
        self,
        user_id: str | None = None,
        group_id: str | None = None,
        domain_id: str | None = None,
        project_id: str | None = None,
        inherited_to_projects: bool = False,
    ) -> list[str]:
        """The roles of an actor on a target."""
        target, inherited = project_id or domain_id, bool(inherited_to_projects)
        grants = self._of([user_id or group_id or ""])
        return [
            g.role for _, g in grants if g.target == target and g.inherited == inherited and g.type in TYPES
        ]

    def check_grant_role_id(
        self,
        role_id: str,
        user_id: str | None = None,
        group_id: str | None = None,
        domain_id: str | None = None,
        project_id: str | None = None,
        inherited_to_projects: bool = False,
    ) -> None:
        """Raise where a role is not granted."""
        actor, target = user_id or group_id or "", domain_id or project_id or ""
        chosen = _one(role_id, domain_id, project_id, inherited_to_projects)
        if not any(chosen(grant) for _, grant in self._of([actor])):
            raise exception.RoleAssignmentNotFound(role_id=role_id, actor_id=actor, target_id=target)

    def delete_grant(
        self,
        role_id: str,
        user_id: str | None = None,
        group_id: str | None = None,
        domain_id: str | None = None,
        project_id: str | None = None,
        inherited_to_projects: bool = False,
    ) -> None:
        """Take a role away; raise where it is not granted."""
        actor, target = user_id or group_id or "", domain_id or project_id or ""
        if not self._remove(actor, _one(role_id, domain_id, project_id, inherited_to_projects)):
            raise exception.RoleAssignmentNotFound(role_id=role_id, actor_id=actor, target_id=target)

    def list_role_assignments(
        self,
        role_id: str | None = None,
        user_id: str | None = None,
        group_ids: Collection[str] | None = None,
        domain_id: str | None = None,
        project_ids: Collection[str] | None = None,
        inherited_to_projects: bool | None = None,
    ) -> list[dict[str, Any]]:
        """All grants, but those of the system, that match all that is given."""
        types = _types(user_id, group_ids, domain_id, project_ids)
        targets = list(project_ids or ([domain_id] if domain_id else ()))
        actors = list(group_ids or ([user_id] if user_id else ()))

        def chosen(grant: Grant) -> bool:
            return (
                grant.type in types
                and role_id in (None, "", grant.role)
                and (not targets or grant.target in targets)
                and inherited_to_projects in (None, grant.inherited)
            )

        found = (
            self._of(actors) if actors else self._at(targets, role_id, "project" if project_ids else "domain")
        )
        return [_described(actor, grant) for actor, grant in found if chosen(grant)]

    def delete_project_assignments(self, project_id: str) -> None:
        """Take away all that is granted on a project."""
        self._clear("target", f"project/{project_id}", lambda grant: grant.place == f"project/{project_id}")

    def delete_domain_assignments(self, domain_id: str) -> None:
        """Take away all that is granted on a domain."""
        self._clear("target", f"domain/{domain_id}", lambda grant: grant.place == f"domain/{domain_id}")

    def delete_role_assignments(self, role_id: str) -> None:
        """Take a role away everywhere, the system included."""
        self._clear("role", role_id, lambda grant: grant.role == role_id)

    def delete_user_assignments(self, user_id: str) -> None:
        """Take away all that a user was granted, but on the system."""
        self._remove(user_id, lambda grant: grant.type in USER_TYPES)

    def delete_group_assignments(self, group_id: str) -> None:
        """Take away all that a group was granted, but on the system."""
        self._remove(group_id, lambda grant: grant.type in GROUP_TYPES)

    def create_system_grant(
        self, role_id: str, actor_id: str, target_id: str, assignment_type: str, inherited: bool
    ) -> None:
        """Grant a role on the system; nothing happens where it is granted already."""
        self._add(actor_id, Grant(assignment_type, target_id, role_id, bool(inherited)))

    def list_system_grants(
        self, actor_id: str | None, target_id: str | None, assignment_type: str | None
    ) -> list[dict[str, Any]]:
        """Grants on the system that match all that is given."""
        found = (
            self._of([actor_id]) if actor_id else self._at([target_id] if target_id else [], None, "system")
        )
        return [
            _system(actor, grant).to_dict()
            for actor, grant in found
            if grant.type not in TYPES
            and target_id in (None, "", grant.target)
            and assignment_type in (None, "", grant.type)
        ]

    def list_system_grants_by_role(self, role_id: str) -> list[Any]:
        """Grants of a role on the system, as objects."""
        found = self._at([], role_id, "system")
        return [_system(a, grant) for a, grant in found if grant.type not in TYPES and grant.role == role_id]

    def check_system_grant(self, role_id: str, actor_id: str, target_id: str, inherited: bool) -> None:
        """Raise where a role on the system is not granted."""
        chosen = _one_of_system(role_id, target_id, inherited)
        if not any(chosen(grant) for _, grant in self._of([actor_id])):
            raise exception.RoleAssignmentNotFound(role_id=role_id, actor_id=actor_id, target_id=target_id)

    def delete_system_grant(self, role_id: str, actor_id: str, target_id: str, inherited: bool) -> None:
        """Take a role on the system away; raise where it is not granted."""
        if not self._remove(actor_id, _one_of_system(role_id, target_id, inherited)):
            raise exception.RoleAssignmentNotFound(role_id=role_id, actor_id=actor_id, target_id=target_id)

    def _add(self, actor: str, grant: Grant) -> bool:
        """Whether it was not there before."""
        added = False

        def decide(before: Fields | None) -> Fields:
            nonlocal added
            added = before is None or grant.field not in before
            return {**(before or {}), grant.field: True}

        self._change(GRANTS, actor, decide)
        return added

    def _remove(self, actor: str, chosen: Chosen) -> bool:
        """Take away those of an actor's grants that are chosen; whether there was one."""
        removed = False

        def decide(before: Fields | None) -> Fields | None:
            nonlocal removed
            kept = {name: True for name in before or () if not chosen(_parse(name))}
            removed = len(kept) < len(before or ())
            return kept or None

        self._change(GRANTS, actor, decide)
        return removed

    def _clear(self, path: str, target: str, chosen: Chosen) -> None:
        """Take away those that are listed there, actor by actor: an interrupted one is simply done again."""
        for actor, _fields in self._records.list(GRANTS, path, target):
            self._remove(actor, chosen)

    def _of(self, actors: Iterable[str]) -> list[tuple[str, Grant]]:
        found = self._records.get_many(GRANTS, actors)
        return [(actor, grant) for actor, fields in found.items() for grant in grants(fields)]

    def _at(self, targets: Collection[str], role: str | None, kind: str) -> Iterator[tuple[str, Grant]]:
        """Grants that may be on these targets (all: where there are none), or of this role."""
        places = [("target", f"{kind}/{target}") for target in dict.fromkeys(targets)]
        places = places or ([("role", role)] if role else [(ALL, "")])
        seen: set[str] = set()
        for path, target in places:
            for actor, fields in self._records.list(GRANTS, path, target):
                if actor not in seen:
                    seen.add(actor)
                    yield from ((actor, grant) for grant in grants(fields))


def _types(user: Any, groups: Any, domain: Any, projects: Any) -> frozenset[str]:
    """As upstream derives them from what is given: a user before groups, projects before a domain."""
    actors = USER_TYPES if user else GROUP_TYPES if groups else tuple(TYPES)
    targets = PROJECT_TYPES if projects else DOMAIN_TYPES if domain else tuple(TYPES)
    return frozenset(actors).intersection(targets)


def _one(role_id: str, domain_id: str | None, project_id: str | None, inherited: bool) -> Chosen:
    place = f"domain/{domain_id}" if domain_id else f"project/{project_id}"
    return lambda grant: (grant.place, grant.role, grant.inherited) == (place, role_id, bool(inherited))


def _one_of_system(role_id: str, target_id: str, inherited: bool) -> Chosen:
    wanted = (f"system/{target_id}", role_id, bool(inherited))
    return lambda grant: (grant.place, grant.role, grant.inherited) == wanted


def _system(actor: str, grant: Grant) -> Any:
    return SystemRoleAssignment(
        type=grant.type, actor_id=actor, target_id=grant.target, role_id=grant.role, inherited=grant.inherited
    )


def _described(actor: str, grant: Grant) -> dict[str, Any]:
    described = {
        "user_id" if grant.type in USER_TYPES else "group_id": actor,
        "project_id" if grant.type in PROJECT_TYPES else "domain_id": grant.target,
        "role_id": grant.role,
    }
    return described | ({"inherited_to_projects": "projects"} if grant.inherited else {})
