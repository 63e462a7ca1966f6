"""All records of a Keystone from one engine to another: SQL databases, tables in memory, a real Cassandra."""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct import sql
from keystone_viaduct.cassandra.session import Session
from keystone_viaduct.cassandra.settings import Settings
from keystone_viaduct.cassandra.transfer import move
from keystone_viaduct.cassandra.transfer.folder import Folder, Manifest
from keystone_viaduct.cassandra.transfer.of_sql import SqlStore
from keystone_viaduct.cassandra.transfer.ports import Store
from keystone_viaduct.cli.main import main
from keystone_viaduct.documents.cipher import KeyRepositoryCipher
from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.documents.schema import reflect
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.store import make_engine
from keystone_viaduct.testing.cassandra.memory import MemoryTables
from tests.support.without_sql import without_sql
from tests.unit.cassandra.test_transfer import CIPHER, filled, silent, store_of
from tests.unit.documents.world import items_of

KeystoneDatabase = Callable[[str], str]


@pytest.fixture
def over_sql(keystone_database: KeystoneDatabase) -> Iterator[Callable[[str], SqlStore]]:
    """``over_sql("postgresql")``: a database migrated by Keystone, with nothing in it."""
    engines = []

    def make(name: str) -> SqlStore:
        engine = make_engine(keystone_database(name))  # SQLite keeps references only where it is asked to
        sql.prepare(engine)
        engines.append(engine)
        return SqlStore(name, engine, Codecs(reflect(engine), CIPHER, with_local=True))

    yield make
    for engine in engines:
        engine.dispose()


def digests(manifest: Manifest) -> dict[str, tuple[int, str]]:
    """By kind, of those of which there is anything."""
    return {kind: (k.count, k.digest) for kind, k in manifest.kinds.items() if k.count}


def carried(source: Store, target: Store, path: Path) -> dict[str, tuple[int, str]]:
    """All records of one brought to the other; what was exported."""
    folder = Folder(path, CIPHER)
    made = digests(move.export(source, folder, silent))
    result = move.put_all(target, folder, silent)
    assert result.equal, (result.named, {k: c.named for k, c in result.compared.items() if not c.equal})
    return made


@pytest.mark.parametrize(
    ("first", "last"),
    [
        pytest.param("sqlite", "postgresql", marks=pytest.mark.postgresql),
        pytest.param("mariadb", "sqlite", marks=pytest.mark.mariadb),
        pytest.param("postgresql", "mariadb", marks=[pytest.mark.postgresql, pytest.mark.mariadb]),
    ],
)
def test_from_one_database_to_records_and_on_to_another_all_digests_are_the_same(
    over_sql: Callable[[str], SqlStore], tmp_path: Path, first: str, last: str
) -> None:
    source, target = over_sql(first), over_sql(last)
    for kind in source.kinds:
        assert source.put(kind, items_of(kind)) == []
    records = store_of(MemoryTables())
    one = carried(source, records, tmp_path / "one")
    assert set(one) == set(REGISTRY)
    two = carried(records, target, tmp_path / "two")
    three = digests(move.export(target, Folder(tmp_path / "three", CIPHER), silent))
    assert one == two == three


def test_what_a_database_refuses_is_named_and_the_rest_is_brought(
    over_sql: Callable[[str], SqlStore], tmp_path: Path
) -> None:
    """A membership whose group is gone, as two clients leave it that die at once."""
    tables = filled()
    source, target = store_of(tables), over_sql("sqlite")
    _, member = items_of("membership")[0]
    dangling = {**member, "group_id": "gone"}
    source.put("membership", [(REGISTRY["membership"].key_of(dangling), dangling)])
    folder = Folder(tmp_path / "export", CIPHER)
    move.export(source, folder, silent)
    result = move.put_all(target, folder, silent)
    assert result.refused == {"membership": 1} and not result.equal
    assert result.named[0].startswith(f"membership/{member['user_id']}/gone: ")
    unequal = {kind: each for kind, each in result.compared.items() if not each.equal}
    assert {kind: each.missing for kind, each in unequal.items()} == {"membership": 1}


def test_projects_below_each_other_go_in_whatever_order_they_come(
    over_sql: Callable[[str], SqlStore], tmp_path: Path
) -> None:
    tables = filled()
    source, target = store_of(tables), over_sql("sqlite")
    _, project = items_of("project")[0]
    parent = str(project["id"])
    for number in range(40):
        key = f"{number:032x}"[::-1]
        made = {**project, "id": key, "name": f"p{number}", "parent_id": parent}
        source.put("project", [(key, made)])
        parent = key
    assert carried(source, target, tmp_path / "export")["project"][0] == 40 + len(items_of("project"))


@pytest.mark.cassandra
@pytest.mark.postgresql
@pytest.mark.keystone
def test_the_commands_bring_a_keystone_from_sqlite_to_cassandra_and_on_to_postgresql(
    cassandra_node: str,
    keystone_database: KeystoneDatabase,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    keyspace = f"k{uuid.uuid4().hex[:8]}"
    urls = {name: keystone_database(name) for name in ("sqlite", "postgresql")}
    home = without_sql(tmp_path / "home", cassandra_node, keyspace)
    text = home.config.read_text()
    nowhere = f"sqlite:///{home.folder}/nowhere/keystone.db"
    sqlite = sa.create_engine(urls["sqlite"])
    store = SqlStore("sqlite", sqlite, Codecs(reflect(sqlite), KeyRepositoryCipher(home.folder)))
    for kind in store.kinds:
        items = items_of(kind)
        if kind == "revocation_event":  # one of today
            items = [(k, {**d, "issued_before": _today(), "revoked_at": _today()}) for k, d in items]
            items = [(REGISTRY[kind].key_of(d), d) for _, d in items]
        assert store.put(kind, items) == []
    sqlite.dispose()

    def viaduct(*arguments: str, database: str = nowhere) -> tuple[int, dict[str, Any], str]:
        home.config.write_text(text.replace(nowhere, database))
        code = main(["cassandra", *arguments, "--json", "--config-file", str(home.config)])
        seen = capsys.readouterr()
        return code, json.loads(seen.out) if seen.out.strip() else {}, seen.err

    folders = [str(tmp_path / name) for name in ("one", "two", "three")]
    try:
        code, one, _ = viaduct("export", folders[0], "--engine", "sql", database=urls["sqlite"])
        assert code == 0
        assert viaduct("import", folders[0])[0] != 0, "there is no keyspace yet"
        assert viaduct("init", "--replicas", "dc1=1")[0] == 0
        code, done, said = viaduct("import", folders[0])
        assert (code, done["equal"], done["refused"]) == (0, True, {}), said
        code, two, _ = viaduct("export", folders[1])
        code, done, said = viaduct("import", folders[1], "--engine", "sql", database=urls["postgresql"])
        assert (code, done["equal"]) == (0, True), said
        code, three, _ = viaduct("export", folders[2], "--engine", "sql", database=urls["postgresql"])
        assert one["kinds"] == two["kinds"] == three["kinds"]
        assert all(known["count"] for known in one["kinds"].values())
        code, found, _ = viaduct("repair")
        assert (code, found["void"], found["dangling"]) == (0, 0, 0) and found["rows"] > 50
    finally:
        session = Session(Settings(nodes=(cassandra_node,), request_timeout=10.0))
        session.alter(f"DROP KEYSPACE IF EXISTS {keyspace}")
        session.close()


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")[:19] + "Z"
