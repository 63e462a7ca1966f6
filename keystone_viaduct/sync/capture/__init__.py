"""Capture: every committed change of a replicated record leaves a mark in ``viaduct_dirty``.

By triggers in the database, or, where it can have none, by events of the engine in Keystone's processes.
"""

from keystone_viaduct.sync.capture.choice import OFFER, by_events, hook, triggers_of
from keystone_viaduct.sync.capture.session import SessionCapture
from keystone_viaduct.sync.capture.specs import PREFIX, capture_specs
from keystone_viaduct.sync.capture.triggers import TriggerCapture

__all__ = [
    "OFFER",
    "PREFIX",
    "SessionCapture",
    "TriggerCapture",
    "by_events",
    "capture_specs",
    "hook",
    "triggers_of",
]
