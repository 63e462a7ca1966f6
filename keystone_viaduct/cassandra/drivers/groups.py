"""The part of the identity driver that is about groups, and about who is in them.

A membership needs both its ends. It is written, and then both are looked at again; if one is gone, it is
taken back. Whoever deletes an end removes memberships before, so that a crash leaves none over, and once
more afterwards, for those that were being written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keystone import exception
from keystone.common import driver_hints, sql
from keystone.identity.backends import sql_model as model

from keystone_viaduct.cassandra.drivers.base import Filters, limited
from keystone_viaduct.cassandra.drivers.people import GROUP, GROUPS, MEMBERSHIP, USER
from keystone_viaduct.cassandra.drivers.removal import Removal
from keystone_viaduct.cassandra.records.shape import ALL

ATTRIBUTES = tuple(model.Group.attributes)


class Groups(Removal):
    """Methods of the identity driver."""

    @sql.handle_conflicts(conflict_type="group")  # type: ignore[untyped-decorator]
    def create_group(self, group_id: str, group: Mapping[str, Any]) -> dict[str, Any]:
        """Make a group."""
        ref = model.Group.from_dict(group)
        self._create(GROUP, group_id, GROUPS.fields(ref))
        return dict(ref.to_dict())

    @driver_hints.truncated  # type: ignore[untyped-decorator]
    def list_groups(self, hints: Any) -> list[dict[str, Any]]:
        """A page of groups that match."""
        filters = Filters(hints, GROUPS.columns.filterable(ATTRIBUTES))
        domain = filters.exact("domain_id")
        place = ("domain", domain) if domain else (ALL, "")
        return [ref.to_dict() for ref in self._page(GROUP, GROUPS, hints, filters, *place)]

    def get_group(self, group_id: str) -> dict[str, Any]:
        """A group."""
        ref = self._thing(GROUP, GROUPS, group_id)
        if ref is None:
            raise exception.GroupNotFound(group_id=group_id)
        return dict(ref.to_dict())

    def get_group_by_name(self, group_name: str, domain_id: str) -> dict[str, Any]:
        """The group of that name."""
        found = self._records.named(GROUP, "name", domain_id, group_name)
        if found is None:
            raise exception.GroupNotFound(group_id=group_name)
        return dict(GROUPS.thing(*found).to_dict())

    @sql.handle_conflicts(conflict_type="group")  # type: ignore[untyped-decorator]
    def update_group(self, group_id: str, group: Mapping[str, Any]) -> dict[str, Any]:
        """Change what ``group`` names."""

        def alter(ref: Any) -> None:
            new = model.Group.from_dict({**ref.to_dict(), **group})
            for name in (*ATTRIBUTES, "extra"):
                if name != "id":
                    setattr(ref, name, getattr(new, name))

        missing = exception.GroupNotFound(group_id=group_id)
        return dict(self._update(GROUP, GROUPS, group_id, alter, missing).to_dict())

    def delete_group(self, group_id: str) -> None:
        """Delete a group."""
        if self._records.get(GROUP, group_id) is None:
            raise exception.GroupNotFound(group_id=group_id)
        self._empty(group_id)
        self._delete(GROUP, group_id, exception.GroupNotFound(group_id=group_id))
        self._empty(group_id)
        self._end_all_in(group_id)

    def _empty(self, group_id: str) -> None:
        for user_id, _fields in self._records.list(MEMBERSHIP, "group", group_id):
            self._leave(user_id, group_id)

    def add_user_to_group(self, user_id: str, group_id: str) -> None:
        """Put a user into a group; nothing happens where he is in it."""
        self._check_ends(user_id, group_id, latest=False)
        self._put_part(MEMBERSHIP, user_id, group_id)
        try:
            self._check_ends(user_id, group_id, latest=True)
        except exception.NotFound:
            self._leave(user_id, group_id)
            raise

    def _check_ends(self, user_id: str, group_id: str, *, latest: bool) -> None:
        """Raise where one is gone; ``latest``: in any data centre."""
        read = self._records.get_latest if latest else self._records.get
        if read(GROUP, group_id) is None:
            raise exception.GroupNotFound(group_id=group_id)
        if read(USER, user_id) is None:
            raise exception.UserNotFound(user_id=user_id)

    def _leave(self, user_id: str, group_id: str) -> bool:
        """Whether he was in it."""
        return self._drop_part(MEMBERSHIP, user_id, group_id)

    def check_user_in_group(self, user_id: str, group_id: str) -> None:
        """Raise where a user is not in a group."""
        self._check_ends(user_id, group_id, latest=False)
        if group_id in (self._records.get(MEMBERSHIP, user_id) or {}):
            return
        if group_id not in self._unexpired(user_id):
            raise _not_in(user_id, group_id)

    def remove_user_from_group(self, user_id: str, group_id: str) -> None:
        """Take a user out of a group, even where one of them is gone."""
        if not self._leave(user_id, group_id):
            self._check_ends(user_id, group_id, latest=False)
            raise _not_in(user_id, group_id)

    def list_groups_for_user(self, user_id: str, hints: Any) -> list[dict[str, Any]]:
        """The groups of a user that match."""
        if self._records.get(USER, user_id) is None:
            raise exception.UserNotFound(user_id=user_id)
        filters = Filters(hints, GROUPS.columns.filterable(ATTRIBUTES))
        if filters.impossible:
            return []
        found = self._records.get_many(GROUP, sorted(self._records.get(MEMBERSHIP, user_id) or ()))
        refs = (GROUPS.thing(key, fields) for key, fields in found.items())
        groups = [ref.to_dict() for ref in limited(hints, filter(filters.matches, refs))]
        groups += self._expiring_groups(user_id, filters)
        return groups[: hints.limit["limit"]] if hints.limit else groups

    def _expiring_groups(self, user_id: str, filters: Filters) -> list[dict[str, Any]]:
        until = self._unexpired(user_id)
        found = self._records.get_many(GROUP, until)
        refs = [GROUPS.thing(key, fields) for key, fields in found.items()]
        return [
            {**ref.to_dict(), "membership_expires_at": until[ref.id]} for ref in refs if filters.matches(ref)
        ]


def _not_in(user_id: str, group_id: str) -> Exception:
    missing: Exception = exception.NotFound(f"User '{user_id}' not found in group '{group_id}'")
    return missing
