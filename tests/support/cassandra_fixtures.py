"""Fixtures of tests on a real Cassandra; apart, for all other tests would import its driver."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from keystone_viaduct.cassandra.session import Session
from tests.support import cassandras
from tests.support.servers import MissingServer, Servers, unavailable


@pytest.fixture(scope="session")
def cassandra_node(servers: Servers) -> str:
    """The address of a real Cassandra."""
    try:
        return cassandras.start(servers.run_folder, servers.owner)
    except MissingServer as missing:
        unavailable(str(missing), "without it nothing is known about Cassandra")


@pytest.fixture(scope="session")
def cassandra_session(cassandra_node: str) -> Iterator[Session]:
    """A session on it, in a keyspace with the newest schema."""
    session = cassandras.session(cassandra_node)
    yield session
    session.close()
