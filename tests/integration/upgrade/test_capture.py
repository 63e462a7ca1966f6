"""Capture beside a bridge: what is marked, what is not, and that its triggers stay as they should be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from keystone_viaduct.cli._upgrading import Place, watch
from keystone_viaduct.documents.schema import reflect
from keystone_viaduct.sync.capture import triggers_of
from keystone_viaduct.triggers import State as TriggerState
from keystone_viaduct.upgrade.operations import RenameColumn
from keystone_viaduct.upgrade.shape import Column, Table
from keystone_viaduct.upgrade.types import Text
from tests.support.sites import open_site
from tests.support.upgrades import Site, site

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


def marks(made: Site) -> list[str]:
    """The regions that were marked since the last look, each time once more."""
    quoted = made.database.engine.dialect.identifier_preparer.quote("key")
    with made.database.engine.begin() as connection:
        found = connection.execute(sa.text(f"SELECT {quoted} FROM viaduct_dirty WHERE kind = 'region'")).all()
        connection.execute(sa.text("DELETE FROM viaduct_dirty"))
    return sorted(row[0] for row in found)


def capture(made: Site) -> set[TriggerState]:
    """The states of capture's triggers, as doctor counts them."""
    with made.database.engine.connect() as connection:
        return {
            item.state for item in triggers_of(connection, reflect(connection, fresh=True), "auto").status()
        }


def test_a_backfill_marks_nothing_and_each_write_of_either_release_marks_its_record(made: Site) -> None:
    assert len(marks(made)) == 20
    with made.runner() as runner:
        runner.expand()
        assert capture(made) == {TriggerState.INSTALLED}
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
