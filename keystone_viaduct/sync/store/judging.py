"""What limited sites have made, and what of it is to be judged again: behind
:class:`keystone_viaduct.sync.ports.Judging`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from keystone_viaduct.sync.model import JUDGED, THING, Conflict, Due, Ref
from keystone_viaduct.sync.store import queries as q
from keystone_viaduct.sync.store import tables as t
from keystone_viaduct.sync.store.base import keys_by_kind
from keystone_viaduct.sync.store.bookkeeping import BookkeepingPart

_MADE = sa.select(t.made).where(q.these(t.made))
_FORGET = t.made.delete().where(
    ~sa.exists().where(
        t.record.c.kind == t.made.c.kind, t.record.c.key == t.made.c.key, t.record.c.deleted == sa.false()
    )
)
_DUE = sa.select(t.due).order_by(t.due.c.at, t.due.c.sort, t.due.c.kind, t.due.c.key).limit(q.param("limit"))
_OF_SORT = sa.and_(t.due.c.sort == q.param("sort"), q.these(t.due))
_THERE = sa.select(t.due.c.key).where(_OF_SORT)
_DROP = t.due.delete().where(_OF_SORT)
_PLACE = t.due.update().where(
    t.due.c.sort == q.param("sort"), t.due.c.kind == q.param("kind"), t.due.c.key == q.param("key")
)
_other = t.due.alias("other")
#: One statement, however many they are.
_ADD_MADE = t.due.insert().from_select(
    ["sort", "kind", "key", "at", "place"],
    sa.select(
        sa.literal(THING, sa.String(16)),
        t.made.c.kind,
        t.made.c.key,
        sa.cast(q.param("at"), sa.BigInteger),
        sa.literal("", sa.String(1)),
    )
    .where(
        t.made.c.target.in_(q.listed("targets")),
        ~sa.exists().where(
            _other.c.sort == THING, _other.c.kind == t.made.c.kind, _other.c.key == t.made.c.key
        ),
    )
    .distinct(),
)
_JUDGED = sa.select(t.conflict).where(q.these(t.conflict), t.conflict.c.sort == JUDGED)
_UNSEEN = (
    sa.select(sa.func.count())
    .select_from(t.conflict)
    .where(t.conflict.c.sort == JUDGED, t.conflict.c.open == sa.true())
)


class JudgingPart(BookkeepingPart):
    """An index of our own, for Keystone's tables have none by the user of a credential or a trust."""

    def note_made(self, found: Mapping[Ref, Collection[str]]) -> None:
        """These records concern so many."""
        there = {
            (row.target, row.kind, row.key)
            for kind, keys in keys_by_kind(found).items()
            for part in q.chunks(keys)
            for row in self.connection.execute(_MADE, {"p_kind": kind, "p_keys": part})
        }
        rows = [
            {"target": target, "kind": ref.kind, "key": ref.key}
            for ref, targets in found.items()
            for target in sorted(set(targets))
            if (target, *ref) not in there
        ]
        if rows:
            self.connection.execute(t.made.insert(), rows)

    def forget_made(self) -> None:
        """Drop what is noted of records that are not there any more."""
        self.connection.execute(_FORGET)

    def due(self, limit: int) -> list[Due]:
        """The oldest of what is to be judged again."""
        rows = self.connection.execute(_DUE, {"p_limit": limit})
        return [Due(row.sort, row.kind, row.key, row.place) for row in rows]

    def add_due(self, found: Sequence[Due], at: int) -> None:
        """Add to it; what is there already keeps its place in the row."""
        for (sort, kind), keys in _by_sort(found).items():
            for part in q.chunks(keys):
                named = {"p_sort": sort, "p_kind": kind, "p_keys": part}
                there = set(self.connection.execute(_THERE, named).scalars())
                rows = [
                    {"sort": sort, "kind": kind, "key": key, "at": at, "place": ""}
                    for key in part
                    if key not in there
                ]
                if rows:
                    self.connection.execute(t.due.insert(), rows)

    def add_due_made(self, concerned: Collection[str], at: int) -> None:
        """Add the records that are noted to concern one of these."""
        for part in q.chunks(sorted(concerned)):
            self.connection.execute(_ADD_MADE, {"p_targets": part, "p_at": at})

    def go_on(self, due: Due, place: str) -> None:
        """Where this one has come to."""
        named = {"p_sort": due.sort, "p_kind": due.kind, "p_key": due.key}
        self.connection.execute(_PLACE.values(place=place), named)

    def drop_due(self, found: Sequence[Due]) -> None:
        """Take from it."""
        for (sort, kind), keys in _by_sort(found).items():
            for part in q.chunks(keys):
                self.connection.execute(_DROP, {"p_sort": sort, "p_kind": kind, "p_keys": part})

    def judged(self, refs: Sequence[Ref]) -> list[Conflict]:
        """What is on the list of conflicts of the sort ``judged`` about these records."""
        return [
            self._conflict(row)
            for kind, keys in keys_by_kind(refs).items()
            for part in q.chunks(keys)
            for row in self.connection.execute(_JUDGED, {"p_kind": kind, "p_keys": part})
        ]

    def count_unseen(self) -> int:
        """How many of that sort no operator has looked at."""
        return int(self.connection.execute(_UNSEEN).scalar_one())


def _by_sort(found: Sequence[Due]) -> dict[tuple[str, str], list[str]]:
    by: dict[tuple[str, str], dict[str, None]] = {}
    for due in found:
        by.setdefault((due.sort, due.kind), {})[due.key] = None
    return {group: list(keys) for group, keys in by.items()}
