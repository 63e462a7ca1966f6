"""What a site can't put into Keystone's tables is kept in full beside its record, with the reason."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _on_mysql(base: Any, variant: Any) -> Any:
    return base.with_variant(variant, "mysql").with_variant(variant, "mariadb")


TEXT = _on_mysql(sa.Text(), mysql.MEDIUMTEXT())
BLOB = _on_mysql(sa.LargeBinary(), mysql.MEDIUMBLOB())


def upgrade() -> None:
    """Add the columns."""
    op.add_column("viaduct_record", sa.Column("waits", sa.String(16)))
    op.add_column(
        "viaduct_record", sa.Column("rowless", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.add_column("viaduct_record", sa.Column("carried", BLOB))
    op.create_index("ix_viaduct_record_waits", "viaduct_record", ["waits", "seq"])
    op.add_column("viaduct_pending", sa.Column("why", TEXT))
    op.add_column("viaduct_pending", sa.Column("since", sa.BigInteger, nullable=False, server_default="0"))


def downgrade() -> None:
    """Remove them; what is carried is lost."""
    for name in ("since", "why"):
        op.drop_column("viaduct_pending", name)
    op.drop_index("ix_viaduct_record_waits", "viaduct_record")
    for name in ("carried", "rowless", "waits"):
        op.drop_column("viaduct_record", name)
