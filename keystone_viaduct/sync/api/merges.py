"""Merging two records under one id, at the hub."""

from __future__ import annotations

from collections.abc import Sequence

from keystone_viaduct.sync.api.service import Service, joined
from keystone_viaduct.sync.api.watched import Watched
from keystone_viaduct.sync.model import Ref, United
from keystone_viaduct.sync.ports import Write
from keystone_viaduct.sync.site import Site
from keystone_viaduct.sync.store import SqlTransaction


def merge(
    service: Service, loser: Ref, winner: Ref, *, dry_run: bool = False
) -> tuple[United, Sequence[Write]]:
    """Make over what refers to the one, and delete it; what that writes. ``dry_run``: only say what it would.
    Raises NotThere, Refused.
    """

    def check(tx: SqlTransaction) -> None:
        joined(tx.peek_state())

    watched = Watched(service.store, check, trial=dry_run)
    united = Site(watched, service.clock).unite(loser, winner)
    if not dry_run:
        service.around.written(watched.writes, "")
    return united, watched.writes
