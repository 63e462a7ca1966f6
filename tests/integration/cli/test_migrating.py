"""``viaduct manage db_sync`` at a site: the capture triggers do not stand in the way of migrations."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sa

from keystone_viaduct.cli._aside import triggers_aside
from keystone_viaduct.cli.main import main
from keystone_viaduct.triggers import Installer
from tests.integration.cli.test_manage import VIADUCT
from tests.support.keystones import KeystoneHome, Release, make_home

pytestmark = pytest.mark.keystone


def triggers(url: str) -> set[str]:
    """The capture triggers that are there."""
    with sa.create_engine(url, poolclass=sa.pool.NullPool).connect() as connection:
        return {found.name for found in Installer(connection).status(())}


def site(folder: Path, url: str) -> KeystoneHome:
    """A site over a database that Keystone has migrated."""
    home = make_home(folder, url)
    config = home.config
    config.write_text(f"{config.read_text()}\n[viaduct]\nkey_repository = {folder}/viaduct-keys\n")
    assert main(["init", "--site", "east", "--hub", "east", "--config-file", str(config)]) == 0
    return home


def manage(home: KeystoneHome, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``viaduct manage`` as an operator runs it."""
    return subprocess.run(
        [str(home.release.bin / "python"), *VIADUCT, "--config-file", str(home.config), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=home.release.environment(home.env),
    )


def execute(url: str, *statements: str) -> None:
    with sa.create_engine(url, poolclass=sa.pool.NullPool).begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


@pytest.fixture
def old(keystone24: Release, tmp_path: Path) -> tuple[KeystoneHome, str]:
    """A site of this release over a database of Keystone 24."""
    url = f"sqlite:///{tmp_path}/keystone.db"
    home = make_home(tmp_path / "old", url, keystone24)
    keystone24.run("keystone-manage", "--config-file", str(home.config), "db_sync", env=home.env)
    return site(tmp_path / "home", url), url


@pytest.mark.keystone24
def test_an_upgrade_takes_the_triggers_off_and_puts_them_back(old: tuple[KeystoneHome, str]) -> None:
    home, url = old
    before = triggers(url)
    done = manage(home, "db_sync")
    assert done.returncode == 0, done.stderr
    assert f"{len(before)} triggers of Viaduct are taken off" in done.stderr
    assert "triggers are put back" in done.stderr and not done.stdout
    assert triggers(url) == before
    assert main(["init", "--site", "east", "--hub", "east", "--config-file", str(home.config)]) == 0
    again = manage(home, "db_sync")
    assert again.returncode == 0 and "triggers" not in again.stderr, "nothing was left to migrate"


@pytest.mark.keystone24
def test_a_migration_that_fails_leaves_the_triggers_there(old: tuple[KeystoneHome, str]) -> None:
    home, url = old
    before = triggers(url)
    execute(url, "ALTER TABLE mapping ADD COLUMN schema_version VARCHAR(5)")
    done = manage(home, "db_sync")
    assert done.returncode != 0 and "taken off" in done.stderr
    assert triggers(url) == before


@pytest.mark.keystone24
def test_triggers_that_an_interrupted_migration_left_off_come_back(old: tuple[KeystoneHome, str]) -> None:
    home, url = old
    before = triggers(url)
    with sa.create_engine(url).connect() as connection:
        Installer(connection).prune()
    assert not triggers(url)
    assert manage(home, "db_sync").returncode == 0
    assert triggers(url) == before


def test_a_column_that_a_trigger_names_can_be_dropped(keystone_url: str, tmp_path: Path) -> None:
    """On every engine; Keystone's migrations have none at present, so one is made up here."""
    home = site(tmp_path / "home", keystone_url)
    before = triggers(keystone_url)
    execute(keystone_url, "DELETE FROM alembic_version")
    with triggers_aside(["--config-file", str(home.config), "db_sync"], {}):
        assert not triggers(keystone_url)
        execute(keystone_url, "ALTER TABLE service_provider DROP COLUMN relay_state_prefix")
    assert triggers(keystone_url) == before
    execute(
        keystone_url,
        "INSERT INTO service_provider (id, enabled, auth_url, sp_url) VALUES ('sp', '1', 'a', 'b')",
    )
    with sa.create_engine(keystone_url).connect() as connection:
        marked = connection.execute(sa.text("SELECT kind FROM viaduct_dirty")).scalars().all()
    assert "service_provider" in marked


@pytest.mark.parametrize(
    "arguments", [["db_sync", "--check"], ["db_sync", "--migrate"], ["db_version"], ["--help"], []]
)
def test_what_migrates_nothing_leaves_the_triggers_alone(
    arguments: list[str], tmp_path: Path, keystone_database: object
) -> None:
    assert callable(keystone_database)
    url = keystone_database("sqlite")
    home = site(tmp_path / "home", url)
    before = triggers(url)
    execute(url, "DELETE FROM alembic_version")
    with triggers_aside([f"--config-file={home.config}", *arguments], {}):
        assert triggers(url) == before
