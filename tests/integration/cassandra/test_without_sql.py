"""Keystone's own commands over tables of Cassandra in memory: no SQL database is opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.keystones import CommandFailed
from tests.support.without_sql import SERVE, without_sql

pytestmark = pytest.mark.keystone

REFUSED = "unable to open database file"
TABLES = """
import dataclasses, os, pickle, sys
from keystone_viaduct.cassandra.drivers import base, root
from keystone_viaduct.cassandra.records import Records
from keystone_viaduct.testing.cassandra.memory import MemoryTables

FILE = os.environ["TABLES"]
tables = MemoryTables(**(pickle.load(open(FILE, "rb")) if os.path.exists(FILE) else {}))
records = Records(tables)
base.source = lambda: records
"""
BOOTSTRAP = """
from keystone_viaduct.cli.main import main

assert root.make(records) and not root.make(records)
main(["manage", *sys.argv[1:]])

from keystone.common import provider_api
providers = provider_api.ProviderAPIs
user = providers.identity_api.get_user_by_name("admin", "default")
assert providers.identity_api.driver.authenticate(user["id"], "secret")["name"] == "admin"
assert [each["name"] for each in providers.resource_api.list_domains()] == ["Default"]
assert [each["id"] for each in providers.catalog_api.list_regions()] == ["east"]
names = [field.name for field in dataclasses.fields(tables) if field.name[0] != "_"]
kept = {name: getattr(tables, name) for name in names}
pickle.dump(kept, open(FILE, "wb"))
print("bootstrapped")
"""


def test_a_keystone_is_bootstrapped_and_serves_and_no_sql_database_is_opened(tmp_path: Path) -> None:
    home = without_sql(tmp_path / "home", "127.0.0.1")
    account = ("--keystone-user", "root", "--keystone-group", "root") if os.geteuid() == 0 else ()
    home.manage("fernet_setup", *account)
    home.manage("credential_setup", *account)
    bootstrap = ["bootstrap", "--bootstrap-password", "secret", "--bootstrap-region-id", "east"]
    env = home.env | {"TABLES": str(tmp_path / "tables")}
    out = home.release.python(TABLES + BOOTSTRAP, "--config-file", str(home.config), *bootstrap, env=env)
    assert out.endswith("bootstrapped\n")
    assert home.release.python(TABLES + SERVE, env=env).endswith("served\n")
    log = home.folder / "keystone.log"
    assert REFUSED not in log.read_text()
    with pytest.raises(CommandFailed):
        home.manage("db_sync")
    assert REFUSED in log.read_text(), "so opening it would have been seen"
