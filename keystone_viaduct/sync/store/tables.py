"""Our own tables as the queries see them; the migrations make them (a test holds the two equal)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

PREFIX = "viaduct_"
VERSION_TABLE = "viaduct_alembic_version"

metadata = sa.MetaData()

#: Names are compared byte by byte on MySQL too, where the default collations fold case.
OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
OPTIONS |= {name.replace("mysql", "mariadb"): value for name, value in OPTIONS.items()}


def _on_mysql(base: Any, variant: Any) -> Any:
    return base.with_variant(variant, "mysql").with_variant(variant, "mariadb")


def kind() -> Any:
    """A kind's name."""
    return sa.String(32)


def key() -> Any:
    """A record's key. With a kind and a site it just fits into InnoDB's 3072 bytes of index."""
    return sa.String(700)


def site() -> Any:
    """A site's name: ASCII, so that indexes stay below InnoDB's limit."""
    return _on_mysql(sa.String(64), mysql.VARCHAR(64, charset="ascii", collation="ascii_bin"))


def digest() -> Any:
    """A digest (``sync.naming``) beside a site's name, a kind and a key: ASCII for the same reason."""
    return _on_mysql(sa.String(32), mysql.VARCHAR(32, charset="ascii", collation="ascii_bin"))


def origin() -> Any:
    """``site#incarnation``."""
    return _on_mysql(sa.String(96), mysql.VARCHAR(96, charset="ascii", collation="ascii_bin"))


def text() -> Any:
    """Text without a bound that matters (MySQL's TEXT ends at 64 KiB)."""
    return _on_mysql(sa.Text(), mysql.MEDIUMTEXT())


def blob() -> Any:
    """Closed secrets."""
    return _on_mysql(sa.LargeBinary(), mysql.MEDIUMBLOB())


def serial() -> Any:
    """A 64-bit number that the database counts up (SQLite counts its INTEGER only, which has 64 bits too)."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _table(name: str, *parts: Any, **options: Any) -> Any:
    return sa.Table(PREFIX + name, metadata, *parts, **{**OPTIONS, **options})


site_table = _table(
    "site",
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("site", site(), nullable=False),
    sa.Column("incarnation", sa.String(16), nullable=False),
    sa.Column("hub", site(), nullable=False),
    sa.Column("term", sa.BigInteger, nullable=False),
    sa.Column("head", sa.BigInteger, nullable=False),
    sa.Column("nonce", sa.String(32), nullable=False),
    sa.Column("knowledge", text(), nullable=False),
    sa.Column("fleet_secret", blob(), nullable=False),
    sa.Column("purged", sa.BigInteger, nullable=False),
    sa.Column("cuts", text(), nullable=False),
    sa.Column("charter", text(), nullable=False),
    sa.Column("coverage", text(), nullable=False),
    sa.Column("covered", text(), nullable=False),
    sa.Column("swept", sa.BigInteger, nullable=False),
    sa.Column("release", text(), nullable=False),
    sa.Column("former", site(), nullable=False),
    sa.Column("caught_up", sa.BigInteger, nullable=False),
    sa.Column("exceptions", text()),
    sa.Column("lineage", text()),
)

batch = _table(
    "batch",
    sa.Column("last_seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("nonce", sa.String(32), nullable=False),
    sa.Index("ix_viaduct_batch_nonce", "nonce"),
)

audit = _table(
    "audit",
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("target", sa.String(255), nullable=False),
    sa.Column("actor", sa.String(255), nullable=False),
    sa.Column("address", sa.String(64), nullable=False),
    sa.Column("old", text(), nullable=False),
    sa.Column("new", text(), nullable=False),
    sa.Index("ix_viaduct_audit_at", "at"),
)

commit = _table(
    "commit",
    sa.Column("token", sa.String(32), primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Index("ix_viaduct_commit_at", "at"),
)

dirty = _table(
    "dirty",
    sa.Column("id", serial(), primary_key=True, autoincrement=True),
    sa.Column("kind", kind(), nullable=False),
    sa.Column("key", key(), nullable=False),
    sa.Column("stamped_at", sa.BigInteger, nullable=False),
    sa.Index("ix_viaduct_dirty_record", "kind", "key"),
    sqlite_autoincrement=True,
)

record = _table(
    "record",
    sa.Column("kind", kind(), primary_key=True),
    sa.Column("key", key(), primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("version", text(), nullable=False),
    sa.Column("birth", sa.String(128), nullable=False),
    sa.Column("fields", text(), nullable=False),
    sa.Column("deleted", sa.Boolean, nullable=False),
    sa.Column("digest", sa.String(32), nullable=False),
    sa.Column("scope", sa.String(740)),
    sa.Column("unknown", blob()),
    sa.Column("learned_from", origin()),
    sa.Column("former", text()),
    sa.Column("evicted", sa.Boolean, nullable=False),
    sa.Column("bucket", sa.Integer, nullable=False),
    sa.Column("low", sa.BigInteger, nullable=False),
    sa.Column("high", sa.BigInteger, nullable=False),
    sa.Column("waits", sa.String(16)),
    sa.Column("rowless", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("carried", blob()),
    sa.Column("external_owners", text()),
    sa.Index("ux_viaduct_record_seq", "seq", unique=True),
    sa.Index("ix_viaduct_record_deleted", "deleted", "seq"),
    # all that a summary needs, so that it never looks at the rows
    sa.Index("ix_viaduct_record_bucket", "kind", "bucket", "low", "high"),
    sa.Index("ix_viaduct_record_waits", "waits", "seq"),
)

#: What the carried records name: a digest of each (``sync.naming``). There may be rows too many.
carried = _table(
    "carried",
    sa.Column("target", sa.String(32), primary_key=True),
    sa.Column("kind", kind(), primary_key=True),
    sa.Column("key", key(), primary_key=True),
    sa.Index("ix_viaduct_carried_record", "kind", "key"),
)

#: What limited sites have made, by a digest of whom it concerns (``sync.naming``); perhaps rows too many.
made = _table(
    "made",
    sa.Column("target", sa.String(32), primary_key=True),
    sa.Column("kind", kind(), primary_key=True),
    sa.Column("key", key(), primary_key=True),
    sa.Index("ix_viaduct_made_record", "kind", "key"),
)

#: What the hub has to judge again.
due = _table(
    "due",
    sa.Column("sort", sa.String(16), primary_key=True),
    sa.Column("kind", kind(), primary_key=True),
    sa.Column("key", key(), primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("place", text(), nullable=False),
    sa.Index("ix_viaduct_due_at", "at"),
)

checkpoint = _table(
    "checkpoint",
    sa.Column("source", site(), primary_key=True),
    sa.Column("incarnation", sa.String(16), nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("nonce", sa.String(64), nullable=False),
)

part = _table(
    "part",
    sa.Column("source", site(), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("subject", sa.String(32), nullable=False),
    sa.Column("data", blob(), nullable=False),
)

pending = _table(
    "pending",
    sa.Column("source", site(), primary_key=True),
    sa.Column("kind", kind(), primary_key=True),
    sa.Column("key", key(), primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.String(255), nullable=False),
    sa.Column("change", blob(), nullable=False),
    sa.Column("why", text()),
    sa.Column("since", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("lacks", sa.String(255), nullable=False, server_default=""),
    sa.Index("ix_viaduct_pending_seq", "source", "seq"),
    sa.Index("ix_viaduct_pending_lacks", "source", "lacks"),
    sa.Index("ix_viaduct_pending_record", "kind", "key"),
)

#: What waiting changes lack, by a digest of the record (``sync.naming``).
lacked = _table(
    "lacked",
    sa.Column("source", site(), primary_key=True),
    sa.Column("target", digest(), primary_key=True),
    sa.Column("kind", kind(), primary_key=True),
    sa.Column("key", key(), primary_key=True),
    sa.Index("ix_viaduct_lacked_record", "source", "kind", "key"),
)

conflict = _table(
    "conflict",
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("kind", kind(), nullable=False),
    sa.Column("key", key(), nullable=False),
    sa.Column("sort", sa.String(64), nullable=False),
    sa.Column("decided", sa.String(255), nullable=False),
    sa.Column("explanation", text(), nullable=False),
    sa.Column("fields", text(), nullable=False),
    sa.Column("site", site(), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("lost", blob(), nullable=False),
    sa.Column("open", sa.Boolean, nullable=False),
    sa.Column("resolution", sa.String(16), nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("merged_into", key(), nullable=False),
    sa.Index("ix_viaduct_conflict_at", "at"),
    sa.Index("ix_viaduct_conflict_seq", "seq"),
    sa.Index("ix_viaduct_conflict_record", "kind", "key"),
)

peer = _table(
    "peer",
    sa.Column("site", site(), primary_key=True),
    sa.Column("public_key", sa.String(64), nullable=False),
    sa.Column("incarnation", sa.String(16), nullable=False),
    sa.Column("acknowledged", sa.BigInteger, nullable=False),
    sa.Column("capabilities", text(), nullable=False),
    sa.Column("live", sa.Boolean, nullable=False),
    sa.Column("seen", sa.String(255)),
    sa.Column("shown", sa.BigInteger, nullable=False),
    sa.Column("heard", sa.BigInteger, nullable=False),
    sa.Column("met", sa.BigInteger, nullable=False),
    sa.Column("lives", text()),
    sa.Column("signing_key", sa.String(64)),
)

choice = _table(
    "choice",
    sa.Column("site", site(), primary_key=True),
    sa.Column("kind", kind(), primary_key=True),
    sa.Column("key", key(), primary_key=True),
    sa.Column("choice", sa.String(16), nullable=False),
)

sweep = _table(
    "sweep",
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", kind(), nullable=False),
    sa.Column("by_rows", sa.Boolean, nullable=False),
    sa.Column("key", key(), nullable=False),
    sa.Column("began", sa.BigInteger, nullable=False),
    sa.Column("finished", sa.BigInteger, nullable=False),
    sa.Column("checked", sa.BigInteger, nullable=False),
    sa.Column("found", sa.BigInteger, nullable=False),
    sa.Column("deleted", sa.BigInteger, nullable=False),
)

held = _table(
    "held",
    sa.Column("kind", kind(), primary_key=True),
    sa.Column("key", key(), primary_key=True),
    sa.Column("reason", sa.String(16), nullable=False),
    sa.Column("found_at", sa.BigInteger, nullable=False),
    sa.Column("why", text()),
)

lease = _table(
    "lease",
    sa.Column("name", site(), primary_key=True),
    sa.Column("holder", sa.String(255), nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),
    sa.Column("generation", sa.BigInteger, nullable=False),
)

keyset = _table(
    "keyset",
    sa.Column("repository", site(), primary_key=True),
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("keys", blob(), nullable=False),
)

keyset_site = _table(
    "keyset_site",
    sa.Column("repository", site(), primary_key=True),
    sa.Column("site", site(), primary_key=True),
    sa.Column("digest", sa.String(32), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)
