"""The named queries on our own tables. Lists are expanding parameters of at most :data:`CHUNK` items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from keystone_viaduct.sync.model import BUCKET_BITS, BUCKET_DIGITS, Reason
from keystone_viaduct.sync.store import tables as t

T = TypeVar("T")

#: Items in one IN list: below every driver's limit, and large enough that round trips do not count.
CHUNK = 500


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """Pieces of at most ``size`` items."""
    return (items[start : start + size] for start in range(0, len(items), size))


def these(table: Any) -> Any:
    """Rows of one kind with one of some keys."""
    return sa.and_(table.c.kind == param("kind"), table.c.key.in_(listed("keys")))


def param(name: str) -> sa.sql.elements.BindParameter[object]:
    """A value that a statement is given."""
    return sa.bindparam("p_" + name)


def listed(name: str) -> sa.sql.elements.BindParameter[object]:
    """Some values that it is given."""
    return sa.bindparam("p_" + name, expanding=True)


# the site
GET_SITE = sa.select(t.site_table).where(t.site_table.c.id == 1)
LOCK_SITE = GET_SITE.with_for_update()
TRY_SITE = sa.select(t.site_table.c.id).where(t.site_table.c.id == 1).with_for_update(skip_locked=True)
INSERT_SITE = t.site_table.insert()
UPDATE_SITE = t.site_table.update().where(t.site_table.c.id == 1)
INSERT_BATCH = t.batch.insert()
DELETE_BATCH = t.batch.delete().where(t.batch.c.last_seq == param("seq"))
NONCE_AT = (
    sa.select(t.batch.c.nonce).where(t.batch.c.last_seq >= param("seq")).order_by(t.batch.c.last_seq).limit(1)
)
HAS_BATCH = sa.select(t.batch.c.last_seq).where(t.batch.c.nonce == param("nonce")).limit(1)

OLD_BATCHES = (
    sa.select(t.batch)
    .where(t.batch.c.last_seq <= param("upto"))
    .order_by(t.batch.c.last_seq)
    .limit(param("limit"))
)
DELETE_BATCHES = t.batch.delete().where(t.batch.c.last_seq <= param("upto"))

# tokens of transactions
INSERT_COMMIT = t.commit.insert()
OLD_COMMITS = (
    sa.select(t.commit.c.token)
    .where(t.commit.c.at < param("before"))
    .order_by(t.commit.c.at)
    .limit(param("limit"))
)
DROP_COMMITS = t.commit.delete().where(t.commit.c.token.in_(listed("tokens")))

# marks
TAKE_MARKS = (
    sa.select(t.dirty).where(t.dirty.c.id > param("after")).order_by(t.dirty.c.id).limit(param("limit"))
)
MARKS_OF = sa.select(t.dirty).where(these(t.dirty))
DROP_MARKS = t.dirty.delete().where(t.dirty.c.id.in_(listed("ids")))
SPELL_MARK = t.dirty.update().where(t.dirty.c.id == param("id")).values(key=param("key"))
DROP_OWN_MARKS = {
    # the transaction that made the row, as PostgreSQL stores it: the low half of the number
    "postgresql": t.dirty.delete()
    .where(these(t.dirty))
    .where(sa.text("xmin = ((txid_current() % 4294967296)::text)::xid")),
    # one writer at a time: what has come since then is its own
    "sqlite": t.dirty.delete().where(these(t.dirty)).where(t.dirty.c.id > sa.bindparam("p_after")),
}
LAST_MARK = sa.select(sa.func.max(t.dirty.c.id))
INSERT_MARKS = t.dirty.insert()
COUNT_MARKS = sa.select(sa.func.count(), sa.func.min(t.dirty.c.stamped_at)).select_from(t.dirty)
MARKED_KEYS = sa.select(t.dirty.c.key).where(these(t.dirty)).distinct()

# records
RECORDS = sa.select(t.record).where(these(t.record))
#: A record that should have a row.
IN_TABLES = sa.and_(
    t.record.c.deleted == sa.false(), t.record.c.evicted == sa.false(), t.record.c.rowless == sa.false()
)
RECORD_KEYS = sa.select(t.record.c.key).where(these(t.record), IN_TABLES)
DELETE_RECORDS = t.record.delete().where(these(t.record))
INSERT_RECORDS = t.record.insert()


def _replacing(insert: Any) -> Any:
    """The same for records that are there: all but the key is replaced."""
    rest = {c.name: insert.excluded[c.name] for c in t.record.c if not c.primary_key}
    return insert.on_conflict_do_update(index_elements=["kind", "key"], set_=rest)


#: MySQL and MariaDB take any unique value for the conflict, a position too: another record would be replaced.
REPLACE_RECORDS = {
    "postgresql": _replacing(postgresql.insert(t.record)),
    "sqlite": _replacing(sqlite.insert(t.record)),
}
SCOPES = sa.select(t.record.c.key, t.record.c.scope).where(these(t.record))
FEED = (
    sa.select(t.record)
    .where(t.record.c.seq > param("after"), t.record.c.evicted == sa.false())
    .order_by(t.record.c.seq)
    .limit(param("limit"))
)
FEED_FOR = FEED.where(sa.or_(t.record.c.learned_from.is_(None), t.record.c.learned_from != param("reader")))
LIVING_BETWEEN = (
    sa.select(t.record)
    .where(
        t.record.c.seq > param("after"),
        t.record.c.seq <= param("upto"),
        t.record.c.evicted == sa.false(),
        t.record.c.deleted == sa.false(),
    )
    .order_by(t.record.c.seq)
    .limit(param("limit"))
)
EVICTED = (
    sa.select(t.record)
    .where(t.record.c.evicted == sa.true(), t.record.c.seq > param("after"))
    .order_by(t.record.c.seq)
    .limit(param("limit"))
)
CARRYING = FEED.where(t.record.c.unknown.is_not(None))
CARRIED = (
    sa.select(t.record)
    .where(t.record.c.waits.in_(listed("reasons")), t.record.c.seq > param("after"))
    .order_by(t.record.c.seq)
    .limit(param("limit"))
)
#: What is carried of them names one of these; rows may be left of records that are not carried any more.
CARRIED_NAMING = sa.select(t.record).where(
    t.carried.c.target.in_(listed("targets")),
    t.carried.c.kind == t.record.c.kind,
    t.carried.c.key == t.record.c.key,
    t.record.c.waits.is_not(None),
)
ANY_CARRIED = sa.select(t.carried.c.target).limit(1)
DELETE_CARRIED = t.carried.delete().where(these(t.carried))
INSERT_CARRIED = t.carried.insert()
FORGET_CARRIED = t.carried.delete().where(
    ~sa.exists().where(
        t.record.c.kind == t.carried.c.kind,
        t.record.c.key == t.carried.c.key,
        t.record.c.waits.is_not(None),
    )
)
TOMBSTONES = (
    sa.select(t.record)
    .where(t.record.c.deleted == sa.true(), t.record.c.seq > param("after"), t.record.c.seq <= param("upto"))
    .order_by(t.record.c.seq)
    .limit(param("limit"))
)
COUNT_EXTERNAL = (
    sa.select(sa.func.count())
    .select_from(t.record)
    .where(t.record.c.external_owners.is_not(None), t.record.c.deleted == sa.false())
)
COUNT_RECORDS = (
    sa.select(t.record.c.kind, t.record.c.deleted, sa.func.count())
    .where(t.record.c.evicted == sa.false())
    .group_by(t.record.c.kind, t.record.c.deleted)
)

# comparing
_SUMS = (sa.func.count(), sa.func.sum(t.record.c.low), sa.func.sum(t.record.c.high))
#: What was evicted stands in no bucket.
NO_BUCKET = -1
TALLY_KINDS = (
    sa.select(t.record.c.kind, *_SUMS).where(t.record.c.bucket > NO_BUCKET).group_by(t.record.c.kind)
)
_IN_BUCKETS = sa.and_(
    t.record.c.kind == param("kind"), t.record.c.bucket.between(param("first"), param("last"))
)


def _by_digits(count: int) -> Any:
    """Tallies by the first digits of the bucket; shifting is what all engines do alike."""
    shift: Any = sa.literal_column(str(BUCKET_BITS - 4 * count))
    digits = t.record.c.bucket.op(">>")(shift)
    return sa.select(digits.label("digits"), *_SUMS).where(_IN_BUCKETS).group_by(digits)


#: Number of digits -> the tallies of a kind in a range of buckets.
TALLY_BUCKETS = {count: _by_digits(count) for count in range(1, BUCKET_DIGITS + 1)}
#: For a site that is limited to domains: the same for each scope, of which it may hold some.
SCOPED_KINDS = TALLY_KINDS.add_columns(t.record.c.scope).group_by(t.record.c.scope)
SCOPED_BUCKETS = {
    count: statement.add_columns(t.record.c.scope).group_by(t.record.c.scope)
    for count, statement in TALLY_BUCKETS.items()
}
ENTRIES = sa.select(
    *(t.record.c[name] for name in ("key", "low", "high", "seq", "deleted", "version", "scope"))
).where(_IN_BUCKETS)

# checkpoints
GET_CHECKPOINT = sa.select(t.checkpoint).where(t.checkpoint.c.source == param("source"))
ALL_CHECKPOINTS = sa.select(t.checkpoint).order_by(t.checkpoint.c.source)
DELETE_CHECKPOINT = t.checkpoint.delete().where(t.checkpoint.c.source == param("source"))
INSERT_CHECKPOINT = t.checkpoint.insert()

# parts of a large record
PARTS_HAD = (
    sa.select(t.part.c.subject, sa.func.count())
    .where(t.part.c.source == param("source"))
    .group_by(t.part.c.subject)
)
PARTS = sa.select(t.part).where(t.part.c.source == param("source")).order_by(t.part.c.number)
INSERT_PART = t.part.insert()
DELETE_PARTS = t.part.delete().where(t.part.c.source == param("source"))
DELETE_OTHER_PARTS = DELETE_PARTS.where(t.part.c.subject != param("subject"))

# what waits
GET_PENDING = (
    sa.select(t.pending)
    .where(t.pending.c.source == param("source"))
    .order_by(t.pending.c.seq, t.pending.c.kind, t.pending.c.key)
)
ACTIVE_PENDING = GET_PENDING.where(t.pending.c.lacks == "")
LACKING_PENDING = (
    sa.select(t.pending)
    .join(
        t.lacked,
        sa.and_(
            t.lacked.c.source == t.pending.c.source,
            t.lacked.c.kind == t.pending.c.kind,
            t.lacked.c.key == t.pending.c.key,
        ),
    )
    .where(t.lacked.c.source == param("source"), t.lacked.c.target.in_(listed("targets")))
)
PENDING_ABOUT = sa.select(t.pending).where(these(t.pending)).order_by(t.pending.c.source, t.pending.c.seq)
WAITING_COUNT = sa.select(sa.func.count()).select_from(t.pending).where(t.pending.c.source == param("source"))
DELETE_PENDING = t.pending.delete().where(t.pending.c.source == param("source"), these(t.pending))
INSERT_PENDING = t.pending.insert()
DELETE_LACKED = t.lacked.delete().where(t.lacked.c.source == param("source"), these(t.lacked))
INSERT_LACKED = t.lacked.insert()
COUNT_PENDING = sa.select(t.pending.c.source, sa.func.count()).group_by(t.pending.c.source)
COUNT_REASONS = sa.select(t.pending.c.source, t.pending.c.reason, sa.func.count()).group_by(
    t.pending.c.source, t.pending.c.reason
)

# conflicts
INSERT_CONFLICTS = t.conflict.insert()
CONFLICTS = sa.select(t.conflict).order_by(t.conflict.c.at.desc(), t.conflict.c.id).limit(param("limit"))
LOCK_CONFLICT = sa.select(t.conflict).where(t.conflict.c.id == param("id")).with_for_update()
CLOSE_CONFLICTS = (
    t.conflict.update()
    .where(t.conflict.c.id.in_(listed("ids")))
    .values(open=False, resolution=param("resolution"))
)
CONFLICTS_BETWEEN = (
    sa.select(t.conflict)
    .where(t.conflict.c.seq > param("after"), t.conflict.c.seq <= param("upto"))
    .order_by(t.conflict.c.seq)
    .limit(param("limit"))
)
KNOWN_CONFLICTS = sa.select(t.conflict).where(t.conflict.c.id.in_(listed("ids")))
ALIASES = (
    sa.select(t.conflict.c.kind, t.conflict.c.key, t.conflict.c.merged_into)
    .where(t.conflict.c.kind == param("kind"), t.conflict.c.key.in_(listed("keys")))
    .where(t.conflict.c.merged_into != "", t.conflict.c.resolution != "restored")
    .order_by(t.conflict.c.at, t.conflict.c.id)
)
CONFLICT_IDS = sa.select(t.conflict.c.id).order_by(t.conflict.c.at, t.conflict.c.id)


def conflicts_that(
    *, open_only: bool, kind: str, key: str, site: str, sort: str, marker: tuple[int, str] | None
) -> Any:
    """Those that fit, the latest first, after ``marker`` (time and id of one); '' fits all."""
    statement = CONFLICTS
    wanted = (
        (t.conflict.c.kind, kind),
        (t.conflict.c.key, key),
        (t.conflict.c.site, site),
        (t.conflict.c.sort, sort),
    )
    for column, value in wanted:
        if value:
            statement = statement.where(column == value)
    if open_only:
        statement = statement.where(t.conflict.c.open == sa.true())
    if marker is not None:
        at, identifier = marker
        later = sa.and_(t.conflict.c.at == at, t.conflict.c.id > identifier)
        statement = statement.where(sa.or_(t.conflict.c.at < at, later))
    return statement


#: Ids of conflicts that begin like this; no wildcard of LIKE stands in an id.
CONFLICT_IDS_LIKE = (
    sa.select(t.conflict.c.id)
    .where(t.conflict.c.id >= param("prefix"), t.conflict.c.id < param("beyond"))
    .order_by(t.conflict.c.id)
    .limit(param("limit"))
)
PEEK_LEASE = sa.select(t.lease).where(t.lease.c.name == param("name"))


def place_conflicts(positions: Mapping[str, int]) -> Any:
    """New feed positions for some of them, in one statement."""
    seq = sa.case(dict(positions), value=t.conflict.c.id, else_=t.conflict.c.seq)
    return t.conflict.update().where(t.conflict.c.id.in_(list(positions))).values(seq=seq)


COUNT_CONFLICTS = sa.select(t.conflict.c.open, sa.func.count()).group_by(t.conflict.c.open)

#: What a record was merged into is asked for as long as the record may be named.
OLD_CONFLICTS = (
    sa.select(t.conflict.c.id)
    .where(
        t.conflict.c.at < param("before"),
        t.conflict.c.seq <= param("upto"),
        t.conflict.c.open == sa.false(),
        t.conflict.c.merged_into == "",
    )
    .order_by(t.conflict.c.at)
    .limit(param("limit"))
)
DROP_CONFLICTS = t.conflict.delete().where(t.conflict.c.id.in_(listed("ids")))
FORGET_LOST = (
    t.conflict.update()
    .where(
        t.conflict.c.at < param("before"),
        t.conflict.c.open == sa.false(),
        sa.func.length(t.conflict.c.lost) > 0,
    )
    .values(lost=b"")
)

# what was chosen before a site joined
CHOICES = sa.select(t.choice).where(t.choice.c.site == param("site"))
DELETE_CHOICES = t.choice.delete().where(t.choice.c.site == param("site"))
INSERT_CHOICES = t.choice.insert()

# sweeps
GET_SWEEP = sa.select(t.sweep).where(t.sweep.c.id == 1)
INSERT_SWEEP = t.sweep.insert()
UPDATE_SWEEP = t.sweep.update().where(t.sweep.c.id == 1)
LIVE_KEYS = (
    sa.select(t.record.c.key)
    .where(
        t.record.c.kind == param("kind"),
        t.record.c.key > param("after"),
        IN_TABLES,
    )
    .order_by(t.record.c.key)
    .limit(param("limit"))
)
COUNT_LIVE = (
    sa.select(sa.func.count()).select_from(t.record).where(t.record.c.kind == param("kind"), IN_TABLES)
)
HELD = (
    sa.select(t.held)
    .where(t.held.c.reason.in_(listed("reasons")))
    .order_by(t.held.c.found_at, t.held.c.kind, t.held.c.key)
    .limit(param("limit"))
)
HELD_AFTER = HELD.where(
    sa.or_(
        t.held.c.found_at > param("found_at"),
        sa.and_(t.held.c.found_at == param("found_at"), t.held.c.kind > param("kind")),
        sa.and_(
            t.held.c.found_at == param("found_at"),
            t.held.c.kind == param("kind"),
            t.held.c.key > param("key"),
        ),
    )
)
HELD_OF = sa.select(t.held).where(these(t.held))
COUNT_HELD = (
    sa.select(t.held.c.kind, sa.func.count())
    .where(t.held.c.reason != str(Reason.QUARANTINED))
    .group_by(t.held.c.kind)
)
INSERT_HELD = t.held.insert()
DELETE_HELD = t.held.delete().where(these(t.held))

# peers and leases
PEERS = sa.select(t.peer).order_by(t.peer.c.site)
DELETE_PEER = t.peer.delete().where(t.peer.c.site == param("site"))
INSERT_PEER = t.peer.insert()
LOCK_LEASE = sa.select(t.lease).where(t.lease.c.name == param("name")).with_for_update()
INSERT_LEASE = t.lease.insert()
UPDATE_LEASE = t.lease.update().where(t.lease.c.name == param("name"))

LOCK_KEYSET = sa.select(t.keyset).where(t.keyset.c.repository == param("repository")).with_for_update()
GET_KEYSET = sa.select(t.keyset).where(t.keyset.c.repository == param("repository"))
KEYSETS = sa.select(t.keyset.c.repository).order_by(t.keyset.c.repository)
FORGET_KEYSET = t.keyset.delete().where(t.keyset.c.repository == param("repository"))
FORGET_CONFIRMATIONS = t.keyset_site.delete()
FORGET_CONFIRMATIONS_OF = t.keyset_site.delete().where(t.keyset_site.c.site == param("site"))
INSERT_KEYSET = t.keyset.insert()
UPDATE_KEYSET = t.keyset.update().where(t.keyset.c.repository == param("repository"))
CONFIRMATIONS = sa.select(t.keyset_site).where(t.keyset_site.c.repository == param("repository"))
DELETE_CONFIRMATION = t.keyset_site.delete().where(
    t.keyset_site.c.repository == param("repository"), t.keyset_site.c.site == param("site")
)
INSERT_CONFIRMATION = t.keyset_site.insert()
