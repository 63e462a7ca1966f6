"""At least one record of every replicated kind, with something unusual in every replicated column.

One function per family, in an order in which each finds what it needs; each works at any site and on any
release, and leaves its ids in a :class:`World`. What no API can make is made by Keystone's own managers.
"""

from __future__ import annotations

from collections.abc import Callable

from keystone_viaduct.demo.scenario.accounts import groups, resources, roles, users
from keystone_viaduct.demo.scenario.catalogue import catalog, endpoint_filters, policies
from keystone_viaduct.demo.scenario.delegation import (
    application_credentials,
    credentials,
    oauth1,
    trusts,
)
from keystone_viaduct.demo.scenario.federation import federation, log_in_federated
from keystone_viaduct.demo.scenario.grants import grants, limits, revocations
from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.demo.scenario.world import World

Family = Callable[[Place, World], None]

FAMILIES: tuple[Family, ...] = (
    catalog,
    policies,
    resources,
    endpoint_filters,
    users,
    groups,
    roles,
    grants,
    limits,
    credentials,
    application_credentials,
    trusts,
    oauth1,
    federation,
    log_in_federated,
    revocations,
)


def create_everything(place: Place, label: str) -> World:
    """Make all of it at ``place``; ``label`` keeps the names apart when it is done more than once."""
    world = World(label)
    for family in FAMILIES:
        family(place, world)
    return world
