"""Rules for domains, projects and their configuration."""

from __future__ import annotations

from collections.abc import Iterator

from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.site.delegation.act import Act, Problem
from keystone_viaduct.sync.site.delegation.court import Court

_GIVEN = frozenset({"name", "id"})


def domain(court: Court, act: Act) -> Iterator[Problem]:
    """A delegated domain may be described and tagged, and enabled and disabled as long as nobody lives there
    who holds a role on the system, or more than is delegated in another domain, and nobody holds a role there
    that may not be granted. To make, rename or delete one takes a delegation of all domains.
    """
    yield from court.domain([act.ref.key])
    if act.creates or act.deletes or act.changed & _GIVEN:
        yield from court.fleet_wide("a domain's being and name")
    yield from _same_table(court, act, "project")


def domain_config(court: Court, act: Act) -> Iterator[Problem]:
    """It says whom the hub asks for passwords, and where the hub connects to: only with all domains and all
    roles.
    """
    yield from court.domain([act.ref.key])
    yield from court.sovereign("a domain's configuration")


def project(court: Court, act: Act) -> Iterator[Problem]:
    """In a delegated domain, before and after, below a parent in one. It is enabled and disabled as long as
    nobody holds a role on it that may not be granted.
    """
    yield from court.domain(act.values("domain_id"))
    yield from court.within("project", act.values("parent_id"), gone=True)
    yield from _same_table(court, act, "domain")


def _same_table(court: Court, act: Act, other: str) -> Iterator[Problem]:
    """Keystone keeps domains and projects in one table: an id is one or the other."""
    if act.creates and court.world.before(Ref(other, act.ref.key)) is not None:
        yield Problem(f"{act.ref.key} is the id of a {other}")
