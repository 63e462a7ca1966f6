"""What surrounds Keystone's own migrations: the capture triggers are taken aside, references looked at after.

A trigger names the columns that it watches. A migration that drops or re-types one of these fails (SQLite,
PostgreSQL), or makes the next write fail (MariaDB). So they go before a migration, and come back afterwards
as the tables then want them, also when the migration has failed, or had been cut off before. On SQLite a
migration runs without foreign keys; whether it has left rows that refer to nothing is looked at afterwards.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from keystone_viaduct.cli._keystone import KeystoneSettings, read_settings
from keystone_viaduct.cli._site import open_database
from keystone_viaduct.documents.references import Broken, broken_references
from keystone_viaduct.errors import ConfigError, StoreError
from keystone_viaduct.sync.capture import triggers_of
from keystone_viaduct.sync.store import schema

#: Steps of ``db_sync`` that change no table.
_HARMLESS = frozenset({"--check", "--migrate", "--help", "-h"})
_FILES, _FOLDERS = "--config-file", "--config-dir"


def migrates(arguments: Sequence[str]) -> bool:
    """Whether ``keystone-manage ARGUMENTS`` changes tables."""
    return parse(arguments)[0] == "db_sync"


@contextmanager
def references_checked(arguments: Sequence[str], env: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Around ``keystone-manage ARGUMENTS``: says which references it has left broken, or found so."""
    settings = _settings(arguments, env)
    before = _broken(settings)
    try:
        yield
    finally:
        tell_broken(_broken(settings), before)


def _broken(settings: KeystoneSettings | None) -> list[Broken]:
    """Other engines always keep references, and are not asked for nothing."""
    if settings is None or not settings.connection.startswith("sqlite"):
        return []
    try:
        engine = open_database(settings).engine
    except (ConfigError, StoreError):  # there is none yet, or it can't be reached: Keystone says so
        return []
    with engine.connect() as connection:
        return broken_references(connection)


def tell_broken(found: Sequence[Broken], before: Sequence[Broken]) -> None:
    """Say which references are broken, and whether they were before."""
    if not found:
        return
    known = {(item.table, item.target): item.count for item in before}
    fresh = [item for item in found if item.count > known.get((item.table, item.target), 0)]
    _say("rows whose foreign key leads nowhere: " + "; ".join(map(str, found)))
    if fresh:
        tables = ", ".join(dict.fromkeys(item.table for item in fresh))
        _say(f"the migration has left some that were not there before ({tables}): compare with a backup")
    else:
        _say("they were there before: `viaduct doctor` tells what they are, `viaduct init` removes them")


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
    command, files, folders = parse(arguments)
    if command != "db_sync" or _HARMLESS & {*arguments}:
        return None
    try:
        return read_settings(files, folders, env)
    except ConfigError:
        return None


def parse(arguments: Sequence[str]) -> tuple[str, list[str], list[str]]:
    """The command, configuration files and folders."""
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
    return command, files, folders


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
