"""What clusters of MySQL and MariaDB ask of a table, and what their strict modes refuse otherwise."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from keystone_viaduct.sync.store import make_engine, schema
from tests.support.databases import DatabaseScope


@pytest.mark.keystone
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("mariadb", marks=pytest.mark.mariadb),
        pytest.param("mysql", marks=pytest.mark.mysql),
    ],
)
def test_every_table_of_keystone_and_of_ours_is_of_innodb_and_has_a_primary_key(
    request: pytest.FixtureRequest, database_scope: DatabaseScope, name: str
) -> None:
    request.getfixturevalue(name)
    engine = make_engine(database_scope.keystone(name))
    schema.upgrade(engine)
    of_tables = "SELECT table_name, engine FROM information_schema.tables WHERE table_schema = DATABASE()"
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        engines = {str(row[0]): str(row[1]) for row in connection.execute(sa.text(of_tables))}
        keys = {table: inspector.get_pk_constraint(table)["constrained_columns"] for table in engines}
    engine.dispose()
    assert {"user", "viaduct_record", "viaduct_dirty"} <= engines.keys()
    assert set(engines.values()) == {"InnoDB"}
    assert [table for table, columns in keys.items() if not columns] == []
