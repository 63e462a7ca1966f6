"""Namespace ``keystone.resource``: projects, and domains, which are projects too."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from keystone import exception
from keystone.common import resource_options, sql
from keystone.resource.backends import base, sql_model

from keystone_viaduct.cassandra.drivers.base import Driver, Filters
from keystone_viaduct.cassandra.drivers.graph import WithOptions
from keystone_viaduct.cassandra.records import Fields, Listing, Shape, Unique
from keystone_viaduct.cassandra.records.shape import ALL, everywhere, field_of

LOG = logging.getLogger(__name__)


def _name(fields: Fields) -> str:
    return str(fields["name"])


PROJECT = Shape(
    "project",
    unique=(Unique("name", lambda fields: [(fields["domain_id"], fields["name"])]),),
    listings=(
        Listing(ALL, everywhere, hint=_name, width=1),
        Listing("domain", field_of("domain_id"), hint=_name, width=1),
        Listing("parent", field_of("parent_id"), hint=_name, width=1),
        Listing("acting", lambda fields: ["domain"] if fields["is_domain"] else [], hint=_name, width=1),
        Listing("tag", lambda fields: list(fields["tags"])),
    ),
)


class _Codec(WithOptions):
    """With the tags of a project, in the order that they were given in."""

    def fields(self, thing: Any) -> dict[str, Any]:
        """The record of a project."""
        return {**super().fields(thing), "tags": list(dict.fromkeys(thing.tags))}

    def thing(self, key: str, fields: Mapping[str, Any]) -> Any:
        """The project of a record."""
        made = super().thing(key, fields)
        made.tags = fields["tags"]
        return made


CODEC = _Codec(sql_model.Project, sql_model.ProjectOption)
ATTRIBUTES = tuple(name for name in sql_model.Project.attributes if name != "tags")


class Resource(Driver, base.ResourceDriverBase):  # type: ignore[misc]
    """See the base class. The root of all domains is a record too, and hidden everywhere."""

    def get_project(self, project_id: str) -> dict[str, Any]:
        """A project or domain."""
        return dict(self._project(project_id).to_dict())

    def _project(self, project_id: str) -> Any:
        ref = None if _is_hidden(project_id) else self._thing(PROJECT, CODEC, project_id)
        if ref is None:
            raise exception.ProjectNotFound(project_id=project_id)
        return ref

    def get_project_by_name(self, project_name: str, domain_id: str | None) -> dict[str, Any]:
        """The project of that name in a domain; None: a domain."""
        found = self._records.named(PROJECT, "name", domain_id or base.NULL_DOMAIN_ID, project_name)
        if found is None or _is_hidden(found[0]):
            raise exception.ProjectNotFound(project_id=project_name)
        return dict(CODEC.thing(*found).to_dict())

    def list_projects(self, hints: Any) -> list[dict[str, Any]]:
        """A page of projects and domains that match."""
        for each in hints.filters:
            if each["name"] == "domain_id" and each["value"] is None:
                each["value"] = base.NULL_DOMAIN_ID
        filters = Filters(hints, CODEC.columns.filterable(ATTRIBUTES))
        page = self._page(
            PROJECT, CODEC, hints, filters, *_place(filters), chosen=lambda ref: not _is_hidden(ref.id)
        )
        return [ref.to_dict() for ref in page]

    def list_projects_from_ids(self, ids: Iterable[str]) -> list[dict[str, Any]]:
        """Those of them that are there."""
        found = self._records.get_many(PROJECT, (key for key in ids if not _is_hidden(key)))
        return [CODEC.thing(key, fields).to_dict() for key, fields in found.items()]

    def list_project_ids_from_domain_ids(self, domain_ids: Iterable[str]) -> list[str]:
        """The ids of all projects in these domains."""
        return [
            ref.id for domain_id in dict.fromkeys(domain_ids) for ref in self._listed("domain", domain_id)
        ]

    def list_projects_in_domain(self, domain_id: str) -> list[dict[str, Any]]:
        """The projects of a domain."""
        if _is_hidden(domain_id) or self._records.get(PROJECT, domain_id) is None:
            raise exception.DomainNotFound(domain_id=domain_id)
        return [ref.to_dict() for ref in self._listed("domain", domain_id)]

    def list_projects_acting_as_domain(self, hints: Any) -> list[dict[str, Any]]:
        """A page of domains that match."""
        hints.add_filter("is_domain", True)
        return self.list_projects(hints)

    def _listed(self, path: str, target: str = "") -> Iterator[Any]:
        listed = self._records.list(PROJECT, path, target)
        return (CODEC.thing(key, fields) for key, fields in listed if not _is_hidden(key))

    def _children(self, project_ids: Iterable[str]) -> list[dict[str, Any]]:
        return [ref.to_dict() for parent in project_ids for ref in self._listed("parent", parent)]

    def list_projects_in_subtree(self, project_id: str) -> list[dict[str, Any]] | None:
        """All below a project, level by level; None where the tree is none."""
        examined = {project_id}
        subtree: list[dict[str, Any]] = []
        children = self._children([project_id])
        while children:
            ids = [ref["id"] for ref in children]
            repeated = examined.intersection(ids)
            if repeated:
                LOG.error("a project is met again below itself: %s", ", ".join(sorted(repeated)))
                return None
            examined.update(ids)
            subtree += children
            children = self._children(ids)
        return subtree

    def list_project_parents(self, project_id: str) -> list[dict[str, Any]] | None:
        """All above a project, the nearest first; None where the tree is none."""
        project = self.get_project(project_id)
        parents: list[dict[str, Any]] = []
        examined: set[str] = set()
        while project.get("parent_id") is not None:
            if project["id"] in examined:
                LOG.error("a project is met again above itself: %s", project["id"])
                return None
            examined.add(project["id"])
            project = self.get_project(project["parent_id"])
            parents.append(project)
        return parents

    def is_leaf_project(self, project_id: str) -> bool:
        """Whether nothing is below it."""
        return next(self._listed("parent", project_id), None) is None

    def list_projects_by_tags(self, filters: Mapping[str, str]) -> list[dict[str, Any]]:
        """Projects with all, any, not all, or none of some tags."""
        chosen = self._with_tags(filters)
        if "not-tags" in filters or "not-tags-any" in filters:
            chosen = self._without_tags(filters, chosen)
        return self.list_projects_from_ids(chosen or ())

    def _with_tags(self, filters: Mapping[str, str]) -> list[str] | None:
        """None: nothing is asked for."""
        chosen: list[str] | None = None
        if "tags" in filters:
            chosen = self._having(filters["tags"].split(","), all_of_them=True)
        if "tags-any" in filters:
            having = self._having(filters["tags-any"].split(","), all_of_them=False)
            chosen = having if chosen is None else [key for key in having if key in set(chosen)]
        return chosen

    def _without_tags(self, filters: Mapping[str, str], chosen: list[str] | None) -> list[str]:
        """As upstream joins them: where both are asked for, what the second names comes in again."""
        valid = chosen
        if "not-tags" in filters:
            valid = self._others(self._having(filters["not-tags"].split(","), all_of_them=True), valid)
        if "not-tags-any" in filters:
            having = self._having(filters["not-tags-any"].split(","), all_of_them=False)
            valid = [*(valid or ()), *having] if "not-tags" in filters else self._others(having, valid)
        return valid or []

    def _having(self, tags: Collection[str], *, all_of_them: bool) -> list[str]:
        found = {ref.id: ref for tag in dict.fromkeys(tags) for ref in self._listed("tag", tag)}
        return [key for key, ref in found.items() if not all_of_them or set(tags) <= set(ref.tags)]

    def _others(self, unwanted: Collection[str], among: list[str] | None) -> list[str]:
        every = among or [ref.id for ref in self._listed(ALL)]
        return [key for key in every if key not in set(unwanted)]

    @sql.handle_conflicts(conflict_type="project")  # type: ignore[untyped-decorator]
    def create_project(self, project_id: str, project: Mapping[str, Any]) -> dict[str, Any]:
        """Make a project or a domain."""
        ref = sql_model.Project.from_dict(_encoded(project))
        resource_options.resource_options_ref_to_mapper(ref, sql_model.ProjectOption)
        fields = CODEC.fields(ref)
        self._create(PROJECT, project_id, fields)
        return dict(CODEC.thing(project_id, fields).to_dict())

    @sql.handle_conflicts(conflict_type="project")  # type: ignore[untyped-decorator]
    def update_project(self, project_id: str, project: Mapping[str, Any]) -> dict[str, Any]:
        """Change what ``project`` names."""
        missing = exception.ProjectNotFound(project_id=project_id)
        if _is_hidden(project_id):
            raise missing

        def alter(ref: Any) -> None:
            new = sql_model.Project.from_dict(_encoded({**ref.to_dict(), **_encoded(project)}))
            for name in sql_model.Project.attributes:
                if name != "id":
                    setattr(ref, name, getattr(new, name))
            ref._resource_options = getattr(new, "_resource_options", {})
            resource_options.resource_options_ref_to_mapper(ref, sql_model.ProjectOption)
            ref.extra = new.extra

        updated = self._update(PROJECT, CODEC, project_id, alter, missing)
        return dict(updated.to_dict(include_extra_dict=True))

    def delete_project(self, project_id: str) -> None:
        """Delete a project or a domain."""
        missing = exception.ProjectNotFound(project_id=project_id)
        if _is_hidden(project_id):
            raise missing
        self._delete(PROJECT, project_id, missing)

    def delete_projects_from_ids(self, project_ids: Collection[str]) -> None:
        """Delete those of them that are there."""
        for project_id in project_ids:
            try:
                self.delete_project(project_id)
            except exception.ProjectNotFound:
                LOG.warning("project %s does not exist and was not deleted", project_id)

    def check_project_depth(self, max_depth: int) -> list[str] | None:
        """The ids of projects that are deeper than ``max_depth`` below the top of their tree."""
        level = [ref.id for ref in self._listed(ALL) if ref.parent_id is None]
        for _ in range(max_depth):
            level = [child["id"] for child in self._children(level)]
        return level


def _is_hidden(project_id: str) -> bool:
    return bool(project_id == base.NULL_DOMAIN_ID)


def _encoded(project: Mapping[str, Any]) -> dict[str, Any]:
    if "domain_id" in project and project["domain_id"] is None:
        return {**project, "domain_id": base.NULL_DOMAIN_ID}
    return dict(project)


def _place(filters: Filters) -> tuple[str, str]:
    """Where to look: the shortest of the listings that has all that match."""
    if filters.exact("parent_id"):
        return "parent", filters.exact("parent_id")
    if filters.exact("domain_id"):
        return "domain", filters.exact("domain_id")
    return ("acting", "domain") if filters.exact("is_domain") else (ALL, "")
