"""Document -> rows -> document, for every kind on every engine."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.kinds.registry import REGISTRY
from tests.unit.documents.world import items_of, one, variants

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb")

MUTABLE = [kind.name for kind in REGISTRY.values() if not kind.insert_only]
EXAMPLES = settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def count_rows(connection: sa.engine.Connection, kind: str) -> dict[str, int]:
    """Rows in each table of a kind."""
    return {
        table: connection.execute(sa.select(sa.func.count()).select_from(sa.table(table))).scalar_one()
        for table in REGISTRY[kind].tables
    }


@pytest.mark.parametrize("kind", REGISTRY)
def test_what_was_written_is_read_back(world: Codecs, connection: sa.engine.Connection, kind: str) -> None:
    expected = dict(items_of(kind))
    assert world.load(connection, kind, list(expected)) == expected


@pytest.mark.parametrize("kind", REGISTRY)
def test_samples_pass_their_own_check_and_name_known_fields(codecs: Codecs, kind: str) -> None:
    declared = REGISTRY[kind]
    for _, document in items_of(kind):
        declared.check(document)
        for name in document:
            pattern = any(name.startswith(prefix) for prefix in declared.patterns)
            assert pattern or name in codecs.fields(kind)


@pytest.mark.parametrize("kind", REGISTRY)
def test_an_absent_key_is_absent_from_the_result(
    codecs: Codecs, connection: sa.engine.Connection, kind: str
) -> None:
    key, _ = one(kind)
    assert codecs.load(connection, kind, [key]) == {}


@pytest.mark.parametrize("kind", MUTABLE)
def test_any_content_survives_a_change_and_leaves_nothing_when_deleted(
    world: Codecs, connection: sa.engine.Connection, kind: str
) -> None:
    key, document = one(kind)

    @EXAMPLES
    @given(data=st.data())
    def changes(data: Any) -> None:
        before = data.draw(variants(REGISTRY[kind], document))
        after = data.draw(variants(REGISTRY[kind], document))
        savepoint = connection.begin_nested()
        try:
            stored = world.load(connection, kind, [key])[key]
            world.write(connection, kind, key, stored, before)
            assert world.load(connection, kind, [key]) == {key: before}
            world.write(connection, kind, key, before, after)
            assert world.load(connection, kind, [key]) == {key: after}
        finally:
            savepoint.rollback()

    changes()


@pytest.mark.parametrize("kind", REGISTRY)
def test_deleting_a_record_removes_all_of_its_rows(
    codecs: Codecs, connection: sa.engine.Connection, kind: str
) -> None:
    order = list(REGISTRY)
    for name in order[: order.index(kind)]:
        codecs.insert_many(connection, name, items_of(name))
    before = count_rows(connection, kind)
    items = items_of(kind)
    codecs.insert_many(connection, kind, items)
    assert count_rows(connection, kind) != before
    codecs.delete(connection, kind, [key for key, _ in items])
    assert count_rows(connection, kind) == before


def test_deletion_in_reverse_order_satisfies_every_foreign_key(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    for kind in reversed(list(REGISTRY)):
        world.delete(connection, kind, [key for key, _ in items_of(kind)])
        assert world.keys(connection, kind, None, 10) == []


@pytest.mark.parametrize("kind", REGISTRY)
def test_a_record_can_be_deleted_and_made_again(
    world: Codecs, connection: sa.engine.Connection, kind: str
) -> None:
    for name in reversed(list(REGISTRY)):
        world.delete(connection, name, [key for key, _ in items_of(name)])
    for name in REGISTRY:
        world.insert_many(connection, name, items_of(name))
    assert world.load(connection, kind, [one(kind)[0]]) == dict([one(kind)])


@pytest.mark.parametrize("kind", REGISTRY)
def test_pages_of_keys_list_every_record_once(
    world: Codecs, connection: sa.engine.Connection, kind: str
) -> None:
    found: list[str] = []
    after = None
    while page := world.keys(connection, kind, after, 1):
        assert len(page) == 1
        found += page
        after = page[-1]
    assert sorted(found) == sorted(key for key, _ in items_of(kind))
    assert found == world.keys(connection, kind, None, 100)


@pytest.mark.parametrize("kind", REGISTRY)
def test_locking_returns_the_records_that_are_there(
    world: Codecs, connection: sa.engine.Connection, kind: str
) -> None:
    keys = [key for key, _ in items_of(kind)]
    assert sorted(world.lock(connection, kind, keys)) == sorted(keys)
    world.delete(connection, "project_endpoint", [k for k, _ in items_of("project_endpoint")])
    assert world.lock(connection, "project_endpoint", [one("project_endpoint")[0]]) == []


def test_an_update_writes_nothing_when_nothing_differs(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    written: list[str] = []

    def note(_c: Any, _k: Any, statement: str, *_rest: Any) -> None:
        if not statement.lstrip().upper().startswith("SELECT"):
            written.append(statement)

    sa.event.listen(connection, "before_cursor_execute", note)
    for kind in REGISTRY:
        for key, document in items_of(kind):
            world.write(connection, kind, key, document, dict(document))
    sa.event.remove(connection, "before_cursor_execute", note)
    assert written == []


def test_fields_of_another_release_are_passed_over(world: Codecs, connection: sa.engine.Connection) -> None:
    key, document = one("role")
    world.write(connection, "role", key, document, {**document, "colour": "red", "later.name": 1})
    assert world.load(connection, "role", [key]) == {key: document}
    key, group = one("group")
    world.delete(connection, "membership", [one("membership")[0]])
    world.delete(connection, "expiring_membership", [one("expiring_membership")[0]])
    world.delete(connection, "group", [key])
    world.insert_many(connection, "group", [(key, {**group, "colour": "red"})])
    assert world.load(connection, "group", [key]) == {key: group}


def test_a_tree_of_projects_is_written_and_removed_in_any_order(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    _, project = one("project")
    chain = [f"deep{number}" for number in range(6)]
    items = [
        (name, {**project, "id": name, "name": name, "parent_id": chain[at - 1] if at else project["id"]})
        for at, name in enumerate(chain)
    ]
    shuffled = [items[at] for at in (3, 5, 0, 4, 1, 2)]
    world.insert_many(connection, "project", shuffled)
    assert world.load(connection, "project", chain) == dict(items)
    world.delete(connection, "project", [chain[at] for at in (0, 3, 1, 5, 2, 4)])
    assert world.load(connection, "project", chain) == {}
