"""Takes the capture triggers aside while Keystone's own migrations run.

A trigger names the columns that it watches. A migration that drops or re-types one of these fails (SQLite,
PostgreSQL), or makes the next write fail (MariaDB). So they go before a migration, and come back afterwards
as the tables then want them, also when the migration has failed, or had been cut off before.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from keystone_viaduct.cli._keystone import KeystoneSettings, read_settings
from keystone_viaduct.cli._site import open_database
from keystone_viaduct.errors import ConfigError, StoreError
from keystone_viaduct.sync.capture import triggers_of
from keystone_viaduct.sync.store import schema

#: Steps of ``db_sync`` that change no table.
_HARMLESS = frozenset({"--check", "--migrate", "--help", "-h"})
_FILES, _FOLDERS = "--config-file", "--config-dir"


@contextmanager
def triggers_aside(arguments: Sequence[str], env: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Around ``keystone-manage ARGUMENTS``; does nothing unless that migrates the database of a site.

    Raises TriggerError, StoreError when they can't be taken off or put back.
    """
    settings = _settings(arguments, env)
    if settings is None:
        yield
        return
    if _is_site(settings) and is_behind(settings):
        _say(f"{_remove(settings)} triggers of Viaduct are taken off for the migration")
    try:
        yield
    finally:
        if _is_site(settings):
            number = _install(settings)
            if number:
                _say(f"{number} triggers are put back; the next sweep finds what was written meanwhile")


def is_behind(settings: KeystoneSettings) -> bool:
    """Whether the installed Keystone has migrations that the database has not seen."""
    from alembic.migration import MigrationContext

    with open_database(settings).engine.connect() as connection:
        return set(MigrationContext.configure(connection).get_current_heads()) != _heads()


def _heads() -> set[str]:
    from alembic.script import ScriptDirectory
    from keystone.common.sql import upgrades

    root = Path(upgrades.VERSIONS_PATH)
    folders = [
        root / release / branch for release in upgrades.RELEASES for branch in upgrades.MIGRATION_BRANCHES
    ]
    places = [str(folder) for folder in (root, *folders) if folder.is_dir()]
    return set(ScriptDirectory(str(root.parent), version_locations=places).get_heads())


def _settings(arguments: Sequence[str], env: Mapping[str, str]) -> KeystoneSettings | None:
    """Of the Keystone whose database is to be migrated; what is wrong with them Keystone says itself."""
    files: list[str] = []
    folders: list[str] = []
    command, rest = "", list(arguments)
    while rest and not command:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if name in (_FILES, _FOLDERS):
            value = value if equals else (rest.pop(0) if rest else "")
            (files if name == _FILES else folders).append(value)
        elif not word.startswith("-"):
            command = word
    if command != "db_sync" or _HARMLESS & {*arguments}:
        return None
    try:
        return read_settings(files, folders, env)
    except ConfigError:
        return None


def _is_site(settings: KeystoneSettings) -> bool:
    try:
        engine = open_database(settings).engine
    except StoreError:  # there is none yet, or it can't be reached: Keystone says so
        return False
    with engine.connect() as connection:
        return schema.current(connection) is not None


def _remove(settings: KeystoneSettings) -> int:
    database = open_database(settings)
    with database.engine.connect() as connection:
        return len(triggers_of(connection, database.schema, settings.capture).remove())


def _install(settings: KeystoneSettings) -> int:
    """As the tables are now."""
    database = open_database(settings)
    with database.engine.connect() as connection:
        return len(triggers_of(connection, database.schema, settings.capture).install())


def _say(text: str) -> None:
    """Not on standard output: that is keystone-manage's."""
    print(text, file=sys.stderr)
