"""A site of a release to come beside one of today, which is then upgraded: nothing is lost on the way.

Over SQL, with Keystone's own tables: what is written here with plain SQL, a Keystone of that release would
write.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.clock import SystemClock
from keystone_viaduct.documents.codec import Options
from keystone_viaduct.kinds.value import Document
from keystone_viaduct.sync.link.link import Link
from keystone_viaduct.sync.link.replicator import Progress
from keystone_viaduct.sync.model import Peer, Ref
from keystone_viaduct.sync.sealing import KeyRing
from keystone_viaduct.sync.site import Site
from keystone_viaduct.sync.store import SqlStore
from keystone_viaduct.triggers.installer import Installer
from tests.support.databases import DatabaseScope
from tests.support.next_release import NEXT_OPTIONS, OPTIONS, migrate
from tests.support.servers import Server
from tests.support.sites import open_site

USER, PROJECT, ENDPOINT = Ref("user", "u"), Ref("project", "p"), Ref("endpoint", "e")
LIMIT = Ref("limit", "l")
LONG = "x" * 81
STEPS = 40


class End:
    """One site: a database that is opened anew when its release changes."""

    def __init__(self, name: str, url: str, options: Options) -> None:
        self.name, self.url = name, url
        self._exits, self._ring = ExitStack(), KeyRing.generate()
        self.open(options)

    def open(self, options: Options) -> None:
        """Look at the schema, and go on as this release."""
        self._exits.close()
        self.store: SqlStore = self._exits.enter_context(
            open_site(self.url, self.name, "east", options=options, ring=self._ring)
        )
        self.site = Site(self.store, SystemClock())

    def upgrade(self) -> None:
        """Stop, migrate without our triggers (they name the columns), `viaduct init`, start."""
        with self.store.engine.connect() as connection:
            Installer(connection).prune()
        self._exits.close()
        migrate(self.url)
        self.open(NEXT_OPTIONS)

    def close(self) -> None:
        """Close all connections."""
        self._exits.close()

    def sql(self, statement: str, **values: Any) -> list[Any]:
        """What Keystone does; rows if there are any."""
        with self.store.engine.begin() as connection:
            result = connection.execute(sa.text(statement), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    def document(self, ref: Ref) -> Document | None:
        """What its tables hold."""
        return self.store.read(lambda tx: tx.documents([ref])).get(ref)

    def carried(self, ref: Ref) -> Document:
        """What it has no column for."""
        return self.store.read(lambda tx: tx.records([ref]))[ref].unknown

    def held_beside(self) -> dict[Ref, str]:
        """The records that its tables can't hold, and why."""
        found = self.store.read(lambda tx: tx.carried(0, 100))
        return {record.ref: record.carried.reason for record in found if record.carried is not None}


class Two:
    """``east``, the hub, and ``west``, both of today's release unless told otherwise."""

    def __init__(self, east: End, west: End) -> None:
        self.east, self.west = east, west
        secret = east.store.read(lambda tx: tx.known_state()).fleet_secret
        west.store.run(lambda tx: tx.save_state(replace(tx.state(), fleet_secret=secret)))
        for end, other in ((east, west), (west, east)):
            state = other.store.read(lambda tx: tx.known_state())
            peer = Peer(other.name, other.store.ring.public_key, state.incarnation)
            end.store.run(lambda tx, peer=peer: tx.save_peer(peer))  # type: ignore[misc]

    def sync(self) -> None:
        """Both ways, until nothing moves."""
        link = Link(self.east.site, self.west.site)
        ways = (link.up, link.down)
        for _ in range(STEPS):
            before = [way.totals.changes for way in ways]
            progress = [link.step(way) for _ in range(3) for way in ways]
            if before == [way.totals.changes for way in ways] and Progress.MORE not in progress:
                return
        raise AssertionError("the link does not come to rest")

    def marks(self) -> list[int]:
        """Feed heads, to see that an upgrade is no edit."""
        return [end.store.read(lambda tx: tx.known_state()).head for end in (self.east, self.west)]

    def conflicts(self) -> list[str]:
        """Their sorts, as listed at the hub."""
        return [found.sort for found in self.east.store.read(lambda tx: tx.conflicts(100, open_only=False))]


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.twin])]
)
def two(request: pytest.FixtureRequest, database_scope: DatabaseScope) -> Iterator[Two]:
    """A hub of today, a spoke of the next release, and some records that the hub has made."""
    if request.param != "sqlite":
        server: Server = request.getfixturevalue(request.param)
        assert server
    east = End("east", database_scope.keystone(request.param), OPTIONS)
    west = End("west", database_scope.keystone(request.param), OPTIONS)
    try:
        west.upgrade()
        found = Two(east, west)
        fill(east)
        found.sync()
        yield found
    finally:
        east.close()
        west.close()


def fill(end: End) -> None:
    """A domain with a user and a project, a service with an endpoint and a limit."""
    domain = "INSERT INTO project (id, name, enabled, domain_id, is_domain) VALUES (:id, :id, :yes, :of, :is)"
    root = "<<keystone.domain.root>>"
    end.sql(domain, id="d", yes=True, of=root, **{"is": True})
    end.sql(
        "INSERT INTO project (id, name, enabled, domain_id, parent_id, is_domain, description)"
        " VALUES ('p', 'p', :yes, 'd', 'd', :no, 'short')",
        yes=True,
        no=False,
    )
    end.sql("""INSERT INTO "user" (id, domain_id, enabled, extra) VALUES ('u', 'd', :yes, '{}')""", yes=True)
    end.sql("INSERT INTO local_user (user_id, domain_id, name) VALUES ('u', 'd', 'ada')")
    end.sql("INSERT INTO service (id, type, enabled, extra) VALUES ('s', 'store', :yes, '{}')", yes=True)
    end.sql(
        "INSERT INTO endpoint (id, legacy_endpoint_id, interface, service_id, url, enabled, extra)"
        " VALUES ('e', 'old', 'public', 's', 'http://one', :yes, '{}')",
        yes=True,
    )
    end.sql(
        "INSERT INTO registered_limit (id, service_id, resource_name, default_limit)"
        " VALUES ('r', 's', 'bytes', 10)"
    )
    end.sql(
        """INSERT INTO "limit" (id, project_id, resource_limit, registered_limit_id)"""
        " VALUES ('l', 'p', 20, 'r')"
    )


def of(document: Document | None, field: str) -> Any:
    """A field of a document that is there."""
    assert document is not None
    return document.get(field)


def test_what_the_older_site_made_gets_the_defaults_of_new_columns(two: Two) -> None:
    assert of(two.west.document(USER), "nickname") is None
    assert of(two.west.document(PROJECT), "tier") == 1
    assert of(two.west.document(LIMIT), "resource_limit") == 20
    assert two.conflicts() == []


def test_a_new_column_s_value_survives_changes_at_the_older_site_and_its_upgrade(two: Two) -> None:
    two.west.sql("""UPDATE "user" SET nickname = 'countess' WHERE id = 'u'""")
    two.west.sql("UPDATE project SET tier = 3 WHERE id = 'p'")
    two.sync()
    assert two.east.carried(USER) == {"nickname": "countess"}
    assert two.east.carried(PROJECT) == {"tier": 3}
    two.east.sql("""UPDATE "user" SET enabled = :no WHERE id = 'u'""", no=False)
    two.east.sql("UPDATE project SET description = 'changed' WHERE id = 'p'")
    two.sync()
    assert two.west.sql("""SELECT nickname, enabled FROM "user" WHERE id = 'u'""") == [("countess", False)]
    assert two.west.sql("SELECT tier, description FROM project WHERE id = 'p'") == [(3, "changed")]
    before = two.marks()

    two.east.upgrade()
    two.sync()
    assert two.east.sql("""SELECT nickname FROM "user" WHERE id = 'u'""") == [("countess",)]
    assert two.east.sql("SELECT tier FROM project WHERE id = 'p'") == [(3,)]
    assert two.east.carried(USER) == {} and two.east.carried(PROJECT) == {}
    assert two.marks() == before
    two.east.sql("""UPDATE "user" SET nickname = NULL WHERE id = 'u'""")
    two.sync()
    assert of(two.west.document(USER), "nickname") is None
    assert two.conflicts() == []


def test_a_dropped_column_empties_nothing_at_the_older_site(two: Two) -> None:
    assert two.west.carried(ENDPOINT) == {"legacy_endpoint_id": "old"}
    two.west.sql("UPDATE endpoint SET url = 'http://two' WHERE id = 'e'")
    two.sync()
    found = two.east.sql("SELECT url, legacy_endpoint_id FROM endpoint WHERE id = 'e'")
    assert found == [("http://two", "old")]


def test_what_a_dropped_column_held_stays_in_the_fleet_after_the_last_upgrade(two: Two) -> None:
    """The hub's own column is dropped while it holds a value: that is no edit, nor a forgery."""
    before = two.marks()
    two.east.upgrade()
    two.sync()
    two.east.sql("UPDATE endpoint SET url = 'http://three' WHERE id = 'e'")
    two.sync()
    assert two.west.sql("SELECT url FROM endpoint WHERE id = 'e'") == [("http://three",)]
    assert two.west.carried(ENDPOINT) == {"legacy_endpoint_id": "old"}
    assert two.marks()[0] == before[0] + 1
    assert two.conflicts() == []


def test_an_option_that_the_older_release_does_not_register_is_kept_from_it(two: Two) -> None:
    """It would delete the row with the user's next change."""
    two.west.sql(
        "INSERT INTO user_option (user_id, option_id, option_value) VALUES ('u', '1999', '\"blue\"')"
    )
    two.west.sql("INSERT INTO user_option (user_id, option_id, option_value) VALUES ('u', '1003', 'true')")
    two.sync()
    rows = "SELECT option_id FROM user_option WHERE user_id = 'u' ORDER BY option_id"
    assert two.east.sql(rows) == [("1003",)]
    assert two.east.carried(USER) == {"option.1999": "blue"}
    two.east.sql("""UPDATE "user" SET enabled = :no WHERE id = 'u'""", no=False)
    two.east.sql("DELETE FROM user_option WHERE option_id = '1003'")
    two.sync()
    assert two.west.sql(rows) == [("1999",)]
    two.east.upgrade()
    two.sync()
    assert two.east.sql(rows) == [("1999",)]
    two.east.sql("DELETE FROM user_option WHERE option_id = '1999'")
    two.sync()
    assert two.west.sql(rows) == []
    assert two.conflicts() == []


def test_an_option_that_a_downgraded_keystone_deletes_is_not_deleted_elsewhere(two: Two) -> None:
    """The row is in its tables from before, and it goes with the first change of the user."""
    two.east.sql(
        "INSERT INTO user_option (user_id, option_id, option_value) VALUES ('u', '1999', '\"blue\"')"
    )
    two.sync()
    rows = "SELECT option_value FROM user_option WHERE user_id = 'u'"
    assert two.west.sql(rows) == [('"blue"',)]
    two.east.sql("DELETE FROM user_option WHERE option_id = '1999'")
    two.east.sql("""UPDATE "user" SET enabled = :no WHERE id = 'u'""", no=False)
    two.sync()
    assert two.west.sql(rows) == [('"blue"',)]
    assert of(two.west.document(USER), "enabled") is False


@pytest.mark.parametrize("two", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True)
def test_a_value_that_a_narrower_column_cannot_hold_is_carried_there_and_holds_up_nothing(two: Two) -> None:
    two.east.sql("UPDATE project SET description = :text WHERE id = 'p'", text=LONG)
    two.east.sql("UPDATE endpoint SET url = 'http://later' WHERE id = 'e'")
    two.sync()
    assert of(two.west.document(PROJECT), "description") == "short"
    assert of(two.west.document(ENDPOINT), "url") == "http://later"
    assert two.west.store.read(lambda tx: tx.pending("east")) == []
    assert two.west.held_beside() == {PROJECT: "unstorable"}
    two.east.sql("UPDATE project SET description = 'fits' WHERE id = 'p'")
    two.sync()
    assert of(two.west.document(PROJECT), "description") == "fits"
    assert two.west.held_beside() == {}


@pytest.mark.parametrize("two", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True)
def test_a_value_that_only_the_newer_release_can_hold_is_carried_by_the_older_hub_until_its_upgrade(
    two: Two,
) -> None:
    two.west.sql("""UPDATE "limit" SET resource_limit = :much WHERE id = 'l'""", much=2**40)
    two.sync()
    assert of(two.west.document(LIMIT), "resource_limit") == 2**40
    assert of(two.east.document(LIMIT), "resource_limit") == 20
    assert two.east.held_beside() == {LIMIT: "unstorable"}
    assert two.conflicts() == []
    two.east.upgrade()
    two.sync()
    assert two.east.held_beside() == {}
    assert of(two.east.document(LIMIT), "resource_limit") == 2**40
