"""Sessions, the schema and its ladder, on a real Cassandra."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from keystone_viaduct.cassandra.connection import Connection
from keystone_viaduct.cassandra.schema import ladder
from keystone_viaduct.cassandra.schema.ladder import Ladder, Step, newest, steps
from keystone_viaduct.cassandra.session import Session
from keystone_viaduct.cassandra.settings import Settings
from keystone_viaduct.errors import (
    ConfigError,
    NotInitialised,
    SchemaMissing,
    SchemaNewer,
    StoreBusy,
    StoreError,
    StoreUnavailable,
)
from tests.unit.cassandra.roster import SHAPE, create

pytestmark = pytest.mark.cassandra


@pytest.fixture
def fresh(cassandra_node: str) -> Iterator[Session]:
    """A session in a keyspace that is not there yet."""
    session = Session(settings(cassandra_node, keyspace=f"k{uuid.uuid4().hex[:8]}"))
    yield session
    session.alter(f"DROP KEYSPACE IF EXISTS {session.settings.keyspace}")
    session.close()


def settings(node: str, **chosen: Any) -> Settings:
    """Settings for the node."""
    return Settings(nodes=(node,), request_timeout=10.0, **chosen)


def test_nobody_listening_is_said_at_once(cassandra_node: str) -> None:
    with pytest.raises(StoreUnavailable, match="refused"):
        Session(settings(cassandra_node, port=1))


def test_a_data_centre_that_is_not_there_is_named_with_those_that_are(cassandra_node: str) -> None:
    with pytest.raises(ConfigError, match=r"no data centre 'dc9', but dc1 .*local_datacenter"):
        Session(settings(cassandra_node, local_datacenter="dc9"))


def test_without_a_keyspace_nothing_is_served_and_nothing_made(fresh: Session) -> None:
    with pytest.raises(NotInitialised, match=fresh.settings.keyspace):
        Ladder(fresh).check()
    with pytest.raises(NotInitialised):
        Ladder(fresh).upgrade()


def test_a_keyspace_is_brought_to_the_newest_version_once(fresh: Session) -> None:
    climbed = Ladder(fresh)
    climbed.create({"dc1": 1})
    with pytest.raises(StoreError):
        climbed.check()
    assert climbed.upgrade() == [step.name for step in steps()]
    climbed.check()
    assert climbed.upgrade() == []
    assert climbed.version() == newest()
    assert fresh.levels.serial == "LOCAL_SERIAL"


def test_a_process_that_died_between_two_steps_is_followed_by_another(fresh: Session) -> None:
    climbed = Ladder(fresh)
    climbed.create({"dc1": 1})
    first = steps()[0]
    broken = Step(2, "0002_broken", "CREATE TABLE IF NOT EXISTS once (a int PRIMARY KEY); NONSENSE")
    with pytest.raises(StoreError, match="NONSENSE"):
        climbed.upgrade([first, broken])
    assert climbed.version() == 1
    with pytest.raises(SchemaMissing, match="has version 1"):
        climbed.check()
    mended = Step(2, "0002_mended", broken.text.replace("NONSENSE", "ALTER TABLE once ADD b int"))
    assert climbed.upgrade([first, mended]) == ["0002_mended"]
    assert climbed.version() == 2


def test_a_schema_of_a_later_release_is_left_alone(fresh: Session) -> None:
    climbed = Ladder(fresh)
    climbed.create({"dc1": 1})
    later = [*steps(), Step(newest() + 1, "later", "CREATE TABLE IF NOT EXISTS later (a int PRIMARY KEY)")]
    climbed.upgrade(later)
    for refused in (climbed.check, climbed.upgrade):
        with pytest.raises(SchemaNewer, match=f"has version {newest() + 1}"):
            refused()


def test_one_process_changes_the_schema_at_a_time(fresh: Session) -> None:
    climbed = Ladder(fresh)
    climbed.create({"dc1": 1})
    climbed.upgrade()
    other = ladder._Lock(fresh, fresh.settings.keyspace)
    other.take()
    with pytest.raises(StoreBusy, match="another process"):
        climbed.upgrade()
    other.free()
    assert climbed.upgrade() == []


def test_a_keyspace_made_for_another_serial_level_is_not_served(fresh: Session) -> None:
    climbed = Ladder(fresh)
    climbed.create({"dc1": 1})
    climbed.upgrade()
    climbed._put("serial", "SERIAL")
    with pytest.raises(ConfigError, match="two owners"):
        climbed.check()
    climbed.upgrade()
    climbed.check()


def test_a_table_that_is_missing_is_a_missing_schema(cassandra_session: Session) -> None:
    keyspace = cassandra_session.settings.keyspace
    with pytest.raises(SchemaMissing, match="upgrade"):
        cassandra_session.read(f"SELECT a FROM {keyspace}.nowhere")


def test_parent_and_child_after_a_fork_each_use_a_session_of_their_own(cassandra_session: Session) -> None:
    node = cassandra_session.settings.nodes[0]
    connection = Connection(lambda: settings(node), uuid.uuid4().hex[:8])
    create(connection.records(), "a1", "of the parent")
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            create(connection.records(), "b1", "of the child")
            os.write(write, b"done")
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    assert os.read(read, 10) == b"done"
    os.close(read)
    assert [key for key, _ in connection.records().list(SHAPE, "all")] == ["a1", "b1"]
