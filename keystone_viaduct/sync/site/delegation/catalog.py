"""Rules for the service catalog."""

from __future__ import annotations

from collections.abc import Iterator

from keystone_viaduct.sync.site.delegation.act import Act, Problem
from keystone_viaduct.sync.site.delegation.court import Court


def region(court: Court, act: Act) -> Iterator[Problem]:
    """Only with all domains: the catalog is everybody's."""
    yield from court.fleet_wide("a region")


def service(court: Court, act: Act) -> Iterator[Problem]:
    """Only with all domains: the catalog is everybody's."""
    yield from court.fleet_wide("a service")


def endpoint(court: Court, act: Act) -> Iterator[Problem]:
    """Only with all domains: everybody's tokens go where its URL points."""
    yield from court.fleet_wide("an endpoint")


def endpoint_group(court: Court, act: Act) -> Iterator[Problem]:
    """Only with all domains: it chooses endpoints for any project."""
    yield from court.fleet_wide("an endpoint group")


def project_endpoint(court: Court, act: Act) -> Iterator[Problem]:
    """The project lies in a delegated domain; the endpoint is the hub's anyway."""
    yield from court.within("project", act.values("project_id"), gone=act.deletes)


def project_endpoint_group(court: Court, act: Act) -> Iterator[Problem]:
    """The project lies in a delegated domain; the endpoint group is the hub's anyway."""
    yield from court.within("project", act.values("project_id"), gone=act.deletes)
