"""What limited sites have made, by whom it concerns, and what of it the hub has to judge again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from keystone_viaduct.sync.store.migrations.versions.v0001_first_tables import KEY, KIND, OPTIONS
from keystone_viaduct.sync.store.migrations.versions.v0006_blanks_in_keys import tell_blanks_apart

TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql").with_variant(mysql.MEDIUMTEXT(), "mariadb")
revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_SITE = sa.table("viaduct_site", sa.column("id", sa.Integer))
_DUE = sa.table(
    "viaduct_due",
    sa.column("sort", sa.String),
    sa.column("kind", sa.String),
    sa.column("key", sa.String),
    sa.column("at", sa.BigInteger),
    sa.column("place", sa.String),
)


def upgrade() -> None:
    """Make the tables. A hub that is there already has everything to judge: it has noted nothing yet."""
    op.create_table(
        "viaduct_made",
        sa.Column("target", sa.String(32), primary_key=True),
        sa.Column("kind", KIND, primary_key=True),
        sa.Column("key", KEY, primary_key=True),
        **OPTIONS,
    )
    op.create_index("ix_viaduct_made_record", "viaduct_made", ["kind", "key"])
    op.create_table(
        "viaduct_due",
        sa.Column("sort", sa.String(16), primary_key=True),
        sa.Column("kind", KIND, primary_key=True),
        sa.Column("key", KEY, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("place", TEXT, nullable=False),
        **OPTIONS,
    )
    op.create_index("ix_viaduct_due_at", "viaduct_due", ["at"])
    tell_blanks_apart("viaduct_made", "viaduct_due")
    if op.get_bind().execute(sa.select(_SITE.c.id)).first() is not None:
        op.execute(_DUE.insert().values(sort="everything", kind="", key="", at=0, place=""))


def downgrade() -> None:
    """Drop them: nothing is judged again then."""
    op.drop_table("viaduct_due")
    op.drop_table("viaduct_made")
