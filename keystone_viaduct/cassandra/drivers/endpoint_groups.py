"""The part of the catalog driver that is about which endpoints a project sees, one by one or by groups.

All of one project are one record, a field for each. A group is needed where a project has it: it is looked
at again when that is written, and taken back if it is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keystone import exception
from keystone.catalog.backends import sql as model
from keystone.common import sql
from oslo_db import exception as db_exception

from keystone_viaduct.cassandra.drivers.base import Driver, Filters
from keystone_viaduct.cassandra.drivers.graph import Simple
from keystone_viaduct.cassandra.records import Listing, Shape
from keystone_viaduct.cassandra.records.shape import ALL, everywhere

ENDPOINT_GROUP = Shape(
    "endpoint_group", listings=(Listing(ALL, everywhere, hint=lambda fields: str(fields["name"])),)
)
SEEN = Shape("project_endpoint", listings=(Listing("endpoint", lambda fields: list(fields), width=1),))
"""Key: the project; a field for each endpoint."""
SEEN_GROUPS = Shape(
    "project_endpoint_group", listings=(Listing("group", lambda fields: list(fields), width=1),)
)
"""Key: the project; a field for each group of endpoints."""
GROUPS = Simple(model.EndpointGroup)


class EndpointGroups(Driver):
    """Methods of the catalog driver."""

    @sql.handle_conflicts(conflict_type="project_endpoint")  # type: ignore[untyped-decorator]
    def add_endpoint_to_project(self, endpoint_id: str, project_id: str) -> None:
        """Let a project see an endpoint."""
        if not self._put_part(SEEN, project_id, endpoint_id):
            raise db_exception.DBDuplicateEntry(columns=["endpoint_id", "project_id"])

    def check_endpoint_in_project(self, endpoint_id: str, project_id: str) -> None:
        """Raise where a project is not given an endpoint."""
        if endpoint_id not in (self._records.get(SEEN, project_id) or {}):
            raise _not_seen(endpoint_id, project_id)

    def remove_endpoint_from_project(self, endpoint_id: str, project_id: str) -> None:
        """Let a project see an endpoint no more."""
        if not self._drop_part(SEEN, project_id, endpoint_id):
            raise _not_seen(endpoint_id, project_id)

    def list_endpoints_for_project(self, project_id: str) -> list[dict[str, str]]:
        """The endpoints that a project is given one by one."""
        fields = self._records.get(SEEN, project_id) or {}
        return [{"endpoint_id": endpoint_id, "project_id": project_id} for endpoint_id in sorted(fields)]

    def list_projects_for_endpoint(self, endpoint_id: str) -> list[dict[str, str]]:
        """The projects that are given an endpoint."""
        found = self._records.list(SEEN, "endpoint", endpoint_id)
        return [{"endpoint_id": endpoint_id, "project_id": project_id} for project_id, _fields in found]

    def delete_association_by_endpoint(self, endpoint_id: str) -> None:
        """Let no project see an endpoint, one by one: an interrupted one is done again."""
        for project_id, _fields in self._records.list(SEEN, "endpoint", endpoint_id):
            self._drop_part(SEEN, project_id, endpoint_id)

    def delete_association_by_project(self, project_id: str) -> None:
        """Forget which endpoints a project is given."""
        self._change(SEEN, project_id, lambda _: None)

    def create_endpoint_group(
        self, endpoint_group_id: str, endpoint_group: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Make a group of endpoints."""
        ref = model.EndpointGroup.from_dict(endpoint_group)
        self._create(ENDPOINT_GROUP, endpoint_group_id, GROUPS.fields(ref))
        return dict(ref.to_dict())

    def get_endpoint_group(self, endpoint_group_id: str) -> dict[str, Any]:
        """A group of endpoints."""
        ref = self._thing(ENDPOINT_GROUP, GROUPS, endpoint_group_id)
        if ref is None:
            raise exception.EndpointGroupNotFound(endpoint_group_id=endpoint_group_id)
        return dict(ref.to_dict())

    def update_endpoint_group(
        self, endpoint_group_id: str, endpoint_group: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Change what ``endpoint_group`` names."""

        def alter(ref: Any) -> None:
            new = model.EndpointGroup.from_dict({**ref.to_dict(), **endpoint_group})
            for name in model.EndpointGroup.mutable_attributes:
                setattr(ref, name, getattr(new, name))

        missing = exception.EndpointGroupNotFound(endpoint_group_id=endpoint_group_id)
        return dict(self._update(ENDPOINT_GROUP, GROUPS, endpoint_group_id, alter, missing).to_dict())

    def delete_endpoint_group(self, endpoint_group_id: str) -> None:
        """Delete a group of endpoints. That projects have it ends before, and again afterwards."""
        missing = exception.EndpointGroupNotFound(endpoint_group_id=endpoint_group_id)
        if self._records.get(ENDPOINT_GROUP, endpoint_group_id) is None:
            raise missing
        self._unsee_group(endpoint_group_id)
        self._delete(ENDPOINT_GROUP, endpoint_group_id, missing)
        self._unsee_group(endpoint_group_id)

    def _unsee_group(self, endpoint_group_id: str) -> None:
        for project_id, _fields in self._records.list(SEEN_GROUPS, "group", endpoint_group_id):
            self._drop_part(SEEN_GROUPS, project_id, endpoint_group_id)

    def list_endpoint_groups(self, hints: Any) -> list[dict[str, Any]]:
        """Groups of endpoints that match."""
        filters = Filters(hints, GROUPS.columns.filterable(model.EndpointGroup.attributes))
        return [ref.to_dict() for ref in self._list(ENDPOINT_GROUP, GROUPS, hints, filters, ALL)]

    @sql.handle_conflicts(conflict_type="project_endpoint_group")  # type: ignore[untyped-decorator]
    def add_endpoint_group_to_project(self, endpoint_group_id: str, project_id: str) -> None:
        """Let a project see the endpoints of a group, which is looked at again when that is written."""
        if not self._put_part(SEEN_GROUPS, project_id, endpoint_group_id):
            raise db_exception.DBDuplicateEntry(columns=["endpoint_group_id", "project_id"])
        if self._records.get_latest(ENDPOINT_GROUP, endpoint_group_id) is None:
            self._drop_part(SEEN_GROUPS, project_id, endpoint_group_id)
            raise exception.EndpointGroupNotFound(endpoint_group_id=endpoint_group_id)

    def get_endpoint_group_in_project(self, endpoint_group_id: str, project_id: str) -> dict[str, str]:
        """That a project is given a group."""
        if endpoint_group_id not in (self._records.get(SEEN_GROUPS, project_id) or {}):
            raise exception.NotFound("Endpoint Group Project Association not found")
        return _seen_group(endpoint_group_id, project_id)

    def list_endpoint_groups_for_project(self, project_id: str) -> list[dict[str, str]]:
        """The groups that a project is given."""
        fields = self._records.get(SEEN_GROUPS, project_id) or {}
        return [_seen_group(endpoint_group_id, project_id) for endpoint_group_id in sorted(fields)]

    def remove_endpoint_group_from_project(self, endpoint_group_id: str, project_id: str) -> None:
        """Let a project see the endpoints of a group no more."""
        if not self._drop_part(SEEN_GROUPS, project_id, endpoint_group_id):
            raise exception.NotFound("Endpoint Group Project Association not found")

    def list_projects_associated_with_endpoint_group(self, endpoint_group_id: str) -> list[dict[str, str]]:
        """The projects that are given a group."""
        found = self._records.list(SEEN_GROUPS, "group", endpoint_group_id)
        return [_seen_group(endpoint_group_id, project_id) for project_id, _fields in found]

    def delete_endpoint_group_association_by_project(self, project_id: str) -> None:
        """Forget which groups a project is given."""
        self._change(SEEN_GROUPS, project_id, lambda _: None)


def _seen_group(endpoint_group_id: str, project_id: str) -> dict[str, str]:
    return {"endpoint_group_id": endpoint_group_id, "project_id": project_id}


def _not_seen(endpoint_id: str, project_id: str) -> Exception:
    missing: Exception = exception.NotFound(f"Endpoint {endpoint_id} not found in project {project_id}")
    return missing
