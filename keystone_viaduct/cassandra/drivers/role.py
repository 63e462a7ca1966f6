"""Namespace ``keystone.role``: roles, and which role implies which."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from keystone import exception
from keystone.assignment.role_backends import base, sql_model
from keystone.common import driver_hints, resource_options, sql
from oslo_db import exception as db_exception

from keystone_viaduct.cassandra.drivers.base import Driver, Filters
from keystone_viaduct.cassandra.drivers.graph import WithOptions
from keystone_viaduct.cassandra.records import Listing, Shape, Unique
from keystone_viaduct.cassandra.records.shape import ALL, everywhere, field_of

ROLE = Shape(
    "role",
    unique=(Unique("name", lambda fields: [(fields["domain_id"], fields["name"])]),),
    listings=(
        Listing(ALL, everywhere, hint=lambda fields: str(fields["name"])),
        Listing("domain", field_of("domain_id"), hint=lambda fields: str(fields["name"])),
    ),
)
IMPLIED = Shape(
    "implied_role",
    listings=(Listing(ALL, everywhere), Listing("implied", lambda fields: list(fields))),
)
"""Key: the prior role; a field for each role that it implies."""

CODEC = WithOptions(sql_model.RoleTable, sql_model.RoleOption)


class Role(Driver, base.RoleDriverBase):  # type: ignore[misc]
    """See the base class."""

    @sql.handle_conflicts(conflict_type="role")  # type: ignore[untyped-decorator]
    def create_role(self, role_id: str, role: dict[str, Any]) -> dict[str, Any]:
        """Make a role."""
        ref = sql_model.RoleTable.from_dict(role)
        resource_options.resource_options_ref_to_mapper(ref, sql_model.RoleOption)
        self._create(ROLE, role_id, CODEC.fields(ref))
        return dict(ref.to_dict())

    @driver_hints.truncated  # type: ignore[untyped-decorator]
    def list_roles(self, hints: Any) -> list[dict[str, Any]]:
        """Roles that match."""
        for each in hints.filters:
            if each["name"] == "domain_id" and each["value"] is None:
                each["value"] = base.NULL_DOMAIN_ID
        filters = Filters(hints, CODEC.columns.filterable(sql_model.RoleTable.attributes))
        domain = filters.exact("domain_id")
        place = ("domain", domain) if domain else (ALL, "")
        return [ref.to_dict() for ref in self._list(ROLE, CODEC, hints, filters, *place)]

    def list_roles_from_ids(self, ids: Iterable[str]) -> list[dict[str, Any]]:
        """Those of them that are there."""
        found = self._records.get_many(ROLE, ids)
        return [CODEC.thing(key, fields).to_dict() for key, fields in found.items()]

    def get_role(self, role_id: str) -> dict[str, Any]:
        """A role."""
        ref = self._thing(ROLE, CODEC, role_id)
        if ref is None:
            raise exception.RoleNotFound(role_id=role_id)
        return dict(ref.to_dict())

    @sql.handle_conflicts(conflict_type="role")  # type: ignore[untyped-decorator]
    def update_role(self, role_id: str, role: dict[str, Any]) -> dict[str, Any]:
        """Change what ``role`` names."""

        def alter(ref: Any) -> None:
            new = sql_model.RoleTable.from_dict({**ref.to_dict(), **role})
            for name in ("name", "domain_id", "description", "extra"):
                setattr(ref, name, getattr(new, name))
            ref._resource_options = getattr(new, "_resource_options", {})
            resource_options.resource_options_ref_to_mapper(ref, sql_model.RoleOption)

        missing = exception.RoleNotFound(role_id=role_id)
        return dict(self._update(ROLE, CODEC, role_id, alter, missing).to_dict())

    def delete_role(self, role_id: str) -> None:
        """Delete a role, and every rule in which it is.

        The rules go first, so that none is left over by a client that dies here, and again afterwards: one
        that is being made meanwhile is taken back by whoever makes it, when he looks again at its roles.
        """
        if self._records.get(ROLE, role_id) is None:
            raise exception.RoleNotFound(role_id=role_id)
        self._forget(role_id)
        self._delete(ROLE, role_id, exception.RoleNotFound(role_id=role_id))
        self._forget(role_id)

    def _forget(self, role_id: str) -> None:
        self._change(IMPLIED, role_id, lambda _: None)
        for prior, _fields in list(self._records.list(IMPLIED, "implied", role_id)):
            self._drop_part(IMPLIED, prior, role_id)

    @sql.handle_conflicts(conflict_type="implied_role")  # type: ignore[untyped-decorator]
    def create_implied_role(self, prior_role_id: str, implied_role_id: str) -> dict[str, str]:
        """Let a role imply another; both are looked at again when the rule is there."""
        if not self._put_part(IMPLIED, prior_role_id, implied_role_id):
            raise db_exception.DBDuplicateEntry(columns=["prior_role_id", "implied_role_id"])
        for role_id in (prior_role_id, implied_role_id):
            if self._records.get_latest(ROLE, role_id) is None:
                self._drop_part(IMPLIED, prior_role_id, implied_role_id)
                raise exception.RoleNotFound(role_id=role_id)
        return _rule(prior_role_id, implied_role_id)

    def delete_implied_role(self, prior_role_id: str, implied_role_id: str) -> None:
        """Let it imply the other no more."""
        if not self._drop_part(IMPLIED, prior_role_id, implied_role_id):
            raise exception.ImpliedRoleNotFound(prior_role_id=prior_role_id, implied_role_id=implied_role_id)

    def list_implied_roles(self, prior_role_id: str) -> list[dict[str, str]]:
        """The rules of one role."""
        fields = self._records.get(IMPLIED, prior_role_id) or {}
        return [_rule(prior_role_id, implied) for implied in sorted(fields)]

    def list_role_inference_rules(self) -> list[dict[str, str]]:
        """All rules."""
        every = self._records.list(IMPLIED, ALL)
        return [_rule(prior, implied) for prior, fields in every for implied in sorted(fields)]

    def get_implied_role(self, prior_role_id: str, implied_role_id: str) -> dict[str, str]:
        """One rule."""
        if implied_role_id not in (self._records.get(IMPLIED, prior_role_id) or {}):
            raise exception.ImpliedRoleNotFound(prior_role_id=prior_role_id, implied_role_id=implied_role_id)
        return _rule(prior_role_id, implied_role_id)


def _rule(prior: str, implied: str) -> dict[str, str]:
    return {"prior_role_id": prior, "implied_role_id": implied}
