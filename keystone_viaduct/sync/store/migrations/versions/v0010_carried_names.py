"""What the records name that a site only carries: found without opening all of them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from keystone_viaduct.sync.store.migrations.versions.v0001_first_tables import KEY, KIND, OPTIONS
from keystone_viaduct.sync.store.migrations.versions.v0006_blanks_in_keys import MARIADB, MYSQL

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_SITE = sa.table("viaduct_site", sa.column("release", sa.Text))


def upgrade() -> None:
    """Make the table. It is filled by the site, for what is carried is sealed: with its next transaction, as
    after an upgrade of Keystone's tables, of which the text of its release makes it think.
    """
    op.create_table(
        "viaduct_carried",
        sa.Column("target", sa.String(32), primary_key=True),
        sa.Column("kind", KIND, primary_key=True),
        sa.Column("key", KEY, primary_key=True),
        **OPTIONS,
    )
    op.create_index("ix_viaduct_carried_record", "viaduct_carried", ["kind", "key"])
    _tell_blanks_apart(op.get_bind().dialect)
    op.execute(_SITE.update().where(_SITE.c.release != "").values(release=_SITE.c.release + " "))


def _tell_blanks_apart(dialect: Any) -> None:
    """As in the other columns of keys."""
    if dialect.name in ("mysql", "mariadb"):
        collation = MARIADB if getattr(dialect, "is_mariadb", False) else MYSQL
        op.execute(
            "ALTER TABLE viaduct_carried MODIFY `key` VARCHAR(700)"
            f" CHARACTER SET utf8mb4 COLLATE {collation} NOT NULL"
        )


def downgrade() -> None:
    """Drop it; all that is carried is read then."""
    op.drop_table("viaduct_carried")
