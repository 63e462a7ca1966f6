"""Which transaction scope of Keystone is open on this thread.

Keystone's drivers open scopes with oslo.db's enginefacade on one thread-local context
(``keystone.common.sql.core``); inner scopes join the outer one. oslo.db has no public question for "is one
open", so this module, alone, looks at the attributes in which it keeps the answer;
``tests/unit/drivers/test_scope.py`` holds them to it.
"""

from __future__ import annotations

import enum
import functools
from typing import Any


class Scope(enum.Enum):
    """The outermost open scope."""

    NONE = "none"
    READER = "reader"
    WRITER = "writer"


def current(context: Any = None) -> Scope:
    """The scope that is open on this thread, in ``context`` or in Keystone's own one."""
    if context is None:
        context = _keystones()._get_context()
    contexts = getattr(context, "_enginefacade_context", None)
    transaction = getattr(contexts, "current", None)
    mode = getattr(transaction, "mode", None)
    if mode is None:
        return Scope.NONE
    return Scope.WRITER if mode is _writer() else Scope.READER


@functools.cache
def _keystones() -> Any:
    """Imported once, and late: this is asked several times in each driver call."""
    from keystone.common.sql import core

    return core


@functools.cache
def _writer() -> Any:
    from oslo_db.sqlalchemy import enginefacade

    return enginefacade._WRITER
