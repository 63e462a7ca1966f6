"""Tells an error of a commit from every other error.

When the connection is lost while a commit is under way, nobody knows whether it happened. SQLAlchemy
announces a commit (event ``commit``) and every error (event ``handle_error``); between the two it runs no
statement.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from keystone_viaduct.drivers import faults

_COMMITTING = "viaduct_committing"


def watch(engine: sa.engine.Engine) -> None:
    """Mark the exceptions that come out of a commit on ``engine`` with ``faults.IN_COMMIT``."""
    event.listen(engine, "commit", _announced)
    event.listen(engine, "begin", _elsewhere)
    event.listen(engine, "rollback", _elsewhere)
    event.listen(engine, "handle_error", _failed)


def _announced(connection: sa.engine.Connection) -> None:
    connection.info[_COMMITTING] = True


def _elsewhere(connection: sa.engine.Connection) -> None:
    if not connection.invalidated:
        connection.info.pop(_COMMITTING, None)


def _failed(context: Any) -> None:
    connection = context.connection
    if connection is None or context.statement is not None or connection.closed or connection.invalidated:
        return
    if connection.info.pop(_COMMITTING, False):
        setattr(context.original_exception, faults.IN_COMMIT, True)
