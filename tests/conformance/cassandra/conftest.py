"""A real Cassandra."""

from tests.support.cassandra_fixtures import cassandra_node, cassandra_session

__all__ = ["cassandra_node", "cassandra_session"]
