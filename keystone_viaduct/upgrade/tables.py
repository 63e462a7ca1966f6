"""The journal's tables as queries see them; the migrations beside make them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

VERSION_TABLE = "viaduct_upgrade_version"


def _table(name: str, *columns: str) -> Any:
    return sa.table(name, *(sa.column(column) for column in columns))


UPGRADE = _table("viaduct_upgrade", "name", "digest", "state", "changed_at")
STEP = _table(
    "viaduct_upgrade_step", "number", "upgrade", "phase", "step", "statement", "begun_at", "done_at"
)
PLACE = _table("viaduct_upgrade_place", "upgrade", "bridge", "last_key", "filled", "rounds")
LEASE = _table("viaduct_upgrade_lease", "name", "holder", "until", "fence")
RELEASES = _table("viaduct_releases", "worker", "release", "columns", "seen_at", "ended_at")
BRIDGED = _table("viaduct_bridged_column", "table_name", "column_name", "upgrade")
