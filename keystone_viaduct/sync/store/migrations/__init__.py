"""Alembic environment of our own tables; run by :mod:`keystone_viaduct.sync.store.schema` only."""
