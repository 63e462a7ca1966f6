"""SQLite keeps its references: deletions leave no row behind, and no new row inherits one by its number."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from oslo_db.sqlalchemy import enginefacade

from keystone_viaduct.config import SqlSettings
from keystone_viaduct.documents.references import broken_references
from keystone_viaduct.sql import installer
from keystone_viaduct.sync.store import SqlStore, make_engine
from keystone_viaduct.sync.store.engine import migrating
from tests.support.served import ADMIN_PASSWORD, serving
from tests.support.sites import open_site
from tests.unit.documents.world import CHILD_PROJECT, items_of

ForeignKey = tuple[str, tuple[str, ...], str, tuple[str, ...]]


def foreign_keys_of(path: Path) -> dict[ForeignKey, bool]:
    """(table, columns, table referred to, its columns) -> whether it is ON DELETE CASCADE."""
    engine = make_engine(f"sqlite:///{path}")
    inspector = sa.inspect(engine)
    found = {
        (
            table,
            tuple(key["constrained_columns"]),
            key["referred_table"],
            tuple(key["referred_columns"]),
        ): (key["options"].get("ondelete") or "").upper() == "CASCADE"
        for table in inspector.get_table_names()
        for key in inspector.get_foreign_keys(table)
    }
    engine.dispose()
    return found


@pytest.fixture(scope="module")
def filled(module_databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a site with a record of every kind."""
    path = tmp_path_factory.mktemp("filled") / "keystone.db"
    url = module_databases.keystone("sqlite")
    with open_site(url) as store:
        store.run(lambda tx: _fill(store, tx.connection))
        with closing(sqlite3.connect(path)) as copy, closing(sqlite3.connect(url[10:])) as made:
            made.backup(copy)
    return path


def _fill(store: SqlStore, connection: sa.engine.Connection) -> None:
    for kind in store.codecs.kinds:
        store.codecs.insert_many(connection, kind, items_of(kind))
    # a project that has no other below it can be deleted
    connection.exec_driver_sql("INSERT INTO project_tag VALUES (?, 't')", (CHILD_PROJECT,))
    connection.exec_driver_sql("INSERT INTO project_option VALUES (?, 'IMMU', 'true')", (CHILD_PROJECT,))


@pytest.fixture
def copy(filled: Path, tmp_path: Path) -> Path:
    path = tmp_path / "keystone.db"
    path.write_bytes(filled.read_bytes())
    return path


def open_shell(path: Path, *, foreign_keys: bool) -> sqlite3.Connection:
    """A connection as a shell has it, or one that asks for foreign keys."""
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
    return connection


@pytest.mark.parametrize("foreign_keys", [True, False], ids=["foreign keys on", "a shell"])
def test_what_any_cascade_should_remove_goes(copy: Path, foreign_keys: bool) -> None:
    """Each ON DELETE CASCADE of the migrated schema, by one bulk statement on the table referred to."""
    keys = foreign_keys_of(copy)
    cascading = [key for key, cascades in keys.items() if cascades]
    assert len(cascading) >= 14
    for table, here, target, there in cascading:
        with closing(open_shell(copy, foreign_keys=foreign_keys)) as shell:
            for other, _, referred, _ in (key for key, cascades in keys.items() if not cascades):
                if referred == target != other:  # Keystone removes these first
                    shell.execute(f'DELETE FROM "{other}"')
            joined = " AND ".join(f"c.{a} = p.{b}" for a, b in zip(here, there, strict=True))
            owners = f'SELECT p.rowid FROM "{target}" p JOIN "{table}" c ON {joined}'
            if target == "project":
                owners += " WHERE p.id NOT IN (SELECT parent_id FROM project WHERE parent_id IS NOT NULL)"
            assert shell.execute(owners).fetchone(), f"no row of {table} to lose"
            before = shell.execute(f'SELECT count(*) FROM "{table}"').fetchone()
            shell.execute(f'DELETE FROM "{target}" WHERE rowid IN ({owners})')
            assert shell.execute(f'SELECT count(*) FROM "{table}"').fetchone() < before
            assert not shell.execute("PRAGMA foreign_key_check").fetchall(), (table, target)


def test_without_our_triggers_a_shell_leaves_them(copy: Path) -> None:
    """What the test above would find if nothing kept references."""
    with closing(open_shell(copy, foreign_keys=False)) as shell:
        ours = shell.execute("SELECT name FROM sqlite_master WHERE name GLOB '*_own'").fetchall()
        for (name,) in ours:
            shell.execute(f"DROP TRIGGER {name}")
        shell.execute("DELETE FROM application_credential")
        assert shell.execute("PRAGMA foreign_key_check").fetchall()


def numbers(path: Path) -> list[ForeignKey]:
    """Foreign keys that refer to a number which SQLite gives out."""
    with closing(sqlite3.connect(path)) as shell:
        types = {
            (table, name): kind
            for (table,) in shell.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for _, name, kind, *_ in shell.execute(f'PRAGMA table_info("{table}")').fetchall()
        }
    return [key for key in foreign_keys_of(path) if types[key[2], key[3][0]] == "INTEGER"]


def test_a_new_row_owns_nothing_that_was_left_over_for_its_number(copy: Path) -> None:
    """Of every table whose rows others belong to by number; the database is full of such rows."""
    found = numbers(copy)
    assert {(key[0], key[2]) for key in found} == {
        ("application_credential_role", "application_credential"),
        ("application_credential_access_rule", "application_credential"),
        ("application_credential_access_rule", "access_rule"),
        ("password", "local_user"),
    }
    for table, (here,), target, (there,) in found:
        with closing(open_shell(copy, foreign_keys=False)) as shell:
            row: dict[str, Any] = dict(zip(*_row(shell, f'SELECT * FROM "{target}"'), strict=True))
            number = shell.execute(f'SELECT max("{there}") + 1 FROM "{target}"').fetchone()[0]
            names, values = _row(shell, f'SELECT * FROM "{table}"')
            left: dict[str, Any] = {**dict(zip(names, values, strict=True)), here: number}
            if "id" in left:
                left["id"] += 1000
            _insert(shell, table, left)
            unique: dict[str, Any] = {
                name: "x" * 32 for name in ("user_id", "name", "id", "external_id") if name in row
            }
            _insert(shell, target, {**row, **unique, there: None})
            assert shell.execute(f'SELECT max("{there}") FROM "{target}"').fetchone() == (number,)
            owned = f'SELECT count(*) FROM "{table}" WHERE "{here}" = ?'
            assert shell.execute(owned, (number,)).fetchone() == (0,), table


def _row(shell: sqlite3.Connection, query: str) -> tuple[list[str], tuple[Any, ...]]:
    found = shell.execute(f"{query} LIMIT 1")
    return [item[0] for item in found.description], found.fetchone()


def _insert(shell: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    marks = ", ".join("?" for _ in row)
    names = ", ".join(f'"{name}"' for name in row)
    shell.execute(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', list(row.values()))


@pytest.mark.parametrize("wanted", [True, False])
def test_each_connection_of_keystone_keeps_them_unless_switched_off(copy: Path, wanted: bool) -> None:
    installer.register()
    manager = enginefacade.transaction_context()
    manager.configure(connection=f"sqlite:///{copy}")
    settings = SqlSettings(sqlite_foreign_keys=wanted)
    manager.append_on_engine_create(lambda engine: installer.attach(engine, settings))
    engine = manager.writer.get_engine()
    with engine.connect() as first, engine.connect() as second:
        for connection in (first, second):
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == int(wanted)
    engine.dispose()
    ours = make_engine(f"sqlite:///{copy}", foreign_keys=wanted)
    with ours.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == int(wanted)
    ours.dispose()


def test_a_table_that_a_migration_makes_anew_takes_nothing_along(copy: Path) -> None:
    """As Alembic's batch mode does it; the connection keeps references again afterwards."""
    engine = make_engine(f"sqlite:///{copy}", poolclass=sa.pool.StaticPool)
    with migrating(engine) as connection:
        for statement in (
            'CREATE TABLE anew AS SELECT * FROM "user"',
            'DROP TABLE "user"',
            'ALTER TABLE anew RENAME TO "user"',
        ):
            connection.exec_driver_sql(statement)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM local_user").scalar()
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engine.dispose()


def test_the_list_of_broken_references_counts_and_gives_examples(copy: Path) -> None:
    with closing(open_shell(copy, foreign_keys=False)) as shell, shell:
        for number in range(5):
            shell.execute("INSERT INTO project_tag VALUES ('gone', ?)", (f"t{number}",))
    engine = make_engine(f"sqlite:///{copy}")
    with engine.connect() as connection:
        (found,) = broken_references(connection)
    assert (found.table, found.target, found.count, len(found.examples)) == ("project_tag", "project", 5, 3)
    assert str(found).startswith("5 of project_tag that refer to a project (rowid ")
    engine.dispose()


class Api:
    """Keystone's API with one user's password."""

    def __init__(self, url: str, user: Mapping[str, Any], password: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=120)
        identity = {"methods": ["password"], "password": {"user": {**user, "password": password}}}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        answer = self._http.post("/auth/tokens", json={"auth": {"identity": identity, "scope": scope}})
        assert answer.status_code == 201, answer.text
        self._http.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
        self.project = answer.json()["token"]["project"]["id"]

    def send(self, method: str, path: str, **body: Any) -> httpx.Response:
        """A request with a JSON body, if any."""
        return self._http.request(method, path, json=body or None)

    def make(self, what: str, **body: Any) -> str:
        """The id of something new."""
        answer = self.send("POST", f"/{what}s", **{what: body})
        assert answer.status_code == 201, answer.text
        return str(answer.json()[what]["id"])


@pytest.fixture(scope="module", params=[True, False], ids=["as we run it", "switched off"])
def keystone(
    request: pytest.FixtureRequest, module_databases: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path, bool]]:
    """A real Keystone on SQLite that is no site: its URL, its file, and whether it keeps references."""
    url, on = module_databases.keystone("sqlite"), request.param
    options = {"viaduct": {"sqlite_foreign_keys": str(on)}}
    with serving(tmp_path_factory.mktemp("served") / "all", [url], options, workers=1) as sites:
        yield sites[0].url, Path(url[10:]), on


@pytest.mark.keystone
def test_a_users_application_credentials_go_with_it(keystone: tuple[str, Path, bool]) -> None:
    """A tool that makes users with credentials and removes them, twice: stock Keystone answers 409 then."""
    url, path, on = keystone
    admin = Api(url, {"name": "admin", "domain": {"id": "default"}}, ADMIN_PASSWORD)
    roles = {role["name"]: role["id"] for role in admin.send("GET", "/roles").json()["roles"]}
    answers = [_credentials(admin, url, round_, roles) for round_ in range(2)]
    with closing(sqlite3.connect(path)) as shell:
        broken = shell.execute("PRAGMA foreign_key_check").fetchall()
    assert set(answers[0]) == {201}
    if on:
        assert set(answers[1]) == {201} and not broken
    else:
        assert 409 in answers[1] and broken


def _credentials(admin: Api, url: str, round_: int, roles: Mapping[str, str]) -> list[int]:
    """Answers to three new credentials of a new user, who is then deleted."""
    user = admin.make("user", name=f"u{round_}", password="secret", domain_id="default")
    for role in ("member", "reader"):
        path = f"/projects/{admin.project}/users/{user}/roles/{roles[role]}"
        assert admin.send("PUT", path).status_code == 204
    own = Api(url, {"id": user}, "secret")
    rules = [{"path": "/v2.1/servers", "method": "GET", "service": "compute"}]
    answers = [
        own.send(
            "POST",
            f"/users/{user}/application_credentials",
            application_credential={"name": name, "access_rules": rules},
        ).status_code
        for name in ("one", "two", "three")
    ]
    assert admin.send("DELETE", f"/users/{user}").status_code == 204
    return answers


@pytest.mark.keystone
def test_no_path_of_keystones_own_leaves_a_row_behind(keystone: tuple[str, Path, bool]) -> None:
    """Roles that imply others, a domain with projects, a provider with users: what relies on cascades."""
    url, path, on = keystone
    admin = Api(url, {"name": "admin", "domain": {"id": "default"}}, ADMIN_PASSWORD)
    prior, implied = (admin.make("role", name=name) for name in ("prior", "implied"))
    assert admin.send("PUT", f"/roles/{prior}/implies/{implied}").status_code == 201
    domain = admin.make("domain", name="d")
    admin.make("project", name="p", domain_id=domain, tags=["t"], options={"immutable": False})
    base = "/OS-FEDERATION"
    rules = [{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "REMOTE_USER"}]}]
    assert admin.send("PUT", f"{base}/mappings/m", mapping={"rules": rules}).status_code == 201
    idp = {"enabled": True, "domain_id": "default"}
    assert admin.send("PUT", f"{base}/identity_providers/i", identity_provider=idp).status_code == 201
    protocol = f"{base}/identity_providers/i/protocols/saml2"
    assert admin.send("PUT", protocol, protocol={"mapping_id": "m"}).status_code == 201
    known = [{"idp_id": "i", "protocols": [{"protocol_id": "saml2", "unique_id": "x"}]}]
    admin.make("user", name="f", domain_id="default", federated=known)
    for method, gone in (
        ("DELETE", f"/roles/{implied}"),
        ("DELETE", f"{base}/identity_providers/i"),
        ("PATCH", f"/domains/{domain}"),
        ("DELETE", f"/domains/{domain}"),
    ):
        body = {"domain": {"enabled": False}} if method == "PATCH" else {}
        assert admin.send(method, gone, **body).status_code in (200, 204), gone
    with closing(sqlite3.connect(path)) as shell:
        broken = {row[0] for row in shell.execute("PRAGMA foreign_key_check")}
    assert not broken if on else "implied_role" in broken
