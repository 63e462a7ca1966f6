"""Creates and upgrades our own tables (Alembic, with a version table of our own beside Keystone's)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from keystone_viaduct.errors import NotInitialised, StoreError
from keystone_viaduct.sync.store.engine import migrating
from keystone_viaduct.sync.store.tables import VERSION_TABLE


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "keystone_viaduct.sync.store:migrations")
    return config


def head() -> str:
    """The newest revision that this release of ours knows."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    if found is None:
        raise StoreError("the package holds no migrations", hint="install keystone-viaduct anew")
    return found


def current(connection: Any) -> str | None:
    """The database's revision; None when our tables were never created."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def upgrade(engine: sa.engine.Engine) -> bool:
    """Bring our tables to :func:`head`; False if they were there. Raises StoreError on a newer database."""
    with migrating(engine) as connection:
        if check_upgradable(connection) == head():
            return False
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return True


def check_upgradable(connection: Any) -> str | None:
    """The database's revision (None without our tables). Raises StoreError when it is a newer release's."""
    found = current(connection)
    _check_known(found)
    return found


def check_current(connection: Any) -> None:
    """Raises NotInitialised without our tables, StoreError when they are of another release of ours."""
    found = current(connection)
    if found is None:
        raise NotInitialised("this database has no viaduct tables", hint="run `viaduct init`")
    _check_known(found)
    if found != head():
        raise StoreError(
            f"our tables are at revision {found}, this release needs {head()}",
            hint="run `viaduct init` again",
        )


def _check_known(found: str | None) -> None:
    known = {revision.revision for revision in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found is not None and found not in known:
        raise StoreError(
            f"our tables are at revision {found}, which this release does not know",
            hint="the database was upgraded by a newer keystone-viaduct: install that one",
        )


def remove(engine: sa.engine.Engine) -> None:
    """Drop our tables with all that they say. Capture must be removed before, or Keystone can't write."""
    with migrating(engine) as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        connection.execute(sa.text(f"DROP TABLE {VERSION_TABLE}"))
