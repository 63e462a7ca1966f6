"""The ports over SQL: a site's own state, in Keystone's database and in the same transactions."""

from keystone_viaduct.sync.store.engine import make_engine
from keystone_viaduct.sync.store.store import SqlStore
from keystone_viaduct.sync.store.transaction import SqlTransaction

__all__ = ["SqlStore", "SqlTransaction", "make_engine"]
