"""Makes writers fail that are under way: nothing but a new revision of their record.

No clock and no lease can say that a paused writer will not go on. Its write is conditioned on the revision
that it has read; once that has risen it fails, however late it comes.
"""

from __future__ import annotations

from keystone_viaduct.cassandra.records.ports import Stored, Tables, Write
from keystone_viaduct.clock import Clock
from keystone_viaduct.errors import OutcomeUnknown


def next_revision(clock: Clock, *beyond: int) -> int:
    """A revision above these. The clock only makes sure that one is not used again when a grave is
    forgotten.
    """
    return max(clock.now(), *(each + 1 for each in beyond))


def fence(tables: Tables, clock: Clock, kind: str, key: str, stored: Stored, above: int) -> bool:
    """Raise the revision of a record from what was read above ``above``; a grave where there is none.

    False: somebody else has changed it, or nobody can say; read it again.
    """
    change = Write(
        expected=stored.revision,
        revision=next_revision(clock, stored.revision, above),
        trail=stored.trail,
        gone=not stored.alive,
    )
    try:
        return tables.write(kind, key, change)
    except OutcomeUnknown:
        return False
