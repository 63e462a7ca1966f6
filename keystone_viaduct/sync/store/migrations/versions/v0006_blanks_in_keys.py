"""Keys that differ in blanks at the end are two, on MySQL and MariaDB too: their own ``_bin`` pads."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

#: Compared byte by byte, and blanks at the end count.
MARIADB, MYSQL = "utf8mb4_nopad_bin", "utf8mb4_0900_bin"


def upgrade() -> None:
    """Give the columns of keys such a collation."""
    _compare_by(MARIADB, MYSQL)


def downgrade() -> None:
    """Give them back what they had."""
    _compare_by("utf8mb4_bin", "utf8mb4_bin")


def tell_blanks_apart(*tables: str) -> None:
    """In tables that a later migration has made, as in those that are there already."""
    _compare_by(MARIADB, MYSQL, tables)


def _compare_by(mariadb: str, mysql: str, tables: Collection[str] | None = None) -> None:
    bind = op.get_bind()
    if bind.dialect.name not in ("mysql", "mariadb"):
        return
    collation = mariadb if getattr(bind.dialect, "is_mariadb", False) else mysql
    inspector = sa.inspect(bind)
    for table in sorted(inspector.get_table_names()):
        if not table.startswith("viaduct_") or (tables is not None and table not in tables):
            continue
        for column in inspector.get_columns(table):
            if column["name"] in ("key", "merged_into") and getattr(column["type"], "length", 0) == 700:
                null = "NULL" if column["nullable"] else "NOT NULL"
                op.execute(
                    f"ALTER TABLE `{table}` MODIFY `{column['name']}` VARCHAR(700)"
                    f" CHARACTER SET utf8mb4 COLLATE {collation} {null}"
                )
