"""Rules for roles and grants."""

from __future__ import annotations

from collections.abc import Iterator

from keystone_viaduct.sync.site.delegation.act import Act, Problem
from keystone_viaduct.sync.site.delegation.court import Court, actor_of, target_of


def role(court: Court, act: Act) -> Iterator[Problem]:
    """A delegated domain's own role, before and after. A global one, whose name policies go by, only with all
    domains and all roles.
    """
    for content in act.contents:
        if content.get("domain_id") is None:
            yield from court.sovereign("a global role")
        else:
            yield from court.domain([str(content["domain_id"])])


def implied_role(court: Court, act: Act) -> Iterator[Problem]:
    """The prior role is a delegated domain's own, the implied one may be granted. That of a global role
    concerns everybody who holds it: only with all domains, and both roles grantable.
    """
    yield from court.within("role", act.values("prior_role_id"))
    if court.delegation.domains is None:
        yield from court.roles(act.values("prior_role_id"))
    yield from court.roles(act.values("implied_role_id"))


def assignment(court: Court, act: Act) -> Iterator[Problem]:
    """Who gets it and what it is about lie in delegated domains, and the role may be granted."""
    for content in act.contents:
        yield from court.within(*actor_of(content), gone=act.deletes)
        yield from court.within(*target_of(content), gone=act.deletes)
    yield from court.roles(act.values("role_id"))


def system_assignment(court: Court, act: Act) -> Iterator[Problem]:
    """Only with all domains and all roles."""
    yield from court.sovereign("a role on the system")
