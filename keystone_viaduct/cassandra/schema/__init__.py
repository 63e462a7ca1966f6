"""The schema in Cassandra: released ``.cql`` files, in order, and what brings a keyspace from one to the
next.
"""
