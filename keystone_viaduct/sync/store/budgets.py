"""What a site may cost the hub, counted: behind :class:`keystone_viaduct.sync.ports.Budgets`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from keystone_viaduct.sync.model import REFUSED, Conflict, Ref, Volume
from keystone_viaduct.sync.store import queries as q
from keystone_viaduct.sync.store import tables as t
from keystone_viaduct.sync.store.base import keys_by_kind
from keystone_viaduct.sync.store.bookkeeping import BookkeepingPart

_SITE: sa.sql.elements.BindParameter[object] = sa.bindparam("p_site")
_LIMIT: sa.sql.elements.BindParameter[object] = sa.bindparam("p_limit")
_WAITING = sa.select(sa.func.count(), sa.func.sum(sa.func.length(t.pending.c.change))).where(
    t.pending.c.source == _SITE
)
_UNSEEN = sa.and_(
    t.conflict.c.site == _SITE,
    t.conflict.c.sort == REFUSED,
    t.conflict.c.resolution == "",
    sa.func.length(t.conflict.c.lost) > 0,
)
_REFUSED = sa.select(sa.func.count(), sa.func.sum(sa.func.length(t.conflict.c.lost))).where(_UNSEEN)
_LISTED = sa.select(sa.func.count()).select_from(
    sa.select(t.conflict.c.id)
    .where(t.conflict.c.site == _SITE, t.conflict.c.resolution == "")
    .limit(_LIMIT)
    .subquery()
)
_REFUSED_IDS = sa.select(t.conflict.c.id).where(_UNSEEN).order_by(t.conflict.c.at).limit(_LIMIT)
_REFUSALS = (
    sa.select(t.conflict)
    .where(
        t.conflict.c.kind == sa.bindparam("p_kind"),
        t.conflict.c.key.in_(sa.bindparam("p_keys", expanding=True)),
        _UNSEEN,
    )
    .order_by(t.conflict.c.at.desc(), t.conflict.c.id)
    .limit(_LIMIT)
)


class BudgetsPart(BookkeepingPart):
    """Numbers and bytes, by the database's own count: nothing is opened for them."""

    def waiting_volume(self, source: str) -> Volume:
        """Of the changes from there that wait."""
        return _volume(self.connection.execute(_WAITING, {"p_site": source}).one())

    def refused_volume(self, site: str) -> Volume:
        """Of what was refused to that site, and nobody has looked at."""
        return _volume(self.connection.execute(_REFUSED, {"p_site": site}).one())

    def count_listed(self, site: str, most: int) -> int:
        """How many conflicts of that site nobody has looked at, counted up to ``most``."""
        return int(self.connection.execute(_LISTED, {"p_site": site, "p_limit": most}).scalar_one())

    def refused_ids(self, site: str, limit: int) -> list[str]:
        """The oldest of these."""
        return list(self.connection.execute(_REFUSED_IDS, {"p_site": site, "p_limit": limit}).scalars())

    def listed_refusals(self, site: str, refs: Sequence[Ref], limit: int) -> list[Conflict]:
        """Those of these records, the latest first, so many of a kind and a batch of keys."""
        return [
            self._conflict(row)
            for kind, keys in keys_by_kind(refs).items()
            for part in q.chunks(keys)
            for row in self.connection.execute(
                _REFUSALS, {"p_site": site, "p_kind": kind, "p_keys": part, "p_limit": limit}
            )
        ]

    def crossing(self, kinds: Collection[str], domain: str, limit: int) -> list[Ref]:
        """The living records of these kinds that belong to that domain and to another one, too."""
        scope = t.record.c.scope
        lies = sa.or_(
            scope.startswith(f"{domain}/", autoescape=True),
            scope.endswith(f"/{domain}", autoescape=True),
            scope.contains(f"/{domain}/", autoescape=True),
        )
        wanted = (
            sa.select(t.record.c.kind, t.record.c.key)
            .where(t.record.c.kind.in_(sorted(kinds)), q.IN_TABLES, lies)
            .order_by(t.record.c.kind, t.record.c.key)
            .limit(limit)
        )
        return [Ref(*row) for row in self.connection.execute(wanted)]

    def grants_within(self, domain: str, roles: Collection[str], limit: int) -> list[Ref]:
        """The living grants that belong to that domain alone, but those of these roles."""
        key = t.record.c.key
        ends = [f"/{role}/{inherited}" for role in sorted(roles) for inherited in (0, 1)]
        wanted = (
            sa.select(t.record.c.kind, key)
            .where(t.record.c.kind == "assignment", q.IN_TABLES, t.record.c.scope == domain)
            .where(*(sa.not_(key.endswith(end, autoescape=True)) for end in ends))
            .order_by(key)
            .limit(limit)
        )
        return [Ref(*row) for row in self.connection.execute(wanted)]


def _volume(row: Sequence[object]) -> Volume:
    return Volume(int(str(row[0])), int(str(row[1] or 0)))
