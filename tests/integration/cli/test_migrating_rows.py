"""``viaduct manage db_sync`` on SQLite: no migration takes a row along, and broken references are told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.integration.cli.test_migrating import manage
from tests.integration.cli.test_orphans import fill, rows, shell
from tests.support.keystones import KeystoneHome, Release, make_home

pytestmark = pytest.mark.keystone

#: Yoga, whose next contract migration makes ``access_rule`` anew, to which other tables refer by cascades.
OLDEST = ("29e87d24a316", "e25ffa003242")
TO = """
import sys
import alembic.command
import keystone.conf
from oslo_db import options
from keystone.common.sql import upgrades
keystone.conf.configure()
keystone.conf.CONF.register_opts(options.database_opts, "database")
config = upgrades.get_alembic_config()
config.set_main_option("sqlalchemy.url", sys.argv[1])
for revision in sys.argv[2:]:
    alembic.command.upgrade(config, revision)
"""


def synced(home: KeystoneHome) -> subprocess.CompletedProcess[str]:
    done = manage(home, "db_sync")
    assert done.returncode == 0, done.stderr
    return done


def test_tables_that_are_made_anew_lose_nothing_that_refers_to_them(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/keystone.db"
    home = make_home(tmp_path / "home", url)
    home.release.python(TO, url, *OLDEST, env=home.env)
    fill(url)
    before = rows(url)
    assert before["application_credential_access_rule"]
    told = synced(home).stderr
    after = rows(url)
    assert after.pop("alembic_version") != before.pop("alembic_version")
    assert len(after.pop("mapping")) == len(before.pop("mapping")) > 0, "it has a new column"
    assert after == before
    assert "foreign key" not in told


@pytest.mark.keystone27
def test_from_release_27_to_30_every_row_stays(keystone27: Release, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/keystone.db"
    old = make_home(tmp_path / "old", url, keystone27)
    keystone27.run("keystone-manage", "--config-file", str(old.config), "db_sync", env=old.env)
    fill(url)
    before = rows(url)
    synced(make_home(tmp_path / "home", url))
    after = rows(url)
    assert after.pop("alembic_version") != before.pop("alembic_version")
    assert after == before


def test_what_leads_nowhere_is_told_and_whether_it_did_before(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/keystone.db"
    home = make_home(tmp_path / "home", url)
    assert "foreign key" not in synced(home).stderr
    shell(url, "INSERT INTO project_tag VALUES ('gone', 't')")
    told = synced(home).stderr
    assert "1 of project_tag that refer to a project (rowid " in told
    assert "they were there before" in told
