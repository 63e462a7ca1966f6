"""Keystone's data in Cassandra: every driver that is chosen as ``cassandra`` in ``keystone.conf``."""
