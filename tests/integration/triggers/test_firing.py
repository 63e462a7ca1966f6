"""What compiled triggers do on real databases."""

from __future__ import annotations

import time

import pytest
import sqlalchemy as sa

from keystone_viaduct.triggers import (
    Event,
    Timing,
    TriggerSpec,
    assign,
    has_changed,
    key_text,
    new,
    now_microseconds,
    old,
)
from tests.golden.triggers.examples import SPECS, dirty, mark, mark_trusts, trust, user
from tests.integration.triggers.conftest import Database

BY_NAME = {spec.name: spec for spec in SPECS}


def on_user(event: Event, *body: object, timing: Timing = Timing.AFTER, **more: object) -> TriggerSpec:
    """A trigger on ``user``."""
    return TriggerSpec("viaduct_test", user, event, timing, body=body, **more)  # type: ignore[arg-type]


MARK_OLD = mark("user", key_text(old(user.c.id)))
MARK_NEW = mark("user", key_text(new(user.c.id)))


def add_user(**values: object) -> sa.sql.dml.Insert:
    """An INSERT of user ``a``."""
    return user.insert().values(**{"id": "a", **values})


def test_every_example_can_be_installed_and_used_together(database: Database) -> None:
    database.install(*SPECS)
    database.run(
        add_user(name="ann", limit=5),
        trust.insert().values(id=1, user_id="a", kind="two", impersonation=True),
        user.update().values(name="bob"),
    )
    assert database.rows(user.c.name, user.c.full_name) == [("bob", "BOB")]
    marks = database.marks()
    # SQLite has more marks: there an assignment is an UPDATE, which fires triggers of its own.
    assert {("trust", "1/a%2Fb/two/1"), ("user", "bob"), ("user", "a")} <= set(marks)
    assert marks.count(("user", "a")) == 2
    database.run(user.delete())
    marks = database.marks()
    assert ("trust", "1/two") in marks
    assert (
        "50%",
        "it's a \\ back\\'slash, a \"quote\", a $viaduct$, 100 %s, a : and a ü \U0001f511",
    ) in marks


@pytest.mark.parametrize(
    ("column", "before", "after"),
    [
        ("enabled", True, False),
        ("enabled", None, False),
        ("enabled", True, None),
        ("group", "x", None),
        ("group", None, ""),
        ("group", "Case", "case"),
        ("group", "e", "é"),
        ("group", "trailing", "trailing "),
        ("limit", 0, None),
        ("limit", None, 0),
    ],
)
def test_a_real_change_fires(database: Database, column: str, before: object, after: object) -> None:
    database.install(on_user(Event.UPDATE, MARK_NEW, changed=(column,)))
    database.run(add_user(**{column: before}), user.update().values(**{column: after}))
    assert database.marks() == [("user", "a")]


@pytest.mark.parametrize(
    ("column", "value"),
    [("enabled", None), ("enabled", True), ("group", None), ("group", "x"), ("limit", None), ("limit", 3)],
)
def test_writing_the_same_value_or_another_column_does_not_fire(
    database: Database, column: str, value: object
) -> None:
    database.install(on_user(Event.UPDATE, MARK_NEW, changed=(column,)))
    database.run(
        add_user(**{column: value}),
        user.update().values(**{column: value}),
        user.update().values(name="other"),
    )
    assert database.marks() == []


def test_a_condition_narrows_the_changes_that_fire(database: Database) -> None:
    database.install(on_user(Event.UPDATE, MARK_NEW, changed=("limit",), when=new(user.c.limit) > 3))
    database.run(add_user(limit=1), user.update().values(limit=2))
    assert database.marks() == []
    database.run(user.update().values(limit=4))
    assert database.marks() == [("user", "a")]


def test_a_condition_can_look_into_other_tables(database: Database) -> None:
    holds = sa.exists().where(trust.c.user_id == new(user.c.id))
    database.install(on_user(Event.UPDATE, MARK_NEW, when=holds))
    database.run(add_user(), user.update().values(limit=2))
    assert database.marks() == []
    database.run(trust.insert().values(id=1, user_id="a"), user.update().values(limit=3))
    assert database.marks() == [("user", "a")]


def test_a_trigger_fires_for_each_row(database: Database) -> None:
    database.install(on_user(Event.INSERT, MARK_NEW))
    database.run(user.insert().values([{"id": "b"}, {"id": "c"}, {"id": "a/%"}]))
    assert database.marks() == [("user", "b"), ("user", "c"), ("user", "a%2F%25")]


def test_rows_that_a_cascade_will_remove_are_seen_before_the_delete(database: Database) -> None:
    database.install(on_user(Event.DELETE, mark_trusts(), MARK_OLD, timing=Timing.BEFORE))
    database.run(
        add_user(),
        trust.insert().values(
            [{"id": 1, "user_id": "a"}, {"id": 2, "user_id": "a"}, {"id": 3, "user_id": None}]
        ),
        user.delete(),
    )
    assert sorted(database.marks()) == [("trust", "1/"), ("trust", "2/"), ("user", "a")]
    assert database.rows(trust.c.id) == [(3,)]


def test_rows_removed_by_a_cascade_fire_their_own_trigger_but_not_on_innodb(database: Database) -> None:
    spec = TriggerSpec(
        "viaduct_trust_delete", trust, Event.DELETE, Timing.AFTER, (mark("trust", key_text(old(trust.c.id))),)
    )
    database.install(spec)
    database.run(add_user(), trust.insert().values(id=1, user_id="a"), user.delete())
    assert database.rows(trust.c.id) == []
    assert database.marks() == ([] if database.name == "mysql" else [("trust", "1")])


def test_what_is_rolled_back_leaves_no_mark(database: Database) -> None:
    database.install(on_user(Event.INSERT, MARK_NEW))
    with database.engine.connect() as connection:
        transaction = connection.begin()
        connection.execute(add_user())
        assert connection.execute(sa.select(sa.func.count()).select_from(dirty)).scalar() == 1
        transaction.rollback()
    assert database.marks() == []


def test_statements_of_the_body_run_in_order_and_can_update_and_delete(database: Database) -> None:
    database.install(
        on_user(
            Event.UPDATE,
            trust.update().where(trust.c.user_id == new(user.c.id)).values(impersonation=new(user.c.enabled)),
            trust.delete().where(trust.c.user_id == new(user.c.id), trust.c.id == 2),
        )
    )
    database.run(
        add_user(enabled=False),
        trust.insert().values([{"id": 1, "user_id": "a"}, {"id": 2, "user_id": "a"}]),
        user.update().values(enabled=True),
    )
    assert database.rows(trust.c.id, trust.c.impersonation) == [(1, True)]


def test_an_assignment_on_insert_fills_a_column(database: Database) -> None:
    database.install(BY_NAME["viaduct_user_fill"])
    database.run(add_user(name="ann"), user.insert().values(id="b", name="bob", full_name="Robert"))
    assert database.rows(user.c.name, user.c.full_name) == [("ann", "ANN"), ("bob", "Robert")]


@pytest.mark.parametrize("recursive", [False, True], ids=["plain", "recursive_triggers"])
def test_two_columns_are_kept_equal_both_ways_without_a_loop(database: Database, recursive: bool) -> None:
    if recursive and database.name != "sqlite":
        pytest.skip("a setting of SQLite")
    if recursive:
        sa.event.listen(
            database.engine,
            "connect",
            lambda connection, _: connection.execute("PRAGMA recursive_triggers = ON"),
        )
        database.engine.dispose()
    database.install(BY_NAME["viaduct_user_fill"], BY_NAME["viaduct_user_both_ways"])
    database.run(add_user(name="ann"))
    cases: list[tuple[dict[str, object], tuple[object, object]]] = [
        ({"name": "bob"}, ("bob", "BOB")),
        ({"full_name": "EVE"}, ("eve", "EVE")),
        ({"name": "kim", "full_name": "LOSES"}, ("kim", "KIM")),
        ({"limit": 3}, ("kim", "KIM")),
        ({"name": None}, (None, None)),
        ({"full_name": "ANN"}, ("ann", "ANN")),
    ]
    for values, result in cases:
        database.run(user.update().values(**values))
        assert database.rows(user.c.name, user.c.full_name) == [result]


def test_assignments_read_the_row_as_it_was_before_any_of_them(database: Database) -> None:
    spec = on_user(
        Event.UPDATE,
        assign(user.c.name, new(user.c.full_name)),
        assign(user.c.full_name, new(user.c.name)),
        timing=Timing.BEFORE,
        changed=("limit",),
    )
    database.install(spec)
    database.run(add_user(name="left", full_name="right"), user.update().values(limit=1))
    assert database.rows(user.c.name, user.c.full_name) == [("right", "left")]


def test_a_capturing_trigger_sees_what_an_assigning_trigger_changed(database: Database) -> None:
    capture = TriggerSpec(
        "viaduct_capture", user, Event.UPDATE, Timing.AFTER, (MARK_NEW,), changed=("full_name",)
    )
    database.install(BY_NAME["viaduct_user_both_ways"], capture)
    database.run(add_user(name="ann", full_name="ANN"), user.update().values(name="bob"))
    assert ("user", "a") in database.marks()


def test_has_changed_tells_which_column_was_written(database: Database) -> None:
    changed = sa.case((has_changed(user.c.name), "name"), else_="other")
    database.install(on_user(Event.UPDATE, mark("user", changed)))
    database.run(add_user(name="ann"), user.update().values(name="bob"), user.update().values(limit=1))
    assert database.marks() == [("user", "name"), ("user", "other")]


def test_the_clock_gives_microseconds_since_the_epoch(database: Database) -> None:
    database.install(on_user(Event.INSERT, MARK_NEW))
    before = time.time()
    database.run(add_user())
    with database.engine.connect() as connection:
        if database.name == "mysql":
            connection.execute(sa.text("SET time_zone = '+09:00'"))
        stamped = connection.execute(sa.select(dirty.c.stamped_at)).scalar()
        asked = connection.execute(sa.select(now_microseconds())).scalar()
    after = time.time()
    assert isinstance(stamped, int)
    assert isinstance(asked, int)
    assert before - 0.002 <= stamped / 1e6 <= after + 0.002
    assert stamped <= asked <= (after + 0.002) * 1e6


@pytest.mark.postgresql
def test_postgresql_a_writer_without_rights_or_search_path_is_not_stopped(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    database.install(on_user(Event.INSERT, MARK_NEW), BY_NAME["viaduct_trust_insert"])
    with database.engine.connect() as connection:
        transaction = connection.begin()
        connection.exec_driver_sql("CREATE ROLE viaduct_writer")
        connection.exec_driver_sql('GRANT INSERT ON public."user", public.trust TO viaduct_writer')
        connection.exec_driver_sql("SET LOCAL ROLE viaduct_writer")
        connection.exec_driver_sql("SET LOCAL search_path = pg_temp")
        connection.exec_driver_sql("INSERT INTO public.\"user\" (id) VALUES ('a')")
        connection.exec_driver_sql("INSERT INTO public.trust (id, kind) VALUES (1, 'one')")
        connection.exec_driver_sql("RESET ROLE")
        assert connection.exec_driver_sql("SELECT count(*) FROM public.viaduct_dirty").scalar() == 2
        transaction.rollback()
    database.engine.dispose()
