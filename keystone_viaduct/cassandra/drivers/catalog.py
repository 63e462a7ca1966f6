"""Namespace ``keystone.catalog``: regions, services and their endpoints.

An endpoint needs its service and its region. It is written, and then both are looked at again; if one is
gone, that is taken back. A region that an endpoint has got while it was deleted is put back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import keystone.conf
from keystone import exception
from keystone.catalog.backends import base
from keystone.catalog.backends import sql as model
from keystone.common import driver_hints, sql, utils

from keystone_viaduct.cassandra.drivers.base import Filters
from keystone_viaduct.cassandra.drivers.endpoint_groups import EndpointGroups
from keystone_viaduct.cassandra.drivers.graph import Simple
from keystone_viaduct.cassandra.records import Fields, Listing, Shape
from keystone_viaduct.cassandra.records.shape import ALL, everywhere, field_of

CONF = keystone.conf.CONF

REGION = Shape("region", listings=(Listing(ALL, everywhere), Listing("parent", field_of("parent_region_id"))))
SERVICE = Shape("service", listings=(Listing(ALL, everywhere),))
ENDPOINT = Shape(
    "endpoint",
    listings=(
        Listing(ALL, everywhere),
        Listing("service", field_of("service_id")),
        Listing("region", field_of("region_id")),
    ),
)
REGIONS, SERVICES, ENDPOINTS = Simple(model.Region), Simple(model.Service), Simple(model.Endpoint)
FOR_PROJECTS = ("tenant_id", "project_id")
"""What URLs of endpoints may name that only a token for a project has."""


class Catalog(EndpointGroups, base.CatalogDriverBase):  # type: ignore[misc]
    """See the base class."""

    @sql.handle_conflicts(conflict_type="region")  # type: ignore[untyped-decorator]
    def create_region(self, region_ref: Mapping[str, Any]) -> dict[str, Any]:
        """Make a region; the one that it is in is looked at again when it is there."""
        self._check_parent(region_ref, latest=False)
        ref = model.Region.from_dict(region_ref)
        self._create(REGION, ref.id, REGIONS.fields(ref))
        try:
            self._check_parent(region_ref, latest=True)
        except exception.RegionNotFound:
            self._change(REGION, ref.id, lambda _: None)
            raise
        return dict(ref.to_dict())

    def _check_parent(self, region_ref: Mapping[str, Any], *, latest: bool) -> None:
        parent = region_ref.get("parent_region_id")
        read = self._records.get_latest if latest else self._records.get
        if parent is not None and read(REGION, parent) is None:
            raise exception.RegionNotFound(region_id=parent)

    def list_regions(self, hints: Any) -> list[dict[str, Any]]:
        """Regions that match."""
        filters = Filters(hints, REGIONS.columns.filterable(model.Region.attributes))
        parent = filters.exact("parent_region_id")
        place = ("parent", parent) if parent else (ALL, "")
        return [ref.to_dict() for ref in self._list(REGION, REGIONS, hints, filters, *place)]

    def get_region(self, region_id: str) -> dict[str, Any]:
        """A region."""
        ref = self._thing(REGION, REGIONS, region_id)
        if ref is None:
            raise exception.RegionNotFound(region_id=region_id)
        return dict(ref.to_dict())

    def update_region(self, region_id: str, region_ref: Mapping[str, Any]) -> dict[str, Any]:
        """Change what ``region_ref`` names, unless a region would be in itself."""
        self._check_parent(region_ref, latest=False)
        self._ensure_no_circle_in_hierarchical_regions({**self.get_region(region_id), **region_ref})
        missing = exception.RegionNotFound(region_id=region_id)
        alter = _altering(model.Region, region_ref)
        return dict(self._update(REGION, REGIONS, region_id, alter, missing).to_dict())

    def delete_region(self, region_id: str) -> None:
        """Delete a region and those in it, the innermost first, unless one of them has endpoints."""
        if self._records.get(REGION, region_id) is None:
            raise exception.RegionNotFound(region_id=region_id)
        inside = self._inside(region_id)
        if any(self._has_endpoints(each) for each in (region_id, *inside)):
            raise exception.RegionDeletionError(region_id=region_id)
        self._delete_regions(reversed(inside))
        self._delete_region(region_id)
        self._delete_regions(reversed(self._inside(region_id)))  # what was being made meanwhile

    def _inside(self, region_id: str) -> list[str]:
        """The regions in a region, level by level; one that is in itself is met once."""
        met = {region_id}
        found: list[str] = []
        level = [region_id]
        while level:
            children = [key for each in level for key, _ in self._records.list(REGION, "parent", each)]
            level = [key for key in children if key not in met]
            met.update(level)
            found += level
        return found

    def _has_endpoints(self, region_id: str) -> bool:
        return next(self._records.list(ENDPOINT, "region", region_id), None) is not None

    def _delete_regions(self, region_ids: Iterable[str]) -> None:
        for region_id in region_ids:
            try:
                self._delete_region(region_id)
            except exception.RegionNotFound:
                pass  # somebody else has deleted it

    def _delete_region(self, region_id: str) -> None:
        self._delete_unless(
            REGION,
            region_id,
            exception.RegionNotFound(region_id=region_id),
            lambda: self._has_endpoints(region_id),
            exception.RegionDeletionError(region_id=region_id),
        )

    def create_service(self, service_id: str, service_ref: Mapping[str, Any]) -> dict[str, Any]:
        """Make a service."""
        ref = model.Service.from_dict(service_ref)
        self._create(SERVICE, service_id, SERVICES.fields(ref))
        return dict(ref.to_dict())

    @driver_hints.truncated  # type: ignore[untyped-decorator]
    def list_services(self, hints: Any) -> list[dict[str, Any]]:
        """Services that match."""
        filters = Filters(hints, SERVICES.columns.filterable(model.Service.attributes))
        return [ref.to_dict() for ref in self._list(SERVICE, SERVICES, hints, filters, ALL)]

    def get_service(self, service_id: str) -> dict[str, Any]:
        """A service."""
        ref = self._thing(SERVICE, SERVICES, service_id)
        if ref is None:
            raise exception.ServiceNotFound(service_id=service_id)
        return dict(ref.to_dict())

    def update_service(self, service_id: str, service_ref: Mapping[str, Any]) -> dict[str, Any]:
        """Change what ``service_ref`` names."""
        missing = exception.ServiceNotFound(service_id=service_id)
        alter = _altering(model.Service, service_ref)
        return dict(self._update(SERVICE, SERVICES, service_id, alter, missing).to_dict())

    def delete_service(self, service_id: str) -> None:
        """Delete a service. Its endpoints go first, and again afterwards."""
        missing = exception.ServiceNotFound(service_id=service_id)
        if self._records.get(SERVICE, service_id) is None:
            raise missing
        self._clear_service(service_id)
        self._delete(SERVICE, service_id, missing)
        self._clear_service(service_id)

    def _clear_service(self, service_id: str) -> None:
        def decide(before: Fields | None) -> Fields | None:
            return None if before is None or before["service_id"] == service_id else before

        for endpoint_id, _fields in self._records.list(ENDPOINT, "service", service_id):
            self.delete_association_by_endpoint(endpoint_id)
            self._change(ENDPOINT, endpoint_id, decide)

    def create_endpoint(self, endpoint_id: str, endpoint: Mapping[str, Any]) -> dict[str, Any]:
        """Make an endpoint."""
        ref = model.Endpoint.from_dict(endpoint)
        fields = ENDPOINTS.fields(ref)
        self._create(ENDPOINT, endpoint_id, fields)
        self._confirm_ends(endpoint_id, fields, None)
        return dict(ref.to_dict())

    def _confirm_ends(self, endpoint_id: str, now: Fields, former: Fields | None) -> None:
        """Look again at an endpoint's service and region; where one is gone, make it what it was."""
        region_id, service_id = now["region_id"], now["service_id"]
        gone: Exception | None = None
        if region_id is not None and self._records.get_latest(REGION, region_id) is None:
            gone = exception.RegionNotFound(region_id=region_id)
        elif self._records.get_latest(SERVICE, service_id) is None:
            gone = exception.ServiceNotFound(service_id=service_id)
        if gone is not None:
            self._change(ENDPOINT, endpoint_id, lambda before: former if before == now else before)
            raise gone

    @driver_hints.truncated  # type: ignore[untyped-decorator]
    def list_endpoints(self, hints: Any) -> list[dict[str, Any]]:
        """Endpoints that match."""
        filters = Filters(hints, ENDPOINTS.columns.filterable(model.Endpoint.attributes))
        service, region = filters.exact("service_id"), filters.exact("region_id")
        place = ("service", service) if service else ("region", region) if region else (ALL, "")
        return [ref.to_dict() for ref in self._list(ENDPOINT, ENDPOINTS, hints, filters, *place)]

    def get_endpoint(self, endpoint_id: str) -> dict[str, Any]:
        """An endpoint."""
        ref = self._thing(ENDPOINT, ENDPOINTS, endpoint_id)
        if ref is None:
            raise exception.EndpointNotFound(endpoint_id=endpoint_id)
        return dict(ref.to_dict())

    def update_endpoint(self, endpoint_id: str, endpoint_ref: Mapping[str, Any]) -> dict[str, Any]:
        """Change what ``endpoint_ref`` names."""
        former: list[Fields] = []
        change = _altering(model.Endpoint, endpoint_ref)

        def alter(ref: Any) -> None:
            former[:] = [ENDPOINTS.fields(ref)]
            change(ref)

        missing = exception.EndpointNotFound(endpoint_id=endpoint_id)
        updated = self._update(ENDPOINT, ENDPOINTS, endpoint_id, alter, missing)
        if {"region_id", "service_id"} & endpoint_ref.keys():
            self._confirm_ends(endpoint_id, ENDPOINTS.fields(updated), former[0])
        return dict(updated.to_dict())

    def delete_endpoint(self, endpoint_id: str) -> None:
        """Delete an endpoint."""
        self._delete(ENDPOINT, endpoint_id, exception.EndpointNotFound(endpoint_id=endpoint_id))

    def get_v3_catalog(self, user_id: str, project_id: str | None) -> list[dict[str, Any]]:
        """What a token's catalog says: enabled services with enabled endpoints, those for the project."""
        urls = _Urls(user_id, project_id)
        catalog = [
            {
                "endpoints": [_shown(each, url) for each, url in urls.of(endpoints)],
                "id": service.id,
                "type": service.type,
                "name": service.extra.get("name", ""),
            }
            for service, endpoints in self._offered()
        ]
        chosen = self.catalog_api.list_endpoints_for_project(project_id) if project_id else {}
        if not chosen:
            return catalog if CONF.endpoint_filter.return_all_endpoints_if_no_filter else []
        for service in catalog:
            service["endpoints"] = [
                each
                for each in service["endpoints"]
                if each["id"] in chosen and chosen[each["id"]]["enabled"]
            ]
        return [service for service in catalog if service["endpoints"]]

    def get_catalog(self, user_id: str, project_id: str | None) -> dict[str, Any]:
        """The same in the form of version 2 of the API (releases before 30 ask for it to be there)."""
        urls = _Urls(user_id, project_id)
        catalog: dict[str, Any] = {}
        for service, endpoints in self._offered():
            for each, url in urls.of(endpoints):
                named = {"id": each.id, "name": service.extra.get("name", ""), "publicURL": ""}
                region = catalog.setdefault(each.region_id, {})
                region.setdefault(service.type, named)[f"{each.interface}URL"] = url
        return catalog

    def _offered(self) -> Iterator[tuple[Any, list[Any]]]:
        """Each enabled service, with its enabled endpoints."""
        by_service: dict[str, list[Any]] = {}
        for key, fields in self._records.list(ENDPOINT, ALL):
            if fields["enabled"]:
                by_service.setdefault(fields["service_id"], []).append(ENDPOINTS.thing(key, fields))
        for key, fields in self._records.list(SERVICE, ALL):
            if fields["enabled"]:
                yield SERVICES.thing(key, fields), by_service.get(key, [])


class _Urls:
    """URLs of endpoints, with what they name put in."""

    def __init__(self, user_id: str, project_id: str | None) -> None:
        self._values = {**dict(CONF.items()), "user_id": user_id}
        if project_id:
            self._values |= dict.fromkeys(FOR_PROJECTS, project_id)
        self._absent = () if project_id else FOR_PROJECTS

    def of(self, endpoints: Iterable[Any]) -> Iterator[tuple[Any, str]]:
        """Each endpoint with its URL; not those that name what there is not, or that are malformed."""
        for each in endpoints:
            try:
                url = utils.format_url(each.url, self._values, silent_keyerror_failures=list(self._absent))
            except exception.MalformedEndpoint:  # it has been logged
                continue
            if url:
                yield each, url


def _shown(endpoint: Any, url: str) -> dict[str, Any]:
    hidden = {"service_id", "legacy_endpoint_id", "enabled"}
    shown = {name: value for name, value in endpoint.to_dict().items() if name not in hidden}
    return {**shown, "region": endpoint.region_id, "url": url}


def _altering(of: Any, changed: Mapping[str, Any]) -> Callable[[Any], None]:
    """What sets all attributes of an object but its id, as they are and as they are changed."""

    def alter(ref: Any) -> None:
        new = of.from_dict({**ref.to_dict(), **changed})
        for name in (*of.attributes, "extra"):
            if name != "id":
                setattr(ref, name, getattr(new, name))

    return alter
