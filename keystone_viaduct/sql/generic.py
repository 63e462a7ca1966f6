"""Errors that oslo.db and SQLAlchemy have already understood, whatever the engine."""

from __future__ import annotations

from keystone_viaduct.drivers.faults import Fault


def classify(error: BaseException) -> Fault | None:
    """What an exception of oslo.db or SQLAlchemy means."""
    from oslo_db import exception as db_exception
    from sqlalchemy import exc

    if isinstance(error, db_exception.DBDeadlock):
        return Fault.CONFLICT
    if isinstance(error, db_exception.DBConnectionError):
        return Fault.LOST
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return Fault.LOST
    return None
