"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_bin",
}
BIG = sa.BigInteger
KIND = sa.String(32)
KEY = sa.String(700)


def _on_mysql(base: Any, variant: Any) -> Any:
    return base.with_variant(variant, "mysql").with_variant(variant, "mariadb")


SITE = _on_mysql(sa.String(64), mysql.VARCHAR(64, charset="ascii", collation="ascii_bin"))
ORIGIN = _on_mysql(sa.String(96), mysql.VARCHAR(96, charset="ascii", collation="ascii_bin"))
TEXT = _on_mysql(sa.Text(), mysql.MEDIUMTEXT())
BLOB = _on_mysql(sa.LargeBinary(), mysql.MEDIUMBLOB())
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _key_column(name: str, type_: Any) -> Any:
    return sa.Column(name, type_, primary_key=True, autoincrement=False)


def _column(name: str, type_: Any) -> Any:
    return sa.Column(name, type_, nullable=False)


def upgrade() -> None:
    """Make the tables."""
    _site_tables()
    _feed_tables()
    _bookkeeping_tables()
    _keyset_tables()
    _sweep_tables()


def _site_tables() -> None:
    op.create_table(
        "viaduct_site",
        _key_column("id", sa.Integer),
        _column("site", SITE),
        _column("incarnation", sa.String(16)),
        _column("hub", SITE),
        _column("term", BIG),
        _column("head", BIG),
        _column("nonce", sa.String(32)),
        _column("knowledge", TEXT),
        _column("fleet_secret", BLOB),
        _column("purged", BIG),
        _column("cuts", TEXT),
        _column("charter", TEXT),
        _column("coverage", TEXT),
        _column("covered", TEXT),
        _column("swept", BIG),
        _column("release", TEXT),
        _column("former", SITE),
        _column("caught_up", BIG),
        **OPTIONS,
    )
    op.create_table("viaduct_batch", _key_column("last_seq", BIG), _column("nonce", sa.String(32)), **OPTIONS)
    op.create_index("ix_viaduct_batch_nonce", "viaduct_batch", ["nonce"])
    op.create_table(
        "viaduct_peer",
        _key_column("site", SITE),
        _column("public_key", sa.String(64)),
        _column("incarnation", sa.String(16)),
        _column("acknowledged", BIG),
        _column("capabilities", TEXT),
        _column("live", sa.Boolean),
        sa.Column("seen", sa.String(255)),
        _column("shown", BIG),
        _column("heard", BIG),
        _column("met", BIG),
        **OPTIONS,
    )
    op.create_table(
        "viaduct_lease",
        _key_column("name", SITE),
        _column("holder", sa.String(255)),
        _column("since", BIG),
        _column("until", BIG),
        _column("generation", BIG),
        **OPTIONS,
    )


def _feed_tables() -> None:
    op.create_table(
        "viaduct_dirty",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        _column("kind", KIND),
        _column("key", KEY),
        _column("stamped_at", BIG),
        sqlite_autoincrement=True,
        **OPTIONS,
    )
    op.create_index("ix_viaduct_dirty_record", "viaduct_dirty", ["kind", "key"])
    op.create_table(
        "viaduct_record",
        _key_column("kind", KIND),
        _key_column("key", KEY),
        _column("seq", BIG),
        _column("version", TEXT),
        _column("birth", sa.String(128)),
        _column("fields", TEXT),
        _column("deleted", sa.Boolean),
        _column("digest", sa.String(32)),
        sa.Column("scope", sa.String(740)),
        sa.Column("unknown", BLOB),
        sa.Column("learned_from", ORIGIN),
        sa.Column("former", TEXT),
        _column("evicted", sa.Boolean),
        _column("bucket", sa.Integer),
        _column("low", BIG),
        _column("high", BIG),
        **OPTIONS,
    )
    op.create_index("ux_viaduct_record_seq", "viaduct_record", ["seq"], unique=True)
    op.create_index("ix_viaduct_record_deleted", "viaduct_record", ["deleted", "seq"])
    op.create_index("ix_viaduct_record_bucket", "viaduct_record", ["kind", "bucket", "low", "high"])


def _bookkeeping_tables() -> None:
    op.create_table(
        "viaduct_checkpoint",
        _key_column("source", SITE),
        _column("incarnation", sa.String(16)),
        _column("seq", BIG),
        _column("nonce", sa.String(64)),
        **OPTIONS,
    )
    op.create_table(
        "viaduct_pending",
        _key_column("source", SITE),
        _key_column("kind", KIND),
        _key_column("key", KEY),
        _column("seq", BIG),
        _column("reason", sa.String(255)),
        _column("change", BLOB),
        **OPTIONS,
    )
    op.create_index("ix_viaduct_pending_seq", "viaduct_pending", ["source", "seq"])
    op.create_table(
        "viaduct_conflict",
        _key_column("id", sa.String(64)),
        _column("kind", KIND),
        _column("key", KEY),
        _column("sort", sa.String(64)),
        _column("decided", sa.String(255)),
        _column("explanation", TEXT),
        _column("fields", TEXT),
        _column("site", SITE),
        _column("at", BIG),
        _column("lost", BLOB),
        _column("open", sa.Boolean),
        _column("resolution", sa.String(16)),
        _column("seq", BIG),
        _column("merged_into", KEY),
        **OPTIONS,
    )
    op.create_index("ix_viaduct_conflict_at", "viaduct_conflict", ["at"])
    op.create_index("ix_viaduct_conflict_seq", "viaduct_conflict", ["seq"])
    op.create_index("ix_viaduct_conflict_record", "viaduct_conflict", ["kind", "key"])


def _keyset_tables() -> None:
    op.create_table(
        "viaduct_keyset",
        _key_column("repository", SITE),
        _column("generation", BIG),
        _column("keys", BLOB),
        **OPTIONS,
    )
    op.create_table(
        "viaduct_keyset_site",
        _key_column("repository", SITE),
        _key_column("site", SITE),
        _column("digest", sa.String(32)),
        _column("at", BIG),
        **OPTIONS,
    )


def _sweep_tables() -> None:
    op.create_table(
        "viaduct_sweep",
        _key_column("id", sa.Integer),
        _column("kind", KIND),
        _column("by_rows", sa.Boolean),
        _column("key", KEY),
        *(_column(name, BIG) for name in ("began", "finished", "checked", "found", "deleted")),
        **OPTIONS,
    )
    op.create_table(
        "viaduct_held",
        _key_column("kind", KIND),
        _key_column("key", KEY),
        _column("reason", sa.String(16)),
        _column("found_at", BIG),
        **OPTIONS,
    )


def downgrade() -> None:
    """Remove them; what they say is lost."""
    bookkeeping = ("held", "sweep", "keyset_site", "keyset", "conflict", "pending", "checkpoint")
    for name in (*bookkeeping, "record", "dirty", "lease", "peer", "batch", "site"):
        op.drop_table(f"viaduct_{name}")
