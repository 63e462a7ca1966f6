"""Rules for the policy and endpoint policy APIs."""

from __future__ import annotations

from collections.abc import Iterator

from keystone_viaduct.sync.site.delegation.act import Act, Problem
from keystone_viaduct.sync.site.delegation.court import Court


def policy(court: Court, act: Act) -> Iterator[Problem]:
    """Only with all domains and all roles: services decide by it who may do what."""
    yield from court.sovereign("a policy")


def policy_association(court: Court, act: Act) -> Iterator[Problem]:
    """Only with all domains and all roles: it chooses the policy of a service."""
    yield from court.sovereign("the choice of a policy")
