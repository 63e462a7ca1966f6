"""Database triggers from one description: compiled for each engine, compared with and installed on databases.

Knows nothing of replication or upgrades; both build on it.
"""

from .compiler import CompiledTrigger, compile
from .expressions import differs, has_changed, key_text, new, now_microseconds, old, same
from .installer import Action, Installer, State, TriggerStatus
from .spec import Assignment, Branch, Event, Timing, TriggerSpec, assign, branch
from .taking import attempt, fill, put_off, take
from .target import PrivilegeProblem

__all__ = [
    "Action",
    "Assignment",
    "Branch",
    "CompiledTrigger",
    "Event",
    "Installer",
    "PrivilegeProblem",
    "State",
    "Timing",
    "TriggerSpec",
    "TriggerStatus",
    "assign",
    "attempt",
    "branch",
    "compile",
    "differs",
    "fill",
    "has_changed",
    "key_text",
    "new",
    "now_microseconds",
    "old",
    "put_off",
    "same",
    "take",
]
