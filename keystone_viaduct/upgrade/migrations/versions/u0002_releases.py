"""Which release each worker of our WSGI entry runs, and which columns its models have."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "u0002"
down_revision = "u0001"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql").with_variant(mysql.MEDIUMTEXT(), "mariadb")


def upgrade() -> None:
    """Make the table, unless a run that was killed halfway has made it."""
    if sa.inspect(op.get_bind()).has_table("viaduct_releases"):
        return
    options: dict[str, Any] = {
        f"{engine}_{name}": value
        for engine in ("mysql", "mariadb")
        for name, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
    }
    op.create_table(
        "viaduct_releases",
        sa.Column("worker", sa.String(255), primary_key=True),
        sa.Column("release", sa.String(64), nullable=False),
        sa.Column("columns", TEXT, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=False),
        **options,
    )
