"""The settings under which our DDL runs on somebody else's connection, put back afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from keystone_viaduct.upgrade.steps import Server

from .mysql_running import SQL_MODE


@contextmanager
def session_of(connection: Any, server: Server, wait: float) -> Iterator[None]:
    """Locks are waited for as shortly as the engine can; triggers are made under our ``sql_mode``."""
    if server.engine == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(wait * 1000)}")
        yield
        connection.exec_driver_sql("SET LOCAL lock_timeout = DEFAULT")
        return
    if server.engine == "sqlite":
        yield
        return
    names = ("sql_mode", "character_set_client", "collation_connection", "lock_wait_timeout")
    shown = ", ".join(f"@@SESSION.{name}" for name in names)
    before = connection.exec_driver_sql(f"SELECT {shown}").one()
    least = 0 if server.engine == "mariadb" else 1
    connection.exec_driver_sql("SET NAMES utf8mb4")
    connection.exec_driver_sql(f"SET SESSION sql_mode = '{SQL_MODE}'")
    if not server.cluster:
        connection.exec_driver_sql(f"SET SESSION lock_wait_timeout = {least}")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"SET NAMES {before[1]} COLLATE {before[2]}")
        connection.exec_driver_sql(f"SET SESSION sql_mode = '{before[0]}'")
        connection.exec_driver_sql(f"SET SESSION lock_wait_timeout = {int(before[3])}")
