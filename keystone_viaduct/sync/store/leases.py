"""``viaduct_lease``: who may act for a while, so that of two agents one waits."""

from __future__ import annotations

from typing import NamedTuple

from keystone_viaduct.errors import LeaseHeld
from keystone_viaduct.sync.store import queries as q
from keystone_viaduct.sync.store.base import Part


class Lease(NamedTuple):
    """``since`` (its last renewal), ``until``: microseconds since the epoch. ``generation`` rises with each
    holder, to fence the old.
    """

    name: str
    holder: str
    since: int
    until: int
    generation: int

    def lasts(self, now: int) -> bool:
        """Whether it has not run out.

        A clock that was set back does not make it longer: one that would last more than twice its length from
        now on was given by another clock, and is over.
        """
        return now < self.until and self.until - now <= 2 * (self.until - self.since)


class LeasesPart(Part):
    """Leases are judged by the time that the caller gives: this site's clock."""

    def lease(self, name: str) -> Lease | None:
        """The lease as it stands (locked), expired or not."""
        row = self.connection.execute(q.LOCK_LEASE, {"p_name": name}).first()
        return None if row is None else Lease(row.name, row.holder, row.since, row.until, row.generation)

    def peek_lease(self, name: str) -> Lease | None:
        """The lease as it stands, expired or not; nothing is locked."""
        row = self.connection.execute(q.PEEK_LEASE, {"p_name": name}).first()
        return None if row is None else Lease(row.name, row.holder, row.since, row.until, row.generation)

    def acquire_lease(self, name: str, holder: str, *, now: int, until: int) -> Lease:
        """Take or renew a lease. Raises LeaseHeld while another holder's has not run out."""
        found = self.lease(name)
        if found is None:
            taken = Lease(name, holder, now, until, 1)
            self.connection.execute(q.INSERT_LEASE, taken._asdict())
            return taken
        if found.holder != holder and found.lasts(now):
            raise LeaseHeld(
                f"{found.holder} holds the lease {name}",
                hint="it runs out by itself when that agent is gone",
                holder=found.holder,
                until=found.until,
            )
        renewed = found.holder == holder and found.lasts(now)
        taken = Lease(name, holder, now, until, found.generation if renewed else found.generation + 1)
        self._store(taken)
        return taken

    def release_lease(self, name: str, holder: str) -> None:
        """Give it back early; nothing happens if another has it by now."""
        found = self.lease(name)
        if found is not None and found.holder == holder:
            self._store(found._replace(until=0))

    def _store(self, lease: Lease) -> None:
        values = lease._asdict()
        del values["name"]
        self.connection.execute(q.UPDATE_LEASE.values(**values), {"p_name": lease.name})
