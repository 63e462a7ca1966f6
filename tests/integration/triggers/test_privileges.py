"""Users who may not create triggers get an error that says what is missing, and nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from keystone_viaduct.errors import TriggerError
from keystone_viaduct.triggers import Event, Installer, Timing, TriggerSpec, key_text, new
from tests.golden.triggers.examples import mark, user
from tests.integration.triggers.conftest import Database

SPEC = TriggerSpec(
    "viaduct_first", user, Event.INSERT, Timing.AFTER, (mark("user", key_text(new(user.c.id))),)
)


def run(engine: sa.engine.Engine, *statements: str) -> None:
    """Each statement, committed."""
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


@pytest.fixture
def postgresql_user(postgresql_url: str) -> Iterator[tuple[Database, sa.engine.Engine]]:
    """The owner's database, and an engine of a user who may only write rows there."""
    owner = Database(postgresql_url)
    name = f"user_{owner.engine.url.database}"
    run(owner.engine, f"CREATE ROLE {name} LOGIN", f'GRANT SELECT, INSERT ON "user", viaduct_dirty TO {name}')
    engine = sa.create_engine(owner.engine.url.set(username=name), future=True)
    yield owner, engine
    engine.dispose()
    run(owner.engine, f"DROP OWNED BY {name} CASCADE", f"DROP ROLE {name}")
    owner.engine.dispose()


@pytest.mark.postgresql
def test_postgresql_names_the_missing_privileges(
    postgresql_user: tuple[Database, sa.engine.Engine],
) -> None:
    owner, engine = postgresql_user
    with engine.connect() as connection:
        problems = Installer(connection).check_privileges([SPEC])
        assert [(item.subject, item.privilege) for item in problems] == [
            ("schema public", "CREATE"),
            ("table user", "TRIGGER"),
            ("sequence viaduct_dirty_id_seq", "USAGE"),
        ]
        connection.rollback()
        with pytest.raises(
            TriggerError, match="no USAGE privilege on sequence viaduct_dirty_id_seq; nothing"
        ):
            Installer(connection).install([SPEC])
    run(owner.engine, f"GRANT USAGE ON SEQUENCE viaduct_dirty_id_seq TO {engine.url.username}")
    with engine.connect() as connection:
        with pytest.raises(TriggerError, match="nothing was changed") as caught:
            Installer(connection).install([SPEC])
    assert "CREATE on the schema and TRIGGER on the tables" in caught.value.hint
    run(owner.engine, f"GRANT CREATE ON SCHEMA public TO {engine.url.username}")
    with engine.connect() as connection:
        with pytest.raises(TriggerError, match="permission denied for table user"):
            Installer(connection).install([SPEC])
        functions = "SELECT count(*) FROM pg_proc WHERE proname LIKE 'viaduct%'"
        counted = connection.exec_driver_sql(functions, execution_options={"no_parameters": True}).scalar()
        assert counted == 0


@pytest.mark.postgresql
def test_postgresql_create_and_trigger_are_enough(postgresql_user: tuple[Database, sa.engine.Engine]) -> None:
    owner, engine = postgresql_user
    name = engine.url.username
    run(
        owner.engine,
        f"GRANT CREATE ON SCHEMA public TO {name}",
        f'GRANT TRIGGER ON "user" TO {name}',
        f"GRANT USAGE ON SEQUENCE viaduct_dirty_id_seq TO {name}",
    )
    with engine.connect() as connection:
        assert Installer(connection).check_privileges([SPEC]) == []
        connection.rollback()
        assert [item.verb for item in Installer(connection).install([SPEC])] == ["create"]
    owner.run(user.insert().values(id="a"))
    assert owner.marks() == [("user", "a")]


@pytest.mark.postgresql
def test_postgresql_an_engine_of_oslo_db_gives_the_same_hint(
    postgresql_user: tuple[Database, sa.engine.Engine],
) -> None:
    engines = pytest.importorskip("oslo_db.sqlalchemy.engines")
    owner, plain = postgresql_user
    run(owner.engine, f"GRANT USAGE ON SEQUENCE viaduct_dirty_id_seq TO {plain.url.username}")
    engine = engines.create_engine(plain.url)
    with engine.connect() as connection, pytest.raises(TriggerError, match="permission denied") as caught:
        Installer(connection).install([SPEC])
    assert "CREATE on the schema" in caught.value.hint
    engine.dispose()


@pytest.fixture
def mariadb_user(mariadb_url: str) -> Iterator[tuple[Database, sa.engine.Engine]]:
    """The administrator's database, and an engine of a user who may only write rows there."""
    owner = Database(mariadb_url)
    place = owner.engine.url.database
    name = f"u{place}"[:30]
    run(
        owner.engine,
        f"CREATE USER {name}@localhost",
        f"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON {place}.* TO {name}@localhost",
    )
    engine = sa.create_engine(owner.engine.url.set(username=name), poolclass=sa.pool.NullPool, future=True)
    yield owner, engine
    run(owner.engine, f"DROP USER {name}@localhost")
    owner.engine.dispose()


@pytest.mark.mariadb
def test_mariadb_names_the_missing_privilege(mariadb_user: tuple[Database, sa.engine.Engine]) -> None:
    _, engine = mariadb_user
    with engine.connect() as connection:
        problems = Installer(connection).check_privileges([SPEC])
        assert [(item.subject, item.privilege) for item in problems] == [("table user", "TRIGGER")]
        connection.rollback()
        with pytest.raises(TriggerError, match="done before: nothing") as caught:
            Installer(connection).install([SPEC])
    assert "GRANT TRIGGER" in caught.value.hint
    assert caught.value.fields["done"] == []


@pytest.mark.mariadb
@pytest.mark.parametrize("grant", ["{place}.*", "{place}.`user`", "*.*"])
def test_mariadb_the_trigger_privilege_is_enough(
    mariadb_user: tuple[Database, sa.engine.Engine], grant: str
) -> None:
    owner, engine = mariadb_user
    place = str(engine.url.database)
    run(owner.engine, f"GRANT TRIGGER ON {grant.format(place=place)} TO {engine.url.username}@localhost")
    with engine.connect() as connection:
        assert Installer(connection).check_privileges([SPEC]) == []
        connection.rollback()
        assert [item.verb for item in Installer(connection).install([SPEC])] == ["create"]
        assert Installer(connection).install([SPEC]) == []
    owner.run(user.insert().values(id="a"))
    assert owner.marks() == [("user", "a")]


@pytest.mark.mariadb
@pytest.mark.parametrize("named_too", [False, True])
def test_mariadb_a_grant_by_pattern_counts_unless_one_by_name_hides_it(
    mariadb_user: tuple[Database, sa.engine.Engine], named_too: bool
) -> None:
    owner, engine = mariadb_user
    place, name = str(engine.url.database), engine.url.username
    pattern = place.replace("_", "\\_")[:-4] + "%"
    run(owner.engine, f"GRANT ALL PRIVILEGES ON `{pattern}`.* TO {name}@localhost")
    if not named_too:
        run(owner.engine, f"REVOKE ALL PRIVILEGES ON {place}.* FROM {name}@localhost")
    with engine.connect() as connection:
        problems = Installer(connection).check_privileges([SPEC])
        connection.rollback()
        if named_too:
            assert [item.privilege for item in problems] == ["TRIGGER"]
            with pytest.raises(TriggerError, match="TRIGGER command denied"):
                Installer(connection).install([SPEC])
        else:
            assert problems == []
            assert [item.verb for item in Installer(connection).install([SPEC])] == ["create"]


@pytest.mark.mariadb
def test_mariadb_a_role_may_bring_the_privilege(mariadb_user: tuple[Database, sa.engine.Engine]) -> None:
    owner, engine = mariadb_user
    name = engine.url.username
    run(
        owner.engine,
        f"CREATE ROLE r{name}",
        f"GRANT TRIGGER ON {engine.url.database}.* TO r{name}",
        f"GRANT r{name} TO {name}@localhost",
        f"SET DEFAULT ROLE r{name} FOR {name}@localhost",
    )
    try:
        with engine.connect() as connection:
            assert Installer(connection).check_privileges([SPEC]) == []
            connection.rollback()
            assert [item.verb for item in Installer(connection).install([SPEC])] == ["create"]
    finally:
        run(owner.engine, f"DROP ROLE r{name}")
