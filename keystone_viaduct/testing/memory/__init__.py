"""A whole site in memory: Keystone's tables and ours, behind the same ports as the SQL store.

It is as strict as a database: a duplicate unique value or a missing owning reference is an error, and a
failed transaction leaves nothing behind.
"""

from keystone_viaduct.testing.memory.data import Data as Data
from keystone_viaduct.testing.memory.data import Fold as Fold
from keystone_viaduct.testing.memory.data import Violation as Violation
from keystone_viaduct.testing.memory.data import empty as empty
from keystone_viaduct.testing.memory.data import signer_of as signer_of
from keystone_viaduct.testing.memory.store import LOST_ANSWER as LOST_ANSWER
from keystone_viaduct.testing.memory.store import LOST_COMMIT as LOST_COMMIT
from keystone_viaduct.testing.memory.store import MemoryStore as MemoryStore
from keystone_viaduct.testing.memory.store import MemoryTransaction as MemoryTransaction
