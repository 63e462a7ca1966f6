"""Users and groups that some sites' identity drivers know, and that have no rows.

The default domain's ids are the directory's own; those of ``acme`` are mapped. All directories know the same
people, as one domain means one directory in a fleet.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from typing import Protocol

from keystone_viaduct.sync.external import ExternalDrivers
from keystone_viaduct.sync.model import Document, Ref

DRIVERS = ExternalDrivers({"default": "ldap", "acme": "ldap"}, "default")
#: Their ids are those of the directory.
PEOPLE = (Ref("user", "uid=ann,ou=people"), Ref("user", "bea"))
GROUPS = (Ref("group", "ops"),)


def mapping(local: str) -> tuple[Ref, Document]:
    """The row that gives a person of ``acme`` a public id, as Keystone makes it."""
    key = hashlib.sha256(f"acmeuser{local}".encode()).hexdigest()
    row: Document = {"public_id": key, "domain_id": "acme", "local_id": local, "entity_type": "user"}
    return Ref("id_mapping", key), row


MAPPED = tuple(mapping(local) for local in ("cat", "dora"))
#: Everybody.
DIRECTORY = frozenset((*PEOPLE, *GROUPS, *(Ref("user", ref.key) for ref, _ in MAPPED)))


class Told(Protocol):
    """A database whose site is told of its directory."""

    def tell_directory(self, drivers: ExternalDrivers, directory: frozenset[Ref]) -> None:
        """What its configuration says, and whom all directories know."""


def spread(chance: random.Random, sites: Iterable[tuple[str, Told]]) -> frozenset[str]:
    """Give some of the sites a directory; which ones."""
    everywhere = dict(sites)
    having = frozenset(name for name in everywhere if chance.random() < 0.5) or frozenset(
        list(everywhere)[:1]
    )
    tell(everywhere.items(), having, DIRECTORY)
    return having


def tell(sites: Iterable[tuple[str, Told]], having: frozenset[str], known: frozenset[Ref]) -> None:
    """Have these users and groups known outside; the sites ``having`` a directory are configured for it."""
    for name, store in sites:
        store.tell_directory(DRIVERS if name in having else ExternalDrivers(), known)
