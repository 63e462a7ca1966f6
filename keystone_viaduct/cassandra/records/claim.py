"""Unique names, each with one owner, though a name and its record lie in different partitions.

A claim counts only while the record of its owner has the name. It says on which revision of that record the
write is conditioned that it was made for (its base), and so whoever doubts it can make sure that this write
fails: at a later revision the claim is void, and a writer that wants to use it has to renew it, which the
taker's condition notices.

So a name N has one owner at most. For a record K to get N, a claim (K, base) has to be there when K is at
that base. It is replaced only by one who has seen K without N at a revision above that base; from then on
any write that gives N to K has a later base, needs a renewed claim, and one of renewal and replacement
fails, for each names exactly the claim that it replaces.
"""

from __future__ import annotations

from collections.abc import Callable

from keystone_viaduct.cassandra.records.fence import fence
from keystone_viaduct.cassandra.records.ports import Claim, Held, Stored, Tables
from keystone_viaduct.clock import Clock
from keystone_viaduct.errors import OutcomeUnknown

Has = Callable[[Stored, Claim], bool]
"""Whether a record has a name."""
Wait = Callable[[], None]
"""Waits before another attempt; raises when there is to be none."""


class NameTaken(Exception):
    """Another record has the name; ``owner`` is its key."""

    def __init__(self, claim: Claim, owner: str) -> None:
        super().__init__(f"{claim.rule} {claim.name!r} in {claim.scope!r} belongs to {owner}")
        self.claim = claim
        self.owner = owner


class Overtaken(Exception):
    """A later write of the same record is under way or done: what was read is old."""


class Claims:
    """Claims of the records of one kind."""

    def __init__(self, tables: Tables, clock: Clock, kind: str, has: Has) -> None:
        self._tables = tables
        self._clock = clock
        self._kind = kind
        self._has = has

    def take(self, claim: Claim, wanted: Held, wait: Wait) -> None:
        """Have the name claimed by ``wanted``, or raise :class:`NameTaken` or :class:`Overtaken`."""
        while True:
            try:
                held = self._tables.claim(claim, wanted)
                if held == wanted or self._replace(claim, held, wanted):
                    return
            except OutcomeUnknown:
                pass  # the next attempt shows what became of it
            wait()

    def _replace(self, claim: Claim, held: Held, wanted: Held) -> bool:
        if held.owner == wanted.owner:
            if held.base > wanted.base:
                raise Overtaken
        elif not self._void(claim, held):
            return False
        return self._tables.reclaim(claim, held, wanted)

    def _void(self, claim: Claim, held: Held) -> bool:
        """Whether the owner's record, beyond the claim's base, has not got the name; False: look again."""
        stored = self._tables.read(self._kind, held.owner, serial=True)
        if stored.alive and self._has(stored, claim):
            raise NameTaken(claim, held.owner)
        if stored.revision > held.base:
            return True
        return fence(self._tables, self._clock, self._kind, held.owner, stored, held.base)

    def release(self, claim: Claim, owner: str, revision: int) -> None:
        """Free a name that the owner's record has not got any more, as of ``revision``.

        One who gives it the name again has read that revision or a later one, and has renewed the claim on
        that base: then it is no longer ours to free.
        """
        self._tables.unclaim(claim, owner, revision)
