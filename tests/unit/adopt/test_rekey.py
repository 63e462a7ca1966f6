"""Moving one record in a migrated SQLite database: what refers to it follows, or nothing changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.documents.cipher import KeyRepositoryCipher
from keystone_viaduct.errors import AdoptError, AlreadyJoined, ConfigError
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.adopt import Move, apply_moves
from keystone_viaduct.sync.adopt.columns import own_of, places
from keystone_viaduct.sync.adopt.journal import Journal, read_json, read_moves, save_aliases, save_moves
from keystone_viaduct.sync.adopt.names import MOVABLE
from keystone_viaduct.sync.adopt.rekey import Rekeyer
from keystone_viaduct.sync.adopt.run import refuse_if_joined
from keystone_viaduct.sync.store import make_engine
from tests.conftest import KeystoneDatabase

CIPHER = KeyRepositoryCipher("/nonexistent")
ROLE = Move("role", "old", "new", "member")


class Database:
    """A migrated database with enforced foreign keys."""

    def __init__(self, url: str) -> None:
        self.engine = make_engine(url)
        sa.event.listen(self.engine, "connect", lambda c, _: c.execute("PRAGMA foreign_keys = ON"))

    def run(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Rows, if the statement gives any."""
        with self.engine.begin() as connection:
            done = connection.execute(sa.text(statement), values)
            return [tuple(row) for row in done] if done.returns_rows else []

    def role(self, key: str, name: str) -> None:
        self.run(
            "INSERT INTO role (id, name, domain_id, extra) VALUES (:k, :n, '<<null>>', '{}')", k=key, n=name
        )

    def grant(self, role: str, actor: str = "ann") -> None:
        self.run(
            "INSERT INTO assignment (type, actor_id, target_id, role_id, inherited) "
            "VALUES ('UserProject', :a, 'p', :r, 0)",
            a=actor,
            r=role,
        )


@pytest.fixture
def database(keystone_database: KeystoneDatabase) -> Database:
    return Database(keystone_database("sqlite"))


def test_the_old_row_is_gone_and_its_name_is_kept(database: Database) -> None:
    database.role("old", "member")
    database.grant("old")
    assert apply_moves(database.engine, CIPHER, [ROLE]) == 0
    assert database.run("SELECT id, name FROM role") == [("new", "member")]
    assert database.run("SELECT role_id FROM assignment") == [("new",)]


def test_a_move_that_was_made_already_is_skipped(database: Database) -> None:
    database.role("new", "member")
    rekeyer = Rekeyer(database.engine, CIPHER)
    with database.engine.begin() as connection:
        assert not rekeyer.move(connection, ROLE)
    assert database.run("SELECT id FROM role") == [("new",)]


def test_an_id_that_is_taken_is_refused_and_nothing_changes(database: Database) -> None:
    database.role("old", "member")
    database.role("new", "other")
    database.grant("old")
    with pytest.raises(AdoptError, match="taken") as caught:
        apply_moves(database.engine, CIPHER, [ROLE])
    assert caught.value.hint and caught.value.fields["old"] == "old"
    assert database.run("SELECT id FROM role ORDER BY id") == [("new",), ("old",)]
    assert database.run("SELECT role_id FROM assignment") == [("old",)]


def test_rows_that_others_write_meanwhile_are_corrected(database: Database) -> None:
    database.role("old", "member")
    apply_moves(database.engine, CIPHER, [ROLE])
    engine = sa.create_engine(database.engine.url)  # as Keystone on SQLite: without foreign keys
    with engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO assignment VALUES ('UserProject', 'ben', 'p', 'old', 0)"))
    assert apply_moves(database.engine, CIPHER, [ROLE]) == 1
    assert database.run("SELECT actor_id, role_id FROM assignment") == [("ben", "new")]


def test_a_row_that_would_become_a_twin_of_an_orphan_gives_way_to_it(database: Database) -> None:
    engine = sa.create_engine(database.engine.url)
    database.role("old", "member")
    with engine.begin() as connection:
        for role in ("old", "new"):
            connection.execute(
                sa.text("INSERT INTO assignment VALUES ('UserProject', 'ann', 'p', :r, 0)"), {"r": role}
            )
    apply_moves(engine, CIPHER, [ROLE])
    assert database.run("SELECT role_id FROM assignment") == [("new",)]


def test_a_table_that_no_kind_declares_follows_by_its_foreign_key(database: Database) -> None:
    database.run("CREATE TABLE plugin (n INTEGER PRIMARY KEY, role VARCHAR(64) REFERENCES role (id))")
    database.role("old", "member")
    database.run("INSERT INTO plugin VALUES (1, 'old')")
    apply_moves(database.engine, CIPHER, [ROLE])
    assert database.run("SELECT role FROM plugin") == [("new",)]


def test_a_constraint_in_the_way_is_told_and_nothing_changes(database: Database) -> None:
    database.run("CREATE TABLE plugin (role VARCHAR(64) UNIQUE REFERENCES role (id), CHECK (role <> 'new'))")
    database.role("old", "member")
    database.run("INSERT INTO plugin VALUES ('old')")
    with pytest.raises(AdoptError, match="CHECK") as caught:
        apply_moves(database.engine, CIPHER, [ROLE])
    assert caught.value.hint
    assert database.run("SELECT id, name FROM role") == [("old", "member")]


def test_every_foreign_key_to_a_movable_kind_is_declared(database: Database) -> None:
    declared = {(place.table, place.column) for place in places()}
    inspector = sa.inspect(database.engine)
    for kind in (REGISTRY[name] for name in MOVABLE):
        own = own_of(kind)
        known = declared | set(own.children)
        for table in inspector.get_table_names():
            for key in inspector.get_foreign_keys(table):
                if key["referred_table"] == own.table and own.column in key["referred_columns"]:
                    here = key["constrained_columns"][key["referred_columns"].index(own.column)]
                    assert (table, here) in known, kind.name


def test_every_column_that_may_hold_an_id_is_declared_or_left_on_purpose(database: Database) -> None:
    """A column named like an id that nobody knows of would be forgotten silently."""
    known = {(place.table, place.column) for place in places()}
    for kind in REGISTRY.values():
        known.update((kind.table, name) for name in (*kind.key, kind.surrogate))
        for child in kind.children:
            known.update((child.table, here) for here, _ in child.join)
            known.add((child.table, child.surrogate))
    left = {
        ("revocation_event", "user_id"),  # the tokens that it speaks of are dead with the id
        ("revocation_event", "project_id"),
        ("revocation_event", "audit_id"),
        ("revocation_event", "audit_chain_id"),
        ("endpoint", "legacy_endpoint_id"),  # of the v2 API, which no release serves
        ("id_mapping", "local_id"),  # another directory's
        ("federated_user", "unique_id"),
        ("federated_user", "protocol_id"),  # an operator's word, as a provider's id is
        ("idp_remote_ids", "remote_id"),
        ("application_credential_access_rule", "access_rule_id"),  # a number, which stays
        ("user_option", "option_id"),
        ("project_option", "option_id"),
        ("role_option", "option_id"),
        ("access_rule", "external_id"),
        ("federation_protocol", "id"),
    }
    inspector = sa.inspect(database.engine)
    found = {
        (table, column["name"])
        for table in inspector.get_table_names()
        if table not in ("token", "alembic_version")
        for column in inspector.get_columns(table)
        if column["name"].endswith("_id") or column["name"] == "id"
    }
    assert found - known - left == set()


def test_a_journal_is_taken_up_and_an_id_moved_twice_leads_to_the_last(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", "west")
    assert journal.unfinished() == []
    journal.begin([ROLE])
    assert Journal(tmp_path / "journal", "west").unfinished() == [ROLE]
    with pytest.raises(ConfigError, match="west"):
        Journal(tmp_path / "journal", "south").unfinished()
    journal.finish()
    assert journal.unfinished() == []
    ids = tmp_path / "ids"
    save_aliases(ids, "west", "east", [ROLE])
    save_aliases(ids, "west", "east", [Move("role", "new", "newest", "member")])
    assert read_json(ids)["ids"] == {"role": {"old": "newest", "new": "newest"}}


@pytest.mark.parametrize("text", ["", "[]", "{}", "{"])
def test_a_file_that_holds_no_moves_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "moves").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_moves(tmp_path / "moves", "west")
    assert caught.value.hint
    save_moves(tmp_path / "moves", "west", [ROLE])
    assert read_moves(tmp_path / "moves", "west") == [ROLE]


def test_a_site_that_replicates_is_refused(database: Database) -> None:
    refuse_if_joined(database.engine)
    database.run("CREATE TABLE viaduct_checkpoint (source VARCHAR(64))")
    database.run("CREATE TABLE viaduct_peer (site VARCHAR(64), acknowledged BIGINT)")
    database.run("INSERT INTO viaduct_peer VALUES ('east', 0)")
    refuse_if_joined(database.engine)
    database.run("UPDATE viaduct_peer SET acknowledged = 7")
    with pytest.raises(AlreadyJoined):
        refuse_if_joined(database.engine)
    database.run("UPDATE viaduct_peer SET acknowledged = 0")
    database.run("INSERT INTO viaduct_checkpoint VALUES ('east')")
    with pytest.raises(AlreadyJoined):
        refuse_if_joined(database.engine)
