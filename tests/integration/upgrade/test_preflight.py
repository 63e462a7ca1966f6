"""What is refused before anything is changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from keystone_viaduct.errors import UpgradeRefused
from keystone_viaduct.upgrade.ddl.mysql_running import SQL_MODE
from keystone_viaduct.upgrade.expression import Field, FirstOf, Literal
from keystone_viaduct.upgrade.operations import RenameColumn, ReplaceColumns
from keystone_viaduct.upgrade.shape import Bridge, Column, Conversion, Table
from keystone_viaduct.upgrade.types import Text
from tests.bridges.declared import DECLARED
from tests.support.databases import DatabaseScope
from tests.support.servers import MissingServer, unavailable
from tests.support.upgrades import Site, make_table, site

BRIDGE = next(item.bridge for item in DECLARED if item.operation == "rename column")
OPERATION = ReplaceColumns(BRIDGE)


def refused(made: Site, said: str) -> str:
    """Expand is refused, and neither the table nor the journal's state has changed; the hint."""
    with made.runner() as runner, pytest.raises(UpgradeRefused, match=said) as caught:
        runner.expand()
    assert made.journal.state("next") is None
    return caught.value.hint


def test_a_declaration_that_the_table_contradicts_is_refused(database_url: str) -> None:
    make_table(database_url, BRIDGE, [])
    elsewhere = Table("other", BRIDGE.table.key)
    refused(
        site(database_url, RenameColumn(elsewhere, Column("login", Text(16)), "account")), "no table other"
    )
    refused(
        site(database_url, RenameColumn(BRIDGE.table, Column("logon", Text(16)), "account")),
        "no column logon",
    )
    strict = RenameColumn(BRIDGE.table, Column("login", Text(16), nullable=False), "account")
    assert (
        refused(site(database_url, strict), "takes NULL, and is declared otherwise")
        == "declare nullable=True"
    )
    assert set(site(database_url).columns("thing")) == {"id", "note", "login"}


def test_contract_is_refused_while_an_index_names_an_old_column_that_it_cannot_follow(
    database_url: str,
) -> None:
    retyped = next(item.bridge for item in DECLARED if item.operation == "change type")
    make_table(database_url, retyped, [])
    made = site(database_url, ReplaceColumns(retyped))
    made.run("CREATE INDEX by_port ON thing (port)")
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        runner.verify()
        with pytest.raises(UpgradeRefused, match="by_port of thing still names a column"):
            runner.contract()
        on = " ON thing" if made.database.engine.dialect.name == "mysql" else ""
        made.run(f"DROP INDEX by_port{on}")
        runner.contract()


@pytest.fixture
def ordinary(
    request: pytest.FixtureRequest, engine_name: str, database_url: str
) -> Iterator[tuple[Site, str]]:
    """The upgrade as seen by a user who owns nothing, and the user's name."""
    if engine_name == "sqlite":
        pytest.skip("SQLite has no users")
    make_table(database_url, BRIDGE, [])
    owner = sa.create_engine(database_url)
    name = f"u_{sa.engine.make_url(database_url).database}"[:30]
    account = name if engine_name == "postgresql" else f"'{name}'@'localhost'"
    grants = (
        [f"CREATE ROLE {name} LOGIN", f"GRANT CREATE ON SCHEMA public TO {name}"]
        if engine_name == "postgresql"
        else [
            f"CREATE USER {account}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON {owner.url.database}.* TO {account}",
        ]
    )
    with owner.begin() as connection:
        for sql in grants:
            connection.exec_driver_sql(sql, execution_options={"no_parameters": True})
    yield site(owner.url.set(username=name).render_as_string(hide_password=False), OPERATION), account
    with owner.begin() as connection:
        if engine_name == "postgresql":
            connection.exec_driver_sql(f"DROP OWNED BY {name} CASCADE")
        connection.exec_driver_sql(f"DROP {'ROLE' if engine_name == 'postgresql' else 'USER'} {account}")
    owner.dispose()


def test_a_user_who_may_make_no_triggers_is_told_so_before_a_column_is_added(
    ordinary: tuple[Site, str],
) -> None:
    made, _ = ordinary
    assert "GRANT TRIGGER" in refused(made, "lacks TRIGGER on table thing")


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.mysql) for name in ("mysql", "mariadb-logged")])
def logged_url(request: pytest.FixtureRequest, database_scope: DatabaseScope) -> Iterator[str]:
    """A database of a server with a binary log, whose trust is this test's to give."""
    try:
        url = database_scope.empty(request.param)
    except MissingServer as missing:
        unavailable(str(missing), "`make servers`", optional=request.param == "mysql")
    with database_scope.databases.servers.alone(request.param):
        yield url


def test_beside_a_binary_log_trust_is_needed_but_no_super(logged_url: str) -> None:
    make_table(logged_url, BRIDGE, [{"id": "k", "login": "l"}])
    owner = sa.create_engine(logged_url)
    name = f"u_{owner.url.database}"[:30]

    def run(*statements: str) -> None:
        with owner.begin() as connection:
            for sql in statements:
                connection.exec_driver_sql(sql, execution_options={"no_parameters": True})

    rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, TRIGGER"
    run(
        f"CREATE USER '{name}'@'localhost'",
        f"GRANT {rights} ON {owner.url.database}.* TO '{name}'@'localhost'",
    )
    made = site(owner.url.set(username=name).render_as_string(hide_password=False), OPERATION)
    try:
        assert "log_bin_trust_function_creators" in refused(made, "lacks SUPER on server")
        run("SET GLOBAL log_bin_trust_function_creators = 1")
        with made.runner() as runner:
            runner.expand()
            runner.migrate()
            runner.verify()
            runner.contract()
        assert made.rows("thing")["k"]["account"] == "l"
        run("SET GLOBAL log_bin_trust_function_creators = 0")
        back = site(made.url, RenameColumn(BRIDGE.table, Column("account", Text(16)), "login"), name="back")
        with back.runner() as runner, pytest.raises(UpgradeRefused, match="lacks SUPER on server"):
            runner.expand()
        assert set(back.columns("thing")) == {"id", "note", "account"}
    finally:
        run("SET GLOBAL log_bin_trust_function_creators = 0", f"DROP USER '{name}'@'localhost'")
        owner.dispose()


def test_a_trigger_whose_definer_is_gone_is_found(engine_name: str, database_url: str) -> None:
    if engine_name not in ("mariadb", "mysql"):
        pytest.skip("only there a trigger has a definer")
    make_table(database_url, BRIDGE, [])
    made = site(database_url, OPERATION)
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        runner.verify()
        with made.database.engine.begin() as connection:
            shown = connection.exec_driver_sql("SHOW CREATE TRIGGER viaduct_b_thing_account_ins").one()[2]
            connection.exec_driver_sql("DROP TRIGGER viaduct_b_thing_account_ins")
            start = shown.index("TRIGGER")
            again = f"CREATE DEFINER=`gone`@`nowhere` {shown[start:]}"
            connection.exec_driver_sql(f"SET SESSION sql_mode = '{SQL_MODE}'")
            connection.exec_driver_sql(again, execution_options={"no_parameters": True})
        with pytest.raises(UpgradeRefused, match="gone@nowhere"):
            runner.contract()


@pytest.mark.mariadb
def test_a_cascade_that_fires_no_trigger_is_refused(mariadb_url: str) -> None:
    make_table(mariadb_url, BRIDGE, [])
    made = site(mariadb_url, OPERATION)
    made.run(
        "CREATE TABLE parent (name VARCHAR(16) CHARACTER SET utf8mb4 PRIMARY KEY)",
        "ALTER TABLE parent CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
        "ALTER TABLE thing ADD CONSTRAINT of_parent FOREIGN KEY (login)"
        " REFERENCES parent (name) ON DELETE SET NULL",
    )
    refused(made, "of_parent changes thing.login by a cascade")


MERGED = next(item.bridge for item in DECLARED if item.operation == "merge")
NON_ASCII = replace(
    BRIDGE, up=(Conversion("account", FirstOf((Field("login"), Literal("é")))),), name="thing_unnamed"
)


@pytest.mark.parametrize(
    ("bridge", "altered", "said"),
    [
        (MERGED, "MODIFY COLUMN last VARCHAR(16) CHARACTER SET latin1", "different collations"),
        (MERGED, "MODIFY COLUMN last VARCHAR(16) COLLATE utf8mb4_unicode_ci", "different collations"),
        (BRIDGE, "MODIFY COLUMN login VARCHAR(16) CHARACTER SET utf16", "other bytes in utf16 than"),
        (NON_ASCII, "MODIFY COLUMN login VARCHAR(16) CHARACTER SET latin1", "other bytes in latin1 than"),
    ],
)
def test_character_sets_that_cannot_be_compared_as_bytes_are_refused(
    engine_name: str, database_url: str, bridge: Bridge, altered: str, said: str
) -> None:
    if engine_name not in ("mariadb", "mysql"):
        pytest.skip("a database has one character set there")
    make_table(database_url, bridge, [])
    made = site(database_url, ReplaceColumns(bridge))
    made.run(f"ALTER TABLE thing {altered}")
    assert refused(made, said)


@pytest.mark.parametrize("charset", ["latin1", "utf8mb3"])
def test_texts_of_a_smaller_character_set_keep_it_and_are_bridged(
    engine_name: str, database_url: str, charset: str
) -> None:
    """As a Keystone has them whose tables are utf8mb3."""
    if engine_name not in ("mariadb", "mysql"):
        pytest.skip("a database has one character set there")
    make_table(database_url, BRIDGE, [{"id": "k1", "login": "é"}, {"id": "k2", "login": "a"}])
    made = site(database_url, OPERATION)
    made.run(f"ALTER TABLE thing CONVERT TO CHARACTER SET {charset}")
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        made.run(
            "UPDATE thing SET login = 'ö' WHERE id = 'k2'",
            "INSERT INTO thing (id, account) VALUES ('k3', 'ü')",
        )
        assert not runner.verify()
    assert [(row["login"], row["account"]) for row in made.rows("thing").values()] == [
        ("é", "é"),
        ("ö", "ö"),
        ("ü", "ü"),
    ]
