"""Whatever id Keystone's tables take, a trigger takes, too; what can't travel is named and stays."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.clock import SystemClock
from keystone_viaduct.kinds.model import Kind
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import KEY_SIZE
from keystone_viaduct.sync.capture.marking import Marking
from keystone_viaduct.sync.model import Held, Ref
from keystone_viaduct.sync.site import Site
from keystone_viaduct.sync.store import SqlStore, SqlTransaction
from tests.integration.store.witness import forget_marks, marked

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb")

ODD = ["/", "%", "a/%2F", "é/", "%~%s/", "\\'\"/"]


def longest(kind: Kind, tx: SqlTransaction, text: str) -> dict[str, Any]:
    """A row of the kind's first table whose key columns are as long as they may be."""
    source = kind.sources[0]
    columns = tx.codecs.schema.columns[source.table]
    row: dict[str, Any] = dict.fromkeys(columns) | dict(source.where)
    for name in source.key:
        size = int(getattr(columns[name].type, "length", None) or 0)
        numeric = isinstance(columns[name].type, (sa.Boolean, sa.Integer))
        fixed = name == "type" and kind.name == "assignment"
        row[name] = True if numeric else "UserProject" if fixed else (text * size)[:size]
    return row


@pytest.mark.parametrize("text", ODD)
def test_the_longest_key_of_every_kind_is_marked_as_it_is(site: SqlStore, text: str) -> None:
    def work(tx: SqlTransaction) -> None:
        marking = Marking(tx.codecs.schema)
        for kind in REGISTRY.values():
            if kind.insert_only or kind.sources[0].via:
                continue
            row = longest(kind, tx, text)
            key = kind.make_key(*(row[name] for name in kind.sources[0].key))
            marking.inserted(tx.connection, kind.sources[0].table, [row])
            assert Ref(kind.name, key) in marked(tx)
            assert len(key) <= KEY_SIZE
            forget_marks(tx)

    site.run(work)


def state_of(store: SqlStore) -> tuple[set[str], dict[str, str]]:
    """After numbering: the ids of the live regions' records, and what is put aside."""
    Site(store, SystemClock()).state()

    def look(tx: SqlTransaction) -> tuple[set[str], dict[str, str]]:
        found = [record.ref for record in tx.feed(0, 1000, None) if not record.deleted]
        held: list[Held] = list(tx.held(100))
        ids = {REGISTRY["region"].split_key(ref.key)[0] for ref in found if ref.kind == "region"}
        return ids, {item.ref.key: item.why for item in held}

    return store.read(look)


def region(store: SqlStore, *statements: str, **values: Any) -> None:
    with store.engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement), values)


INSERT = "INSERT INTO region (id, description, parent_region_id, extra) VALUES (:id, '', :parent, '{}')"
UPDATE = "UPDATE region SET description = 'new' WHERE id = :id"
MOVE = "UPDATE region SET id = :to WHERE id = :id"
DELETE = "DELETE FROM region WHERE id = :id"


@pytest.mark.parametrize("text", ["/" * 255, "%" * 255, "a/" * 127, "%2F" * 85])
def test_a_region_of_the_longest_id_is_numbered_changed_moved_and_deleted(site: SqlStore, text: str) -> None:
    region(site, INSERT, id=text, parent=None)
    region(site, INSERT, id="below", parent=text)
    assert state_of(site) == ({text, "below"}, {})
    region(site, UPDATE, id=text)
    region(site, MOVE, id=text, to=text[:-1])
    assert state_of(site) == ({text[:-1], "below"}, {})
    (document,) = site.read(
        lambda tx: tx.documents([Ref("region", REGISTRY["region"].make_key(text[:-1]))])
    ).values()
    assert (document["id"], document["description"]) == (text[:-1], "new")
    region(site, DELETE, id=text[:-1])
    assert state_of(site) == ({"below"}, {})


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("text", ["x" * 701, "/" * 400])
def test_sqlite_takes_ids_that_can_not_travel_and_they_are_named_until_they_are_gone(
    site: SqlStore, text: str
) -> None:
    region(site, INSERT, id=text, parent=None)
    region(site, INSERT, id="other", parent=None)
    (name, why), *rest = (state_of(site))[1].items()
    assert not rest and len(name) > KEY_SIZE and "longer than 700" in why
    region(site, UPDATE, id=text)
    ids, aside = state_of(site)
    assert (ids, set(aside)) == ({"other"}, {name})
    region(site, DELETE, id=text)
    assert state_of(site) == ({"other"}, {})
    assert not site.read(marked)


RAW = "CAST(x'636166e9' AS TEXT)"
TORN = "caf\\xe9"


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_an_id_that_is_no_utf8_stops_nothing_and_is_named_until_it_is_gone(site: SqlStore) -> None:
    """SQLite takes any bytes for a text, and whoever reads them fails; Keystone too."""
    for name in ("before", "cage", "z"):
        region(site, INSERT, id=name, parent=None)
    region(site, INSERT.replace(":id", RAW), parent=None)
    region(site, INSERT.replace(":parent", RAW), id="below")
    ids, aside = state_of(site)
    assert ids == {"before", "cage", "z"}
    assert aside.keys() == {TORN, "below"} and all("not UTF-8" in why for why in aside.values())
    region(site, UPDATE.replace(":id", RAW))
    assert state_of(site) == (ids, aside)
    assert site.read(lambda tx: tx.row_keys("region", TORN, 2)) == ["cage", "z"]
    whole = Site(site, SystemClock())
    whole.retry()
    while not whole.sweep(2).finished:
        pass
    assert state_of(site) == (ids, aside) and not site.read(marked)
    region(
        site,
        "UPDATE region SET parent_region_id = NULL WHERE id = 'below'",
        f"DELETE FROM region WHERE id = {RAW}",
    )
    assert state_of(site) == ({*ids, "below"}, {})
    region(site, INSERT, id=TORN, parent=None)
    assert state_of(site) == ({*ids, "below", TORN}, {}), "that is a name as any other"


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("column", ["description", "extra"])
def test_a_value_that_is_no_utf8_puts_its_record_aside(site: SqlStore, column: str) -> None:
    region(site, INSERT, id="torn", parent=None)
    region(site, f"UPDATE region SET {column} = {RAW} WHERE id = 'torn'")
    region(site, INSERT, id="other", parent=None)
    ids, aside = state_of(site)
    assert ids == {"other"} and "not UTF-8" in aside["torn"]
    region(site, f"UPDATE region SET {column} = '{{}}' WHERE id = 'torn'")
    assert state_of(site) == ({"other", "torn"}, {})
