"""Owners without rows: users and groups that only an identity driver other than SQL knows (LDAP).

What Keystone stores of such an owner are its grants, credentials and the like; of the owner itself there is
no row, or only a shadow made at its first log-in. That nothing is there says nothing about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

#: Keystone's own driver; every other is external.
SQL = "sql"


class External(NamedTuple):
    """A user or group (``kind``, ``key``) that an external driver of ``domain`` knows.

    The site that made a record says this of its owners, and it travels with the record.
    """

    kind: str
    key: str
    domain: str


Externals = tuple[External, ...]


@dataclass(frozen=True, slots=True)
class ExternalDrivers:
    """What a site's configuration says about the drivers of its domains (their ids).

    ``names``: the driver of each domain whose driver is external. ``unmapped`` is the one domain whose
    driver's own ids are the public ones: in Keystone the default domain, where ``[identity] driver`` is not
    SQL and ``[identity_mapping] backward_compatible_ids`` is on. In the other domains each public id has a
    row in ``id_mapping`` (until somebody purges it) and is a digest.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    unmapped: str = ""

    @property
    def mapped(self) -> tuple[str, ...]:
        """The domains whose public ids are digests."""
        return tuple(sorted(domain for domain in self.names if domain != self.unmapped))

    def __bool__(self) -> bool:
        return bool(self.names)


def united(*parts: Iterable[External]) -> Externals:
    """All of them, each once, in an order of their own."""
    return tuple(sorted({item for part in parts for item in part}))
