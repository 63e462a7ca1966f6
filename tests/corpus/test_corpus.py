"""Each migration of the corpus with both writers, forward to its contract and back, on every engine."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.clock import SystemClock
from keystone_viaduct.errors import UpgradeRefused
from keystone_viaduct.upgrade.repair import Repairer
from keystone_viaduct.upgrade.steps import Operation, State, Steps
from tests.corpus import declared
from tests.corpus.sealing import KEY_HASH, sealed
from tests.support.upgrades import Site, site

pytestmark = pytest.mark.engines("sqlite", "mariadb")


@dataclass(frozen=True)
class Story:
    """The tables as they were, and what both releases write.

    ``old`` and ``new``: a statement, and what a query of the other release's shape gives after it.
    """

    operations: Callable[[], list[Operation]]
    tables: tuple[str, ...]
    rows: tuple[str, ...]
    old: tuple[tuple[str, str, Any], ...]
    new: tuple[tuple[str, str, Any], ...]
    after: tuple[tuple[str, Any], ...]
    """What new code reads once all is done."""
    before: str
    """What old code reads, the same before and after an upgrade that was rolled back."""
    lost: frozenset[str] = frozenset()
    """The engines on which new code wrote something that only the new shape can hold."""
    refused: dict[str, str] = field(default_factory=dict)
    """By engine: with which message."""


EVERYWHERE = frozenset({"sqlite", "postgresql", "mariadb", "mysql"})
PASSWORDS = Story(
    declared.passwords,
    (
        "CREATE TABLE password (id INTEGER PRIMARY KEY, password_hash VARCHAR(255), created_at {moment}"
        " NOT NULL, expires_at {moment})",
    ),
    (
        "INSERT INTO password VALUES (1, 'h', '2017-05-01 10:00:00{zeros}', NULL),"
        " (2, 'h', '2017-05-01 10:00:01{zeros}', '2018-05-01 10:00:00{zeros}')",
    ),
    (
        (
            "INSERT INTO password (id, password_hash, created_at, expires_at)"
            " VALUES (3, 'h', '1970-01-01 00:00:01{zeros}', NULL)",
            "SELECT created_at_int, expires_at_int FROM password WHERE id = 3",
            (1_000_000, None),
        ),
        (
            "UPDATE password SET expires_at = '1970-01-01 00:00:02{zeros}' WHERE id = 1",
            "SELECT expires_at_int FROM password WHERE id = 1",
            (2_000_000,),
        ),
    ),
    (
        (
            "INSERT INTO password (id, created_at_int, expires_at_int) VALUES (4, 1493632800123456, 5000000)",
            "SELECT substr(cast(expires_at as char(19)), 1, 19) FROM password WHERE id = 4",
            ("1970-01-01 00:00:05",),
        ),
    ),
    (("SELECT created_at_int FROM password WHERE id = 4", (1493632800123456,)),),
    "SELECT id, created_at, expires_at FROM password WHERE id IN (1, 2) ORDER BY id",
    lost=frozenset({"mariadb", "mysql"}),
)
IMAGES = Story(
    declared.images,
    (
        "CREATE TABLE images (id VARCHAR(36) PRIMARY KEY, name VARCHAR(255), is_public BOOLEAN NOT NULL)",
        "CREATE INDEX ix_images_is_public ON images (is_public)",
    ),
    ("INSERT INTO images VALUES ('a', 'n', {yes}), ('b', 'n', {no})",),
    (
        (
            "INSERT INTO images (id, name, is_public) VALUES ('c', 'n', {yes})",
            "SELECT visibility FROM images WHERE id = 'c'",
            ("public",),
        ),
        (
            "UPDATE images SET is_public = {yes} WHERE id = 'b'",
            "SELECT visibility FROM images WHERE id = 'b'",
            ("public",),
        ),
        (
            "UPDATE images SET name = 'm' WHERE id = 'c'",
            "SELECT visibility FROM images WHERE id = 'c'",
            ("public",),
        ),
    ),
    (
        (
            "INSERT INTO images (id, visibility) VALUES ('d', 'community')",
            "SELECT count(*) FROM images WHERE id = 'd' AND is_public = {no}",
            (1,),
        ),
        (
            "UPDATE images SET visibility = 'private' WHERE id = 'a'",
            "SELECT count(*) FROM images WHERE id = 'a' AND is_public = {no}",
            (1,),
        ),
    ),
    (("SELECT visibility FROM images WHERE id = 'd'", ("community",)),),
    "SELECT id, is_public FROM images WHERE id = 'b'",
    lost=EVERYWHERE,
)
FORWARDINGS = Story(
    declared.port_forwardings,
    (
        "CREATE TABLE portforwardings (id VARCHAR(36) PRIMARY KEY, fip_id VARCHAR(36), port_id VARCHAR(36),"
        " protocol VARCHAR(40), socket VARCHAR(36) NOT NULL, external_port INTEGER NOT NULL{constraints})",
        *(
            f"CREATE UNIQUE INDEX {name} ON portforwardings ({columns})"
            for name, columns in (
                ("uniq0external_port", "fip_id, external_port, protocol"),
                ("uniq0socket", "port_id, socket, protocol"),
            )
        ),
    ),
    (
        "INSERT INTO portforwardings VALUES ('a', 'f', 'p', 'tcp', '10.0.0.1:22', 2222),"
        " ('b', 'f', 'p', 'udp', '10.0.0.1:53', 5353)",
    ),
    (
        (
            "INSERT INTO portforwardings (id, fip_id, port_id, protocol, socket, external_port)"
            " VALUES ('c', 'f', 'p', 'tcp', '10.0.0.2:80', 8080)",
            "SELECT internal_ip_address, internal_port_start, internal_port_end, external_port_end"
            " FROM portforwardings WHERE id = 'c'",
            ("10.0.0.2", 80, 80, 8080),
        ),
        (
            "UPDATE portforwardings SET external_port = 9 WHERE id = 'b'",
            "SELECT external_port_start, external_port_end FROM portforwardings WHERE id = 'b'",
            (9, 9),
        ),
    ),
    (
        (
            "INSERT INTO portforwardings (id, fip_id, port_id, protocol, internal_ip_address,"
            " internal_port_start, internal_port_end, external_port_start, external_port_end)"
            " VALUES ('d', 'f', 'p', 'tcp', '10.0.0.3', 100, 110, 200, 210)",
            "SELECT socket, external_port FROM portforwardings WHERE id = 'd'",
            ("10.0.0.3:100", 200),
        ),
        (
            "UPDATE portforwardings SET internal_ip_address = '10.0.0.9' WHERE id = 'a'",
            "SELECT socket FROM portforwardings WHERE id = 'a'",
            ("10.0.0.9:22",),
        ),
    ),
    (("SELECT internal_port_end, external_port_end FROM portforwardings WHERE id = 'd'", (110, 210)),),
    "SELECT id, socket, external_port FROM portforwardings WHERE id = 'b'",
    lost=EVERYWHERE,
)
GROUPS = Story(
    declared.share_groups,
    (
        "CREATE TABLE consistency_groups (id VARCHAR(36) PRIMARY KEY, name VARCHAR(255))",
        "CREATE TABLE shares (id VARCHAR(36) PRIMARY KEY, consistency_group_id VARCHAR(36),"
        " CONSTRAINT fk_shares_consistency_group_id FOREIGN KEY (consistency_group_id)"
        " REFERENCES consistency_groups (id))",
        "CREATE TABLE cgsnapshots (id VARCHAR(36) PRIMARY KEY, name VARCHAR(255),"
        " consistency_group_id VARCHAR(36) NOT NULL, CONSTRAINT fk_cgsnapshots_consistency_group_id"
        " FOREIGN KEY (consistency_group_id) REFERENCES consistency_groups (id))",
        "CREATE TABLE cgsnapshot_members (id VARCHAR(36) PRIMARY KEY, size INTEGER,"
        " cgsnapshot_id VARCHAR(36))",
    ),
    (
        "INSERT INTO consistency_groups VALUES ('g', 'n'), ('h', 'n')",
        "INSERT INTO shares VALUES ('s', 'g'), ('t', NULL)",
        "INSERT INTO cgsnapshots VALUES ('x', 'n', 'g')",
        "INSERT INTO cgsnapshot_members VALUES ('m', 1, 'x')",
    ),
    (
        (
            "UPDATE shares SET consistency_group_id = 'h' WHERE id = 't'",
            "SELECT share_group_id FROM shares WHERE id = 't'",
            ("h",),
        ),
        (
            "INSERT INTO cgsnapshots (id, name, consistency_group_id) VALUES ('y', 'n', 'h')",
            "SELECT name, share_group_id FROM share_group_snapshots WHERE id = 'y'",
            ("n", "h"),
        ),
    ),
    (
        (
            "INSERT INTO share_groups VALUES ('i', 'new')",
            "SELECT name FROM consistency_groups WHERE id = 'i'",
            ("new",),
        ),
        (
            "INSERT INTO share_group_snapshots (id, name, share_group_id) VALUES ('z', 'n', 'i')",
            "SELECT consistency_group_id FROM cgsnapshots WHERE id = 'z'",
            ("i",),
        ),
        (
            "UPDATE share_group_snapshot_members SET share_group_snapshot_id = 'z' WHERE id = 'm'",
            "SELECT cgsnapshot_id FROM cgsnapshot_members WHERE id = 'm'",
            ("z",),
        ),
    ),
    (
        ("SELECT share_group_id FROM share_group_snapshots WHERE id = 'z'", ("i",)),
        ("SELECT count(*) FROM share_groups", (3,)),
    ),
    "SELECT id, consistency_group_id FROM shares WHERE id = 's'",
    refused={"sqlite": "a view takes no writes"},
)
USERS = Story(
    declared.user_domains,
    (
        "CREATE TABLE {user} (id VARCHAR(64) PRIMARY KEY, enabled BOOLEAN)",
        "CREATE TABLE local_user (id INTEGER PRIMARY KEY, user_id VARCHAR(64) NOT NULL UNIQUE, domain_id"
        " VARCHAR(64) NOT NULL, name VARCHAR(255),"
        " FOREIGN KEY (user_id) REFERENCES {user} (id) ON DELETE CASCADE)",
        "CREATE TABLE nonlocal_user (domain_id VARCHAR(64) NOT NULL, name VARCHAR(255) NOT NULL, user_id"
        " VARCHAR(64) NOT NULL UNIQUE, PRIMARY KEY (domain_id, name),"
        " FOREIGN KEY (user_id) REFERENCES {user} (id) ON DELETE CASCADE)",
        "CREATE TABLE identity_provider (id VARCHAR(64) PRIMARY KEY, enabled BOOLEAN,"
        " domain_id VARCHAR(64) NOT NULL)",
        "CREATE TABLE federated_user (id INTEGER PRIMARY KEY, user_id VARCHAR(64) NOT NULL,"
        " idp_id VARCHAR(64) NOT NULL, unique_id VARCHAR(255),"
        " FOREIGN KEY (user_id) REFERENCES {user} (id) ON DELETE CASCADE,"
        " FOREIGN KEY (idp_id) REFERENCES identity_provider (id) ON DELETE CASCADE)",
        "CREATE INDEX federated_by_user ON federated_user (user_id)",
        "CREATE INDEX federated_by_provider ON federated_user (idp_id)",
    ),
    (
        "INSERT INTO {user} (id) VALUES ('a'), ('b'), ('c'), ('f')",
        "INSERT INTO local_user VALUES (1, 'a', 'default', 'ann'), (2, 'b', 'other', 'bob')",
        "INSERT INTO nonlocal_user VALUES ('ldap', 'cid', 'c')",
        "INSERT INTO identity_provider (id, domain_id) VALUES ('one', 'far'), ('two', 'away')",
        "INSERT INTO federated_user VALUES (1, 'f', 'one', 'fay')",
    ),
    (
        (
            "INSERT INTO {user} (id) VALUES ('d'), ('g')",
            "SELECT count(*) FROM {user} WHERE id IN ('d', 'g') AND domain_id IS NULL",
            (2,),
        ),
        (
            "INSERT INTO federated_user (id, user_id, idp_id, unique_id) VALUES (2, 'g', 'two', 'guy')",
            "SELECT domain_id FROM {user} WHERE id = 'g'",
            ("away",),
        ),
        (
            "INSERT INTO local_user (id, user_id, domain_id, name) VALUES (4, 'd', 'third', 'dot')",
            "SELECT domain_id FROM {user} WHERE id = 'd'",
            ("third",),
        ),
        (
            "UPDATE nonlocal_user SET domain_id = 'ldap2' WHERE user_id = 'c'",
            "SELECT domain_id FROM {user} WHERE id = 'c'",
            ("ldap2",),
        ),
    ),
    (
        (
            "UPDATE {user} SET domain_id = 'moved' WHERE id = 'a'",
            "SELECT domain_id FROM local_user WHERE user_id = 'a'",
            ("moved",),
        ),
        (
            "INSERT INTO {user} (id, domain_id) VALUES ('e', 'fifth')",
            "SELECT domain_id FROM {user} WHERE id = 'e'",
            ("fifth",),
        ),
        (
            "INSERT INTO local_user (id, user_id, name) VALUES (5, 'e', 'eve')",
            "SELECT domain_id FROM local_user WHERE user_id = 'e'",
            ("fifth",),
        ),
        (
            "INSERT INTO {user} (id, domain_id) VALUES ('h', 'own')",
            "SELECT domain_id FROM {user} WHERE id = 'h'",
            ("own",),
        ),
        (
            "INSERT INTO federated_user (id, user_id, idp_id, unique_id) VALUES (3, 'h', 'one', 'hal')",
            "SELECT domain_id FROM {user} WHERE id = 'h'",
            ("own",),
        ),
        (
            "UPDATE {user} SET domain_id = 'else' WHERE id = 'f'",
            "SELECT domain_id FROM identity_provider WHERE id = 'one'",
            ("far",),
        ),
    ),
    (
        ("SELECT domain_id FROM {user} WHERE id = 'a'", ("moved",)),
        ("SELECT domain_id FROM {user} WHERE id = 'g'", ("away",)),
        ("SELECT count(*) FROM {user} WHERE domain_id IS NULL", (0,)),
    ),
    "SELECT domain_id FROM local_user WHERE id = 2",
    lost=EVERYWHERE,
)
CREDENTIALS = Story(
    declared.credentials,
    ("CREATE TABLE credential (id VARCHAR(64) PRIMARY KEY, {blob} {text} NOT NULL, type VARCHAR(255))",),
    ("INSERT INTO credential VALUES ('a', 'one', 'ec2'), ('b', 'two', 'totp')",),
    (
        (
            "INSERT INTO credential (id, {blob}) VALUES ('c', 'three')",
            "SELECT key_hash FROM credential WHERE id = 'c' AND encrypted_blob IS NOT NULL",
            (KEY_HASH,),
        ),
    ),
    (
        (
            f"UPDATE credential SET encrypted_blob = '{sealed('new')}', key_hash = 'k' WHERE id = 'a'",
            "SELECT {blob} FROM credential WHERE id = 'a'",
            ("new",),
        ),
        (
            f"INSERT INTO credential (id, encrypted_blob, key_hash) VALUES ('d', '{sealed('four')}', 'k')",
            "SELECT {blob} FROM credential WHERE id = 'd'",
            ("four",),
        ),
    ),
    (("SELECT count(*) FROM credential WHERE encrypted_blob IS NOT NULL", (4,)),),
    "SELECT id, {blob} FROM credential WHERE id = 'b'",
)
STORIES = {
    "user_domains": USERS,
    "credentials": CREDENTIALS,
    "passwords": PASSWORDS,
    "images": IMAGES,
    "port_forwardings": FORWARDINGS,
    "share_groups": GROUPS,
}


class Told:
    """A story on one database."""

    def __init__(self, url: str, story: Story) -> None:
        self.story = story
        self.made: Site = site(url, *story.operations())
        self.engine = self.made.database.server().engine
        mysql = self.engine in ("mariadb", "mysql")
        postgresql = self.engine == "postgresql"
        self.words = {
            "moment": "TIMESTAMP" if postgresql else "DATETIME",
            "zeros": ".000000" if self.engine == "sqlite" else "",
            "yes": "true" if postgresql else "1",
            "no": "false" if postgresql else "0",
            "constraints": "",
            "text": "LONGTEXT" if mysql else "TEXT",
            "user": "`user`" if mysql else '"user"',
            "blob": "`blob`" if mysql else "blob",
        }
        charset = " ENGINE=InnoDB CHARACTER SET utf8mb4" if mysql else ""
        tables = [sql + (charset if sql.startswith("CREATE TABLE") else "") for sql in story.tables]
        self.made.run(*(sql.format(**self.words) for sql in (*tables, *story.rows)))

    def read(self, sql: str) -> list[tuple[Any, ...]]:
        with self.made.database.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(sql.format(**self.words)))]

    def settle(self) -> None:
        """What the worker does within a second."""
        given = [operation.steps(self.made.database.server()) for operation in self.story.operations()]
        bridges = [bridge for steps in given if isinstance(steps, Steps) for bridge in steps.bridges]
        worker = Repairer(self.made.database.engine, SystemClock(), bridges)
        assert worker.settle(bridges) == 0
        worker.close()

    def write(self, statements: tuple[tuple[str, str, Any], ...]) -> None:
        for sql, query, wanted in statements:
            self.made.run(sql.format(**self.words))
            self.settle()
            assert self.read(query) == [wanted], (sql, query)


@pytest.fixture(params=STORIES)
def told(request: pytest.FixtureRequest, database_url: str) -> Told:
    """Every migration on every engine; those that are refused are told so far."""
    made = Told(database_url, STORIES[request.param])
    said = made.story.refused.get(made.engine)
    if said is None:
        return made
    with made.made.runner() as runner, pytest.raises(UpgradeRefused, match=said):
        runner.expand()
    pytest.skip(f"refused there: {said}")


def test_both_releases_write_until_contract_and_the_new_one_goes_on(told: Told) -> None:
    with told.made.runner() as runner:
        runner.expand()
        told.write(told.story.old)
        runner.migrate()
        assert not any(item.fatal for _, item in runner.verify())
        told.write(told.story.new)
        assert runner.contract() is State.CONTRACTED
    for query, wanted in told.story.after:
        assert told.read(query) == [wanted]


def test_a_rollback_after_both_have_written_leaves_the_old_shape(told: Told) -> None:
    before = told.read(told.story.before)
    with told.made.runner() as runner:
        runner.expand()
        runner.migrate()
        assert not any(item.fatal for _, item in runner.verify())
        told.write(told.story.new)
        lossy = told.engine in told.story.lost
        if lossy:
            with pytest.raises(UpgradeRefused, match="only the new columns can hold"):
                runner.rollback()
        assert runner.rollback(accept_loss=lossy) is State.ROLLED_BACK
    assert told.read(told.story.before) == before
    told.made.run(*(sql.format(**told.words) for sql, *_ in told.story.old))


def test_each_declaration_is_short() -> None:
    tree = ast.parse(Path(declared.__file__).read_text())
    lengths = {
        item.name: (item.end_lineno or 0) - item.lineno + 1
        for item in tree.body
        if isinstance(item, ast.FunctionDef)
    }
    assert lengths.keys() == STORIES.keys() and max(lengths.values()) <= 25, lengths
