"""Carries the public keys of JWS tokens between the hub and every site, without own I/O.

As with Fernet keys everything is found out anew in each round: what a site has as its own is told to the hub,
which gives every site what the fleet has; but not before every site that answers was asked: a hub whose
database was put back may have forgotten a key that is in use.
"""

from __future__ import annotations

from keystone_viaduct.errors import KeyRepositoryError
from keystone_viaduct.sync.keyset.public import HeldPublic, PublicFleet
from keystone_viaduct.sync.ports import KeyPort

#: Seconds after which there is more to do.
SOON = 0.1


def collect(hub: KeyPort, fleet: PublicFleet, site: KeyPort, held: HeldPublic | None) -> bool:
    """Tell the hub what a site has, if that is news; whether the fleet's keys may be others now.

    Raises KeyRepositoryError for a site that has no such keys.
    """
    if held is None:
        raise KeyRepositoryError("it issues no JWS tokens, as the hub does", hint="set `[token] provider`")
    own = frozenset(held.own)
    has_news = site.name in fleet.trusted and own != fleet.of(site.name)
    if has_news or is_complete(fleet, held) != (site.name in fleet.confirmed):
        hub.collect_public(site.name, held.own, sorted(held.held))
    return has_news


def is_complete(fleet: PublicFleet, held: HeldPublic) -> bool:
    """Whether a site has all of the fleet's keys, and beside them its own only."""
    wanted = frozenset(fleet.keys)
    return wanted <= held.held <= wanted | frozenset(held.own)
