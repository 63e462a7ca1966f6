"""Capture beside a bridge: what is marked, what is not, and that its triggers stay as they should be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.cli._upgrading import Place, watch
from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.documents.schema import reflect
from keystone_viaduct.sync.capture import triggers_of
from keystone_viaduct.triggers import State as TriggerState
from keystone_viaduct.upgrade.operations import RenameColumn
from keystone_viaduct.upgrade.shape import Column, Table
from keystone_viaduct.upgrade.types import Text
from tests.support.sites import HexCipher, open_site
from tests.support.upgrades import Site, site
from tests.upgrades.demo.user_status import UPGRADE

REGION = Table("region", (Column("id", Text(255), nullable=False),))
DESCRIPTION = Column("description", Text(255), nullable=False)


@pytest.fixture
def made(keystone_url: str) -> Iterator[Site]:
    """A site of a fleet with 20 regions whose description is to be called summary."""
    with open_site(keystone_url):
        upgrade = site(keystone_url, RenameColumn(REGION, DESCRIPTION, "summary"))
        place = Place(upgrade.database, upgrade.journal, "auto")
        upgrade.hooks = replace(upgrade.hooks, watch=lambda: watch(place))
        upgrade.run(*(f"INSERT INTO region (id, description) VALUES ('r{n:02}', 'd{n}')" for n in range(20)))
        yield upgrade


def marks(made: Site, kind: str = "region") -> list[str]:
    """The records of a kind that were marked since the last look, each time once more."""
    quoted = made.database.engine.dialect.identifier_preparer.quote("key")
    with made.database.engine.begin() as connection:
        found = connection.execute(sa.text(f"SELECT {quoted} FROM viaduct_dirty WHERE kind = '{kind}'")).all()
        connection.execute(sa.text("DELETE FROM viaduct_dirty"))
    return sorted(row[0] for row in found)


def capture(made: Site) -> set[TriggerState]:
    """The states of capture's triggers, as doctor counts them."""
    with made.database.engine.connect() as connection:
        return {
            item.state for item in triggers_of(connection, reflect(connection, fresh=True), "auto").status()
        }


_ORDER = """
SELECT trigger_name FROM information_schema.triggers
WHERE event_object_table = 'region' AND action_timing = 'BEFORE' AND event_manipulation = 'UPDATE' AND {}
"""


def before_an_update(made: Site) -> list[str]:
    """The triggers that run before a region is updated, in their order: by name on PostgreSQL."""
    engine = made.database.engine
    if engine.dialect.name == "sqlite":
        return []
    own = "trigger_schema = DATABASE() ORDER BY action_order"
    told = "true ORDER BY trigger_name" if engine.dialect.name == "postgresql" else own
    with engine.connect() as connection:
        return list(connection.exec_driver_sql(_ORDER.format(told)).scalars())


def test_a_backfill_marks_nothing_and_each_write_of_either_release_marks_its_record(made: Site) -> None:
    assert len(marks(made)) == 20
    with made.runner() as runner:
        runner.expand()
        assert capture(made) == {TriggerState.INSTALLED}
        assert before_an_update(made)[:1] in ([], ["viaduct_b_region_summary_upd"])
        runner.migrate()
        runner.verify()
        assert marks(made) == []
        assert made.rows("region")["r07"]["summary"] == "d7"
        made.run("UPDATE region SET description = 'old' WHERE id = 'r01'")
        made.run("UPDATE region SET summary = 'new' WHERE id = 'r02'")
        made.run("INSERT INTO region (id, summary) VALUES ('r99', 'new')")
        assert set(marks(made)) == {"r01", "r02", "r99"}
        assert made.rows("region")["r02"]["description"] == "new"
        assert capture(made) == {TriggerState.INSTALLED}

        with made.database.engine.connect() as connection:  # what is sent meanwhile is the old shape
            assert "summary" not in reflect(connection, fresh=True).columns["region"]
        runner.contract()
    assert capture(made) == {TriggerState.INSTALLED}
    assert marks(made) == []
    made.run("UPDATE region SET summary = 'later' WHERE id = 'r03'")
    assert marks(made) == ["r03"]
    with made.database.engine.connect() as connection:
        columns = reflect(connection, fresh=True).columns["region"]
    assert "summary" in columns and "description" not in columns


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_a_rollback_leaves_capture_as_it_was(made: Site) -> None:
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        runner.rollback()
    assert capture(made) == {TriggerState.INSTALLED}
    marks(made)
    made.run("UPDATE region SET description = 'later' WHERE id = 'r03'")
    assert marks(made) == ["r03"]


class Users:
    """What synchronisation would send of users, what it writes, and what the new release reads."""

    def __init__(self, made: Site) -> None:
        self._made = made

    def _codecs(self, connection: sa.engine.Connection) -> Codecs:
        return Codecs(reflect(connection, fresh=True), HexCipher())

    def sent(self, key: str) -> dict[str, Any]:
        """The record."""
        with self._made.database.engine.connect() as connection:
            return dict(self._codecs(connection).load(connection, "user", [key])[key])

    def arrives(self, key: str, **fields: str | bool) -> None:
        """From another site."""
        old = self.sent(key)
        with self._made.database.engine.begin() as connection:
            self._codecs(connection).write(connection, "user", key, old, {**old, **fields})

    def set(self, key: str, status: str) -> None:
        """By the new release."""
        table = self._made.database.engine.dialect.identifier_preparer.quote("user")
        self._made.run(f"UPDATE {table} SET status = '{status}' WHERE id = '{key}'")

    def status(self, key: str) -> object:
        """As the new release reads it."""
        table = sa.table("user", sa.column("id"), sa.column("status"))
        with self._made.database.engine.connect() as connection:
            return connection.execute(sa.select(table.c.status).where(table.c.id == key)).scalar_one()


@pytest.fixture
def users(keystone_url: str) -> Iterator[tuple[Site, Users]]:
    """A site of a fleet with three users, whose ``enabled`` is to become a status."""
    with open_site(keystone_url):
        upgrade = site(keystone_url, *UPGRADE)
        place = Place(upgrade.database, upgrade.journal, "auto")
        upgrade.hooks = replace(upgrade.hooks, watch=lambda: watch(place))
        table = upgrade.database.engine.dialect.identifier_preparer.quote("user")
        for name, enabled in (("ada", "true"), ("bob", "false"), ("eve", "NULL")):
            upgrade.run(
                f"INSERT INTO {table} (id, domain_id, enabled, extra)"
                f" VALUES ('{name}', 'default', {enabled}, '{{}}')",
                f"INSERT INTO local_user (user_id, domain_id, name) VALUES ('{name}', 'default', '{name}')",
            )
        marks(upgrade, "user")
        yield upgrade, Users(upgrade)


@pytest.mark.parametrize("engine_name", ["postgresql", "mariadb"], indirect=True)
def test_a_status_of_three_values_is_sent_as_enabled_until_contract(users: tuple[Site, Users]) -> None:
    made, people = users
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        runner.verify()
        assert marks(made, "user") == []  # the backfill has nothing to be sent
        assert capture(made) == {TriggerState.INSTALLED}
        assert [people.status(name) for name in ("ada", "bob", "eve")] == ["active", "disabled", None]

        people.set("ada", "locked")  # the other sites have no status: there she is disabled
        assert marks(made, "user") == ["ada"]
        assert people.sent("ada")["enabled"] is False
        assert "status" not in people.sent("ada")
        people.set("bob", "locked")  # what enabled can't express waits for contract
        assert marks(made, "user") == []

        people.arrives("bob", default_project_id="p")  # an edit elsewhere that has to do with neither
        assert people.status("bob") == "locked"
        people.arrives("ada", enabled=True)
        assert people.status("ada") == "active"
        marks(made, "user")

        runner.contract()
    assert capture(made) == {TriggerState.INSTALLED}
    assert people.sent("bob")["status"] == "locked"
    assert "enabled" not in people.sent("bob")
    people.set("ada", "locked")
    assert marks(made, "user") == ["ada"]
