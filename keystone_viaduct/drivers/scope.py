"""Which transaction scope of Keystone is open on this thread.

Keystone's drivers open scopes with oslo.db's enginefacade on one thread-local context
(``keystone.common.sql.core``); inner scopes join the outer one. oslo.db has no public question for "is one
open", so this module, alone, looks at the attributes in which it keeps the answer;
``tests/unit/drivers/test_scope.py`` holds them to it.
"""

from __future__ import annotations

import enum
from typing import Any


class Scope(enum.Enum):
    """The outermost open scope."""

    NONE = "none"
    READER = "reader"
    WRITER = "writer"


def current(context: Any = None) -> Scope:
    """The scope that is open on this thread, in ``context`` or in Keystone's own one."""
    if context is None:
        from keystone.common.sql import core

        context = core._get_context()
    contexts = getattr(context, "_enginefacade_context", None)
    transaction = getattr(contexts, "current", None)
    mode = getattr(transaction, "mode", None)
    if mode is None:
        return Scope.NONE
    return Scope.WRITER if _is_writer(mode) else Scope.READER


def _is_writer(mode: Any) -> bool:
    from oslo_db.sqlalchemy import enginefacade

    return mode is enginefacade._WRITER
