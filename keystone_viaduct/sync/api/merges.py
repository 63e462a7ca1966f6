"""Merging two records under one id, at the hub."""

from __future__ import annotations

from keystone_viaduct.sync.api.service import Service, joined
from keystone_viaduct.sync.api.watched import Watched
from keystone_viaduct.sync.model import Ref, United
from keystone_viaduct.sync.site import Site
from keystone_viaduct.sync.store import SqlTransaction


def merge(service: Service, loser: Ref, winner: Ref) -> United:
    """Make over what refers to the one, and delete it. Raises NotThere, Refused."""

    def check(tx: SqlTransaction) -> None:
        joined(tx.peek_state())

    watched = Watched(service.store, check)
    united = Site(watched, service.clock).unite(loser, winner)
    service.around.written(watched.writes, "")
    return united
