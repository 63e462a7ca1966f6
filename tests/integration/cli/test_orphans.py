"""Orphans: told by ``doctor`` and ``init``, written to a file and removed, and no site hears of them."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.cli import _orphans
from keystone_viaduct.cli.main import main
from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.documents.orphans import Census
from keystone_viaduct.documents.schema import reflect
from keystone_viaduct.sync.store import make_engine
from tests.support.sites import HexCipher
from tests.unit.documents.world import CHILD_PROJECT, GLOBAL_ROLE, ROLE, items_of

Run = Callable[..., tuple[int, Any]]


def fill(url: str) -> None:
    """A record of every kind."""
    engine = make_engine(url)
    codecs = Codecs(reflect(engine), HexCipher())
    with engine.begin() as connection:
        for kind in codecs.kinds:
            codecs.insert_many(connection, kind, items_of(kind))
    engine.dispose()


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ``viaduct`` for the database of a URL, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(url: str, *arguments: str, extra: str = "") -> tuple[int, Any]:
        config = tmp_path / "keystone.conf"
        config.write_text(
            f"[database]\nconnection = {url}\n[viaduct]\nkey_repository = {tmp_path}/keys\n"
            f"[credential]\nkey_repository = {tmp_path}\n{extra}"
        )
        code = main([*arguments, "--json", "--config-file", str(config)])
        return code, json.loads(capsys.readouterr().out)

    return call


INIT = ("init", "--site", "east", "--hub", "east")


def told(found: Any) -> dict[str, str]:
    """What ``doctor`` says of orphans: message -> hint."""
    return {item["message"]: item["hint"] for item in found["checks"] if item["check"] == "orphans"}


def shell(url: str, *statements: str) -> None:
    with closing(sqlite3.connect(url[10:])) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def rows(url: str) -> dict[str, list[Any]]:
    """Every row of Keystone's tables."""
    engine = make_engine(url)
    with engine.connect() as connection:
        found = {
            name: sorted(map(repr, connection.execute(sa.text(f'SELECT * FROM "{name}"')).all()))
            for name in sa.inspect(connection).get_table_names()
            if not name.startswith("viaduct_") and name != "policy_association"  # has random numbers
        }
    engine.dispose()
    return found


def test_a_sound_database_has_none_on_any_engine(keystone_url: str) -> None:
    fill(keystone_url)
    engine = make_engine(keystone_url)
    with engine.connect() as connection:
        census = Census(connection, reflect(engine))
        assert census.count(connection) == []
        assert {("assignment", "user"), ("credential", "user"), ("region", "region")} <= {
            (link.table, link.target) for link in census.links
        }
    engine.dispose()


def test_what_no_foreign_key_protects_is_found_on_every_engine(keystone_url: str) -> None:
    """Also for a user who is nowhere; none where users may be in a directory outside."""
    engine = make_engine(keystone_url)
    tables = reflect(engine)
    with engine.begin() as connection:
        insert = "INSERT INTO assignment (type, actor_id, target_id, role_id, inherited) VALUES "
        connection.execute(
            sa.text(f"{insert} ('UserProject', 'nobody', 'nowhere', :role, :no)"), _grant(connection)
        )
        found = Census(connection, tables).count(connection)
        assert {(item.link.table, item.link.target, item.count, item.examples) for item in found} == {
            ("assignment", "user", 1, ("nobody",)),
            ("assignment", "project", 1, ("nowhere",)),
        }
        outside = Census(connection, tables, external=True).count(connection)
        assert [item.link.target for item in outside] == ["project"]
    engine.dispose()


def _grant(connection: sa.engine.Connection) -> dict[str, Any]:
    role = {"id": "r", "name": "r", "extra": "{}", "domain_id": "<<null>>"}
    connection.execute(
        sa.text("INSERT INTO role (id, name, extra, domain_id) VALUES (:id, :name, :extra, :domain_id)"), role
    )
    return {"role": "r", "no": False}


@pytest.fixture
def grown(keystone_database: Any) -> str:
    """A database in which Keystone, run without foreign keys, has left behind what it does leave."""
    url = str(keystone_database("sqlite"))
    fill(url)
    shell(
        url,
        f"INSERT INTO assignment VALUES ('UserProject', 'gone', '{CHILD_PROJECT}', '{GLOBAL_ROLE}', 0)",
        *(f"INSERT INTO application_credential_role VALUES ({100 + n}, '{ROLE}')" for n in range(5)),
        "INSERT INTO application_credential_access_rule VALUES (100, 77)",
        "INSERT INTO local_user (id, domain_id, user_id, name) VALUES (900, 'd', 'gone', 'gone')",
        "INSERT INTO password (id, local_user_id, password_hash, self_service, created_at, created_at_int) "
        "VALUES (900, 900, 'hash', 0, '2026-01-01 00:00:00', 1)",
    )
    return url


def test_they_are_written_to_a_private_file_and_removed(
    grown: str, keystone_database: Any, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing else is: the database is as one that never had any; no mark is made for them."""
    monkeypatch.setattr(_orphans, "BATCH", 2)
    sound = str(keystone_database("sqlite"))
    fill(sound)
    code, found = run(grown, *INIT, "--remove-orphans")
    assert code == 0 and found["orphans"] == {}
    file = Path(found["orphans_file"])
    assert file.parent == tmp_path and file.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    tables = [line["table"] for line in lines]
    assert {name: tables.count(name) for name in tables} == {
        "application_credential_role": 5,
        "application_credential_access_rule": 1,
        "local_user": 1,
        "password": 1,
        "assignment": 1,
    }
    assert {"password_hash": "hash", "local_user_id": 900}.items() <= lines[tables.index("password")][
        "row"
    ].items()
    assert rows(grown) == rows(sound)
    with closing(sqlite3.connect(grown[10:])) as connection:
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()
        assert not connection.execute("SELECT 1 FROM viaduct_dirty WHERE key LIKE '%gone%'").fetchall()
    assert told(run(grown, "doctor")[1]) == {"no row needs another that is not there": ""}


def test_without_the_option_a_site_is_prepared_and_told(grown: str, run: Run) -> None:
    before = rows(grown)
    code, found = run(grown, *INIT)
    assert code == 0 and rows(grown) == before
    assert found["orphans"]["application_credential_role/application_credential"] == 5
    hints = told(run(grown, "doctor")[1])
    (roles,) = [text for text in hints if "application_credential_role" in text]
    assert roles.startswith("5 rows of application_credential_role need application_credential rows")
    assert "--remove-orphans" in hints[roles]
    (grant,) = [text for text in hints if text.startswith("1 rows of assignment need user")]
    assert "sweep" in hints[grant]


def test_of_a_site_parts_go_without_a_mark_and_records_are_left_to_the_sweep(grown: str, run: Run) -> None:
    assert run(grown, *INIT)[0] == 0
    shell(grown, "DELETE FROM viaduct_dirty")
    code, found = run(grown, *INIT, "--remove-orphans")
    assert code == 0 and found["orphans"] == {"assignment/user": 1}
    with closing(sqlite3.connect(grown[10:])) as connection:
        left = connection.execute("SELECT kind, key FROM viaduct_dirty WHERE key LIKE '%gone%'").fetchall()
        assert [kind for kind, _ in left] == ["assignment"], "marked as what is there already"
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()


def test_users_of_a_directory_are_not_missing(grown: str, run: Run) -> None:
    found = run(grown, *INIT, "--dry-run", extra="[identity]\ndriver = ldap\n")[1]
    assert not any(name.endswith("/user") and name.startswith("assignment") for name in found["orphans"])


def test_a_file_that_cannot_be_written_removes_nothing(
    grown: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = rows(grown)
    arguments = [*INIT, "--remove-orphans", "--config-file", str(tmp_path / "keystone.conf")]
    run(grown, *INIT, "--dry-run")
    monkeypatch.setattr(os, "open", _refuse)
    assert main(arguments) == 2
    assert "nothing was removed" in capsys.readouterr().err
    assert rows(grown) == before


def _refuse(*_: Any) -> int:
    raise PermissionError(13, "Permission denied")


def test_a_credential_made_after_joining_with_orphans_has_its_own_roles_alone(grown: str, run: Run) -> None:
    """The numbers that SQLite gives out next are those that orphans name."""
    assert run(grown, *INIT)[0] == 0
    last = "(SELECT max(internal_id) FROM application_credential)"
    shell(
        grown,
        *(f"INSERT INTO application_credential_role SELECT {last} + {n}, id FROM role" for n in (1, 2, 3)),
    )
    engine = make_engine(grown)
    codecs = Codecs(reflect(engine), HexCipher())
    document = dict(items_of("application_credential")[0][1])
    with engine.begin() as connection:
        for key in ("new1", "new2", "new3"):
            new = {**document, "id": key, "name": key}
            codecs.insert_many(connection, "application_credential", [(key, new)])
            found = codecs.load(connection, "application_credential", [key])[key]
            assert found["roles"] == document["roles"]
    engine.dispose()
