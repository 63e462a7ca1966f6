"""The journal of upgrades, its lease, and the columns that are mirrors of others."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "u0001"
down_revision = None
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    f"{engine}_{name}": value
    for engine in ("mysql", "mariadb")
    for name, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}
NAME = sa.String(64)
STEP = sa.String(255)
TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql").with_variant(mysql.MEDIUMTEXT(), "mariadb")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _column(name: str, type_: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, type_, nullable=False, **options)


def make(name: str, *parts: Any) -> None:
    """Unless it is there: MariaDB and MySQL keep what a run has made that was killed halfway."""
    if not sa.inspect(op.get_bind()).has_table(name):
        op.create_table(name, *parts, **OPTIONS)


def upgrade() -> None:
    """Make them."""
    make(
        "viaduct_upgrade",
        _column("name", NAME, primary_key=True),
        _column("digest", sa.String(16)),
        _column("state", sa.String(16)),
        _column("changed_at", sa.BigInteger),
    )
    make(
        "viaduct_upgrade_step",
        _column("number", SERIAL, primary_key=True),
        _column("upgrade", NAME),
        _column("phase", sa.String(16)),
        _column("step", STEP),
        _column("statement", TEXT),
        _column("begun_at", sa.BigInteger),
        _column("done_at", sa.BigInteger),
        sa.UniqueConstraint("upgrade", "phase", "step", name="viaduct_upgrade_step_once"),
    )
    make(
        "viaduct_upgrade_place",
        _column("upgrade", NAME, primary_key=True),
        _column("bridge", NAME, primary_key=True),
        _column("last_key", TEXT),
        _column("filled", sa.BigInteger),
        _column("rounds", sa.Integer),
    )
    make(
        "viaduct_upgrade_lease",
        _column("name", NAME, primary_key=True),
        _column("holder", STEP),
        _column("until", sa.BigInteger),
        _column("fence", sa.BigInteger),
    )
    make(
        "viaduct_bridged_column",
        _column("table_name", NAME, primary_key=True),
        _column("column_name", NAME, primary_key=True),
        _column("upgrade", NAME),
    )


def downgrade() -> None:
    """Remove them."""
    for name in ("bridged_column", "upgrade_lease", "upgrade_place", "upgrade_step", "upgrade"):
        op.drop_table(f"viaduct_{name}")
