"""Fernet keys of a whole fleet: distributed, rotated and pruned so that every token validates everywhere."""

from keystone_viaduct.sync.keyset.advance import Confirmation, Step, Verdict, advance, blocking
from keystone_viaduct.sync.keyset.converge import next_writes
from keystone_viaduct.sync.keyset.model import Keyset, Retired, State, fingerprint, new_key
from keystone_viaduct.sync.keyset.repository import REPOSITORIES, KeyRepository

__all__ = [
    "REPOSITORIES",
    "Confirmation",
    "KeyRepository",
    "Keyset",
    "Retired",
    "State",
    "Step",
    "Verdict",
    "advance",
    "blocking",
    "fingerprint",
    "new_key",
    "next_writes",
]
