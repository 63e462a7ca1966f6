"""What one site of a pair stores and the other can't hold: found in its tables, and told by the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.kinds.deepjson import DEPTH, decode
from keystone_viaduct.sync.model import Peer
from keystone_viaduct.sync.wire import body, limits
from keystone_viaduct.sync.wire.carried import CarriedPage
from tests.integration.fleet.odd import Address, Shell, carried
from tests.integration.fleet.pair import Pair, WatchedSite
from tests.records.judge import Verdict, connected, waiting
from tests.records.maker import is_cached
from tests.records.rows import NARROW

#: Tables with attributes of records that Keystone keeps in its cache.
CACHED = ("credential", "endpoint", "group", "project", "region", "role", "service", "user")
#: Columns in which the tests put more than MariaDB's TEXT holds.
LONG = (("credential", "encrypted_blob"), ("mapping", "rules"), ("project", "description"))
#: Sites that read the hub's feed and are no Keystones of the pair.
READER = "south"
NUMBERS = itertools.count(1)
#: A record's fields as JSON tells them; secrets are left out.
Wire = dict[str, Any]


def beside(pair: Pair) -> dict[str, set[Address]]:
    """By the site that has to keep them beside its tables, and to name them: the other one's records with a
    value that Keystone's cache can't hold, or a text that is too long here.
    """
    found = {}
    for place, other in ((pair.hub, pair.spoke), (pair.spoke, pair.hub)):
        is_narrow = Shell(place.keystone).narrow and not Shell(other.keystone).narrow
        found[place.name] = uncached(other) | (long(other) if is_narrow else set())
    return found


def settled(pair: Pair) -> Verdict:
    """Carry everything. Each site names what it has to keep beside its tables; all else has arrived."""
    verdict = carried(pair)
    told = {place.name: waiting(place) for place in (pair.hub, pair.spoke)}
    assert {name: set(found) for name, found in told.items()} == beside(pair)
    assert {reason for found in told.values() for reason in found.values()} <= {"unstorable"}
    return verdict


def uncached(place: Place) -> set[Address]:
    """The records in a site's tables with an attribute that the packer of Keystone's cache refuses."""
    found: set[Address] = set()
    for name in CACHED:
        columns = ["id", "extra", *(["is_domain"] if name == "project" else [])]
        for row in _rows(place, sa.select(sa.table(name, *map(sa.column, columns)))):
            attributes = decode(row["extra"] or "{}", DEPTH + 10)
            if not all(is_cached(pair) for pair in attributes.items()):
                found.add(("domain" if row.get("is_domain") else name, row["id"]))
    return found


def long(place: Place) -> set[Address]:
    """The records in a site's tables with a text that no TEXT column of MariaDB holds."""
    found: set[Address] = set()
    for name, column in LONG:
        table = sa.table(name, sa.column("id"), sa.column(column))
        query = sa.select(table.c.id).where(sa.func.length(table.c[column]) > NARROW)
        found |= {(name, row["id"]) for row in _rows(place, query)}
    return found


def told_further(hub: WatchedSite) -> dict[Address, Wire]:
    """What the hub tells a spoke that knows nothing yet of each record. (Spokes tell the hub alone.)"""
    reader = f"{READER}{next(NUMBERS)}"
    hub.register(Peer(reader, b"p" * 32, "a1"))
    found: dict[Address, Wire] = {}
    after = None
    while True:
        page = hub.read(reader, after, 500)
        assert isinstance(page, CarriedPage)
        value = body.loads(body.decompress(page.data, page.encoding, limits.BODY_OPEN))
        found |= {(change["ref"][0], change["ref"][1]): _content(change) for change in value["changes"]}
        if page.at_head:
            return found
        after = page.upto


def recorded(place: Place, address: Address) -> Wire:
    """What a site says that a record holds, whether it stands in its tables or beside them."""
    kind, key = address
    return _content(place.admin.get(f"/OS-SYNC/records/{kind}/{quote(key, safe='')}"))


def _content(told: Wire) -> Wire:
    return {"document": told["document"], "raw": told.get("raw", {})}


def _rows(place: Place, query: sa.Select[tuple[str]]) -> Iterator[sa.RowMapping]:
    with connected(place) as connection:
        yield from connection.execute(query).mappings()
