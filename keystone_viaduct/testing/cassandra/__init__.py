"""A real Cassandra for tests: nodes of version 5.0 on loopback addresses, and the tables of one in memory."""
