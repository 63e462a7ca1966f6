"""What the store promises when several are at work on a real database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.errors import LeaseHeld, NotInitialised, StoreError, StoreUnavailable
from keystone_viaduct.sync.model import Checkpoint, Conflict, Pending, Record, Ref
from keystone_viaduct.sync.sealing import KeyRing
from keystone_viaduct.sync.store import SqlStore, SqlTransaction, make_engine, schema, tables
from keystone_viaduct.testing.conformance.samples import NOW, change, record
from tests.support.databases import DatabaseScope

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb")


def together(*works: Callable[[], Any]) -> list[Any]:
    """Run all in threads of their own; raises what one of them raised."""
    results: list[Any] = [None] * len(works)
    errors: list[Exception] = []

    def run(number: int, work: Callable[[], Any]) -> None:
        try:
            results[number] = work()
        except Exception as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    threads = [threading.Thread(target=run, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if errors:
        raise errors[0]
    return results


def test_the_migrated_tables_are_those_of_the_queries(database_url: str) -> None:
    engine = make_engine(database_url)
    assert schema.upgrade(engine) is True
    assert schema.upgrade(engine) is False
    inspector = sa.inspect(engine)
    for table in tables.metadata.tables.values():
        there = {column["name"]: column for column in inspector.get_columns(table.name)}
        assert list(there) == [column.name for column in table.columns]
        for column in table.columns:
            assert there[column.name]["nullable"] == column.nullable
            wanted = column.type.compile(engine.dialect).split(" CHARACTER SET")[0]
            assert _same_type(str(there[column.name]["type"]), wanted)
        key = inspector.get_pk_constraint(table.name)["constrained_columns"]
        assert key == [column.name for column in table.primary_key.columns]
        indexes = {item["name"]: item["column_names"] for item in inspector.get_indexes(table.name)}
        assert indexes == {
            str(index.name): [column.name for column in index.columns] for index in table.indexes
        }
    schema.remove(engine)
    assert not [name for name in sa.inspect(engine).get_table_names() if name.startswith("viaduct")]
    engine.dispose()


def _same_type(found: str, wanted: str) -> bool:
    alike = {"BOOL": "TINYINT(1)", "DOUBLE PRECISION": "DOUBLE"}
    return found.split(" ")[0].replace("TINYINT", "TINYINT(1)").replace("(1)(1)", "(1)") in (
        wanted,
        alike.get(wanted, wanted),
    )


def test_one_transaction_at_a_time_holds_the_site(site: SqlStore) -> None:
    def number() -> None:
        def work(tx: SqlTransaction) -> None:
            state = tx.state()
            tx.save_records([record(Ref("user", f"u{state.head}"), state.head + 1)])
            tx.save_state(replace(state, head=state.head + 1, nonce=f"n{state.head + 1}"))

        for _ in range(5):
            site.run(work)

    together(number, number, number)
    assert site.read(lambda tx: tx.known_state().head) == 15
    assert [item.seq for item in site.read(lambda tx: tx.feed(0, 100, None))] == list(range(1, 16))
    assert site.read(lambda tx: tx.nonce_at(7)) == "n7"


def test_what_others_commit_meanwhile_is_seen(site: SqlStore) -> None:
    """READ COMMITTED: marks that were written after our transaction began are found."""
    if site.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time: there is no meanwhile")
    ref = Ref("user", "u1")

    def work(tx: SqlTransaction) -> tuple[int, int]:
        before = len(tx.take_marks(10))
        together(lambda: site.run(lambda other: other.add_marks([ref], NOW)))
        return before, len(tx.marks_of([ref]))

    assert site.run(work) == (0, 1)


def test_a_deadlock_is_run_again_until_both_are_done(site: SqlStore) -> None:
    if site.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time: there is no deadlock")
    one, two = Ref("service", "s1"), Ref("service", "s2")
    document = {**site.codecs.defaults("service"), "type": "x", "enabled": True}

    def fill(tx: SqlTransaction) -> None:
        items = [(ref.key, {**document, "id": ref.key}) for ref in (one, two)]
        tx.codecs.insert_many(tx.connection, "service", items)

    site.run(fill)
    met, attempts = threading.Barrier(2, timeout=30), []

    def cross(first: Ref, second: Ref) -> Callable[[], None]:
        def work(tx: SqlTransaction) -> None:
            attempts.append(first)
            tx.lock_documents([first])
            if len(attempts) <= 2:
                met.wait()
            tx.lock_documents([second])

        return lambda: site.run(work)

    together(cross(one, two), cross(two, one))
    assert len(attempts) >= 3


def test_a_record_created_by_another_meanwhile_is_seen_by_the_next_attempt(site: SqlStore) -> None:
    ref, attempts = Ref("service", "s1"), []
    document = {**site.codecs.defaults("service"), "id": "s1", "type": "x", "enabled": True}

    def work(tx: SqlTransaction) -> bool:
        attempts.append(1)
        there = ref in tx.documents([ref])
        if len(attempts) == 1:
            raise sa.exc.IntegrityError("INSERT", {}, Exception("duplicate"))
        return there

    site.run(lambda tx: tx.codecs.insert_many(tx.connection, "service", [("s1", document)]))
    assert site.run(work) is True and len(attempts) == 2


def test_secrets_are_never_readable_in_our_tables(site: SqlStore) -> None:
    secret = "hunter2-hunter2"
    held = Pending("west", change(Ref("user", "u1"), 3, {"passwords": [secret]}), "waits")
    lost = Conflict("c1", Ref("user", "u1"), "concurrent", "hub", "why", (), "west", NOW, {"blob": secret})
    kept: Record = replace(record(Ref("user", "u1"), 1), unknown={"extra.token": secret})

    def work(tx: SqlTransaction) -> None:
        tx.save_pending("west", [held], [])
        tx.add_conflicts([lost])
        tx.save_records([kept])

    site.run(work)
    assert site.read(lambda tx: (tx.pending("west"), tx.conflicts(9))) == ([held], [lost])
    fleet_secret = site.read(lambda tx: tx.known_state().fleet_secret)
    with site.engine.connect() as connection:
        for table in tables.metadata.tables.values():
            for row in connection.execute(sa.select(table)):
                for value in row:
                    stored = bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode()
                    assert secret.encode() not in stored and fleet_secret not in stored


def test_conflicts_are_listed_the_latest_first_and_the_open_ones_alone(site: SqlStore) -> None:
    rows = [
        Conflict(
            f"c{n}", Ref("user", "u"), "s", "hub", "why", ("name",), "west", NOW + n, {}, open=bool(n % 2)
        )
        for n in range(4)
    ]
    site.run(lambda tx: tx.add_conflicts(rows))
    assert [item.id for item in site.read(lambda tx: tx.conflicts(3))] == ["c3", "c2", "c1"]
    assert site.read(lambda tx: tx.conflicts(9, open_only=True)) == [rows[3], rows[1]]
    assert site.read(lambda tx: tx.count_conflicts()) == (2, 4)


def test_counts_of_everything(site: SqlStore) -> None:
    dead = record(Ref("user", "u2"), 2, deleted=True)
    site.run(lambda tx: tx.save_records([record(Ref("user", "u1"), 1), dead, record(Ref("group", "g"), 3)]))
    site.run(lambda tx: tx.add_marks([Ref("user", "u1"), Ref("user", "u2")], NOW))
    site.run(lambda tx: tx.save_checkpoint("west", Checkpoint("1", 2, "n")))
    assert site.read(lambda tx: tx.count_records()) == {"user": (1, 1), "group": (1, 0)}
    assert site.read(lambda tx: tx.count_marks()) == (2, NOW)
    assert site.read(lambda tx: tx.checkpoints()) == {"west": Checkpoint("1", 2, "n")}
    assert site.read(lambda tx: tx.count_pending()) == {}
    assert site.read(lambda tx: tx.count_reasons()) == {}


def test_of_two_agents_one_has_the_lease(site: SqlStore) -> None:
    first = site.run(lambda tx: tx.acquire_lease("agent", "a", now=100, until=200))
    with pytest.raises(LeaseHeld) as caught:
        site.run(lambda tx: tx.acquire_lease("agent", "b", now=150, until=250))
    assert caught.value.fields["holder"] == "a" and caught.value.hint
    renewed = site.run(lambda tx: tx.acquire_lease("agent", "a", now=180, until=300))
    assert (first.generation, renewed.generation, renewed.until) == (1, 1, 300)
    taken = site.run(lambda tx: tx.acquire_lease("agent", "b", now=301, until=400))
    assert (taken.holder, taken.generation) == ("b", 2)
    site.run(lambda tx: tx.release_lease("agent", "a"))
    assert site.run(lambda tx: tx.lease("agent")) == taken
    site.run(lambda tx: tx.release_lease("agent", "b"))
    assert site.run(lambda tx: tx.acquire_lease("agent", "a", now=302, until=400)).generation == 3


def test_a_clock_that_was_set_back_does_not_make_a_lease_longer(site: SqlStore) -> None:
    site.run(lambda tx: tx.acquire_lease("agent", "a", now=100_000, until=100_100))
    with pytest.raises(LeaseHeld):  # set back a little, as clocks are
        site.run(lambda tx: tx.acquire_lease("agent", "b", now=99_950, until=100_050))
    taken = site.run(lambda tx: tx.acquire_lease("agent", "b", now=10_000, until=10_100))
    assert (taken.holder, taken.until, taken.generation) == ("b", 10_100, 2)
    with pytest.raises(LeaseHeld):
        site.run(lambda tx: tx.acquire_lease("agent", "a", now=10_050, until=10_150))


def test_a_database_without_our_tables_says_so(keystone_url: str) -> None:
    engine = make_engine(keystone_url)
    codecs: Any = None
    store = SqlStore(engine, KeyRing.generate(), codecs)
    with pytest.raises(NotInitialised, match="no viaduct tables") as caught:
        store.run(lambda tx: tx.state())
    assert "viaduct init" in caught.value.hint
    with engine.connect() as connection, pytest.raises(NotInitialised):
        schema.check_current(connection)
    schema.upgrade(engine)
    with pytest.raises(NotInitialised, match="no site"):
        store.run(lambda tx: tx.state())
    engine.dispose()


def test_tables_of_a_newer_release_are_left_alone(database_url: str) -> None:
    engine = make_engine(database_url)
    schema.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {tables.VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(StoreError, match="does not know"):
        schema.upgrade(engine)
    with engine.connect() as connection, pytest.raises(StoreError, match="9999"):
        schema.check_current(connection)
    engine.dispose()


@pytest.mark.postgresql
def test_a_server_that_does_not_answer_is_unavailable(tmp_path: Any, database_scope: DatabaseScope) -> None:
    codecs: Any = None
    store = SqlStore(make_engine(f"postgresql+psycopg2://x@/y?host={tmp_path}"), KeyRing.generate(), codecs)
    with pytest.raises(StoreUnavailable, match="can't be reached"):
        store.run(lambda tx: tx.state())
