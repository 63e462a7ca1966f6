"""What commits is marked, and nothing else: of every kind, on each engine, by the codecs and by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from keystone_viaduct.kinds.model import Kind
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.store import SqlStore, SqlTransaction
from tests.integration.store.witness import differing, everything, forget_marks, marked
from tests.unit.documents.world import DOMAIN, GLOBAL_ROLE, USER, items_of, one, variants

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb")

MUTABLE = [kind.name for kind in REGISTRY.values() if not kind.insert_only]
TABLES = sorted({table for kind in REGISTRY.values() if not kind.insert_only for table in kind.tables})
EXAMPLES = settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@contextmanager
def rolled_back(store: SqlStore) -> Iterator[SqlTransaction]:
    """A transaction that is undone at the end."""
    with store.engine.connect() as connection:
        transaction = connection.begin()
        try:
            yield SqlTransaction(connection, store.ring, store.codecs)
        finally:
            transaction.rollback()


def test_a_new_record_of_every_kind_is_marked_once_and_alone(site: SqlStore) -> None:
    with rolled_back(site) as tx:
        for kind in site.codecs.kinds:
            site.codecs.insert_many(tx.connection, kind, items_of(kind))
            assert marked(tx) == {Ref(kind, key) for key, _ in items_of(kind)}
            forget_marks(tx)


@pytest.mark.parametrize("kind", MUTABLE)
def test_a_record_is_marked_when_its_content_changes(world: SqlStore, kind: str) -> None:
    key, document = one(kind)
    codecs = world.codecs

    @EXAMPLES
    @given(data=st.data())
    def changes(data: Any) -> None:
        before = data.draw(variants(REGISTRY[kind], document))
        after = data.draw(variants(REGISTRY[kind], document))
        with rolled_back(world) as tx:
            codecs.write(tx.connection, kind, key, codecs.load(tx.connection, kind, [key])[key], before)
            forget_marks(tx)
            stored = codecs.load(tx.connection, kind, [key])
            codecs.write(tx.connection, kind, key, before, after)
            assert marked(tx) <= {Ref(kind, key)}
            if codecs.load(tx.connection, kind, [key]) != stored:  # a release may lack the changed column
                assert marked(tx) == {Ref(kind, key)}

    changes()


def test_a_deleted_record_of_every_kind_is_marked(world: SqlStore) -> None:
    with rolled_back(world) as tx:
        for kind in reversed(world.codecs.kinds):
            keys = [key for key, _ in items_of(kind)]
            world.codecs.delete(tx.connection, kind, keys)
            expected = set() if REGISTRY[kind].insert_only else {Ref(kind, key) for key in keys}
            assert marked(tx) == expected
            forget_marks(tx)


@pytest.mark.parametrize("table", TABLES)
def test_every_row_deleted_by_hand_leaves_marks_of_all_that_has_changed(world: SqlStore, table: str) -> None:
    """What the database removes along with it included; a statement that it refuses changes nothing."""
    with rolled_back(world) as tx:
        before = everything(tx)
        savepoint = tx.connection.begin_nested()
        try:
            condition = " WHERE id <> '<<keystone.domain.root>>'" if table == "project" else ""
            quoted = tx.connection.dialect.identifier_preparer.quote(table)
            tx.connection.exec_driver_sql(f"DELETE FROM {quoted}{condition}")
        except sa.exc.IntegrityError:
            savepoint.rollback()
        changed = differing(before, everything(tx))
        assert changed <= marked(tx)
        # On SQLite what is removed by hand out of its turn leaves rows of the same record behind.
        if tx.connection.dialect.name != "sqlite":
            assert marked(tx) == changed


@pytest.mark.parametrize(
    "kind", [kind for kind in REGISTRY.values() if kind.cascades], ids=lambda kind: kind.name
)
def test_what_a_foreign_key_removes_goes_on_every_engine(world: SqlStore, kind: Kind) -> None:
    table = sa.table(kind.table, *(sa.column(name) for name in world.codecs.schema.columns[kind.table]))
    for cascade in (item for item in kind.cascades if item.enforced):
        rows = sa.table(cascade.table, *(sa.column(there) for there, _ in cascade.join))
        joined = [rows.c[there] == table.c[here] for there, here in cascade.join]
        with rolled_back(world) as tx:
            # on SQLite alone it refers to its role by a foreign key; Keystone removes it first
            tx.connection.exec_driver_sql("DELETE FROM assignment")
            before = everything(tx)
            owned = sa.exists(sa.select(1).select_from(rows).where(*joined))
            assert tx.connection.scalar(sa.select(sa.func.count()).select_from(table).where(owned))
            tx.connection.execute(sa.delete(table).where(owned))
            orphans = sa.select(sa.func.count()).select_from(rows)
            assert not tx.connection.scalar(
                orphans.where(~sa.exists(sa.select(1).select_from(table).where(*joined)))
            )
            changed = {ref for ref in differing(before, everything(tx)) if ref.kind == cascade.kind}
            assert changed
            assert changed <= marked(tx)


def test_a_moved_row_marks_both_records(world: SqlStore) -> None:
    with rolled_back(world) as tx:
        tx.connection.exec_driver_sql("UPDATE project_tag SET project_id = 'x' WHERE 1 = 0")
        tx.connection.execute(
            sa.text("UPDATE user_group_membership SET user_id = :new WHERE user_id = :old"),
            {"new": "b" * 64, "old": USER},
        )
        assert marked(tx) == {
            Ref("membership", f"{USER}/{'g' * 32}"),
            Ref("membership", f"{'b' * 64}/{'g' * 32}"),
        }


def test_a_failed_log_in_leaves_no_mark(world: SqlStore) -> None:
    with rolled_back(world) as tx:
        tx.connection.execute(
            sa.text("UPDATE local_user SET failed_auth_count = 3, failed_auth_at = :now"),
            {"now": "2026-01-01 00:00:00"},
        )
        assert marked(tx) == set()


def test_the_last_log_in_is_marked_once_a_day(world: SqlStore) -> None:
    with rolled_back(world) as tx:
        for day, expected in (
            ("2027-01-01", {Ref("user", USER)}),
            ("2027-01-01", set()),
            ("2027-01-02", {Ref("user", USER)}),
        ):
            tx.connection.execute(
                sa.text(f"UPDATE {_quoted(tx, 'user')} SET last_active_at = :day WHERE id = :id"),
                {"day": day, "id": USER},
            )
            assert marked(tx) == expected
            forget_marks(tx)


def test_a_statement_that_changes_nothing_leaves_no_mark(world: SqlStore) -> None:
    with rolled_back(world) as tx:
        tx.connection.execute(sa.text("UPDATE role SET name = name, description = description"))
        tx.connection.execute(sa.text(f"UPDATE {_quoted(tx, 'group')} SET name = name"))
        assert marked(tx) == set()


def test_what_is_rolled_back_leaves_no_mark(world: SqlStore) -> None:
    with rolled_back(world) as tx:
        tx.connection.execute(sa.text("UPDATE role SET name = 'other' WHERE id = :id"), {"id": GLOBAL_ROLE})
        assert marked(tx) == {Ref("role", GLOBAL_ROLE)}
    assert world.run(marked) == set()


def test_pruned_revocation_events_leave_no_mark(world: SqlStore) -> None:
    with rolled_back(world) as tx:
        tx.connection.execute(sa.text("DELETE FROM revocation_event"))
        assert marked(tx) == set()


def test_the_root_domain_is_never_marked(world: SqlStore) -> None:
    with rolled_back(world) as tx:
        tx.connection.execute(
            sa.text("UPDATE project SET description = 'touched' WHERE id = '<<keystone.domain.root>>'")
        )
        assert marked(tx) == set()
        tx.connection.execute(
            sa.text("UPDATE project SET description = 'touched' WHERE id = :id"), {"id": DOMAIN}
        )
        assert marked(tx) == {Ref("domain", DOMAIN)}


def test_stamps_are_the_databases_time_in_microseconds(world: SqlStore) -> None:
    import time

    with rolled_back(world) as tx:
        start = time.time_ns() // 1000
        tx.connection.execute(sa.text("UPDATE role SET name = 'other' WHERE id = :id"), {"id": GLOBAL_ROLE})
        (mark,) = tx.take_marks(10)
        assert abs(mark.stamped_at - start) < 10_000_000


def _quoted(tx: SqlTransaction, name: str) -> str:
    return str(tx.connection.dialect.identifier_preparer.quote(name))
