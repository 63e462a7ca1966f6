"""Rules for unified limits."""

from __future__ import annotations

from collections.abc import Iterator

from keystone_viaduct.sync.site.delegation.act import Act, Problem
from keystone_viaduct.sync.site.delegation.court import Court


def registered_limit(court: Court, act: Act) -> Iterator[Problem]:
    """Only with all domains: it is what holds where nothing else is said."""
    yield from court.fleet_wide("a registered limit")


def limit(court: Court, act: Act) -> Iterator[Problem]:
    """Its project or domain is delegated. Leave the kind out of the delegation where quotas are the hub's."""
    yield from court.within("project", act.values("project_id"), gone=act.deletes)
    yield from court.domain(act.values("domain_id"))
    if not act.values("project_id") and not act.values("domain_id"):
        yield from court.fleet_wide("a limit without project and domain")
