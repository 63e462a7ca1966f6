"""How the error codes of a DBAPI are read."""

from __future__ import annotations


def sqlstate(error: BaseException) -> str | None:
    """The five-character SQLSTATE of a DBAPI error (psycopg2: ``pgcode``, psycopg: ``sqlstate``), if it has
    one.
    """
    for attribute in ("pgcode", "sqlstate"):
        value = getattr(error, attribute, None)
        if isinstance(value, str):
            return value
    return None


def errno(error: BaseException) -> int | None:
    """The MySQL error number of a DBAPI error, if it has one: its first argument (PyMySQL, mysqlclient)."""
    number = error.args[0] if error.args else None
    return number if isinstance(number, int) and not isinstance(number, bool) else None
