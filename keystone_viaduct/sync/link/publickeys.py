"""Carries the public keys of JWS tokens between the hub and every site, without own I/O.

As with Fernet keys everything is found out anew in each round: what a site has as its own is told to the hub,
which gives every site what the fleet has.
"""

from __future__ import annotations

from keystone_viaduct.errors import KeyRepositoryError
from keystone_viaduct.sync.keyset.public import HeldPublic, PublicFleet
from keystone_viaduct.sync.ports import KeyPort

#: Seconds after which there is more to do.
SOON = 0.1


def serve(hub: KeyPort, fleet: PublicFleet, site: KeyPort, held: HeldPublic | None) -> float:
    """Bring one site a step nearer; the seconds until there is more to do, 0.0 for nothing.

    Raises KeyRepositoryError for a site that has no such keys.
    """
    if site.name not in fleet.sites:
        return 0.0
    if held is None:
        raise KeyRepositoryError("it issues no JWS tokens, as the hub does", hint="set `[token] provider`")
    wanted, own = frozenset(fleet.keys), frozenset(held.own)
    complete = wanted <= held.held <= wanted | own
    has_news = site.name in fleet.trusted and own != fleet.of(site.name)
    if has_news or complete != (site.name in fleet.confirmed):
        hub.collect_public(site.name, held.own, sorted(held.held))
    if not complete:
        site.take_public(list(fleet.keys.values()))
    return SOON if has_news or not complete else 0.0
