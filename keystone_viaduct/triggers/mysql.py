"""Triggers on MariaDB (10.3 and later) and MySQL (8.0 and later)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from sqlalchemy.dialects.mysql.base import MySQLDialect

from .rendering import Renderer
from .spec import TriggerSpec
from .target import Installed, PrivilegeProblem, Target, query, run

_LABEL = re.compile(r"\s*`?fp_([0-9a-f]{12})`?\s*:", re.IGNORECASE)
_GRANT = re.compile(r"GRANT (?P<privileges>.+?) ON (?P<place>\S+) TO ", re.IGNORECASE)
_ACCESS_DENIED = {1044, 1142, 1227, 1370}
_BINARY_LOG = 1419
_LOCK_TIMEOUT = 1205

_BINARY_LOG_HINT = (
    "binary logging is on: let an administrator SET GLOBAL log_bin_trust_function_creators = 1 "
    "(row-based logging makes it safe), or grant SUPER"
)


class MySQLTarget(Target):
    """Row triggers of MariaDB and MySQL.

    The fingerprint is the label of the body's block (16 characters at most): client programs strip comments
    from a restored dump, labels stay. DDL commits at once here, so a failed installation can't be undone.
    """

    base = MySQLDialect
    name_limit = 64
    transactional = False

    def create(self, spec: TriggerSpec, render: Renderer, fingerprint: str) -> tuple[str, ...]:
        """One CREATE TRIGGER with a labelled block."""
        declared, assigned = render.assigned("DECLARE {} {};", "SET {} = {};")
        body = [*render.statements(), *assigned]
        condition = render.condition()
        if condition:
            body = [f"IF {condition} THEN", *(f"  {line}" for line in body), "END IF;"]
        lines = [
            render.header(),
            "FOR EACH ROW",
            f"fp_{fingerprint}: BEGIN",
            *(f"  {line}" for line in [*declared, *body]),
            "END",
        ]
        return ("\n".join(lines),)

    def drop(self, installed: Installed, schema: str | None) -> tuple[str, ...]:
        """One DROP TRIGGER."""
        return (f"DROP TRIGGER IF EXISTS `{installed.name}`",)

    def installed(self, connection: Any, prefix: str) -> list[Installed]:
        """From ``information_schema.triggers``; without the TRIGGER privilege a user sees none there."""
        rows = query(
            connection,
            "SELECT trigger_name, event_object_table, action_statement FROM information_schema.triggers"
            " WHERE trigger_schema = DATABASE() ORDER BY trigger_name",
        )
        return [
            Installed(name, table, found.group(1) if (found := _LABEL.match(body)) else "")
            for name, table, body in rows
            if name.startswith(prefix)
        ]

    @contextmanager
    def transaction(self, connection: Any) -> Iterator[None]:
        """No savepoint: the first DDL statement would end the transaction, and the savepoint with it."""
        with nullcontext() if connection.in_transaction() else connection.begin():
            yield

    @contextmanager
    def patience(self, connection: Any, seconds: float) -> Iterator[None]:
        """``lock_wait_timeout`` (whole seconds), set back afterwards."""
        before = query(connection, "SELECT @@SESSION.lock_wait_timeout")[0][0]
        run(connection, f"SET SESSION lock_wait_timeout = {max(1, round(seconds))}")
        try:
            yield
        finally:
            run(connection, f"SET SESSION lock_wait_timeout = {int(before)}")

    def problems(self, connection: Any, specs: Sequence[TriggerSpec]) -> list[PrivilegeProblem]:
        """TRIGGER on each table, and leave to create triggers beside a binary log."""
        database = query(connection, "SELECT DATABASE()")[0][0]
        grants = _grants(connection)
        found = []
        for table in sorted({spec.table.name for spec in specs}):
            held = [privileges for place, privileges in grants if _covers(place, database, table)]
            if not any(privileges & {"TRIGGER", "ALL PRIVILEGES"} for privileges in held):
                hint = f"GRANT TRIGGER ON `{database}`.* TO CURRENT_USER()"
                found.append(PrivilegeProblem(f"table {table}", "TRIGGER", hint))
        logged, trusted = query(connection, "SELECT @@log_bin, @@log_bin_trust_function_creators")[0]
        everywhere = [privileges for place, privileges in grants if place == "*.*"]
        powerful = any(privileges & {"SUPER", "ALL PRIVILEGES"} for privileges in everywhere)
        if int(logged) and not int(trusted) and not powerful:
            found.append(PrivilegeProblem("server", "SUPER", _BINARY_LOG_HINT))
        return found

    def hint(self, error: Exception) -> str:
        """For the server's privilege errors."""
        number = (getattr(getattr(error, "orig", None), "args", None) or (None,))[0]
        if number in _ACCESS_DENIED:
            return "the database user needs the TRIGGER privilege: GRANT TRIGGER ON <database>.* TO <user>"
        if number == _LOCK_TIMEOUT:
            return "a transaction holds the table for too long; try again, or give more lock_seconds"
        return _BINARY_LOG_HINT if number == _BINARY_LOG else ""


def _grants(connection: Any) -> list[tuple[str, set[str]]]:
    """The user's grants, those of his active roles too, as (``database.table``, privileges)."""
    result = []
    for row in query(connection, "SHOW GRANTS"):
        found = _GRANT.match(row[0])
        if found:
            privileges = {item.strip().upper() for item in found["privileges"].split(",")}
            result.append((found["place"].replace("`", ""), privileges))
    return result


def _covers(place: str, database: str, table: str) -> bool:
    """Whether a grant's place covers the table; unescaped ``_`` and ``%`` in its database are patterns."""
    where, _, what = place.rpartition(".")
    if what not in ("*", table):
        return False
    tokens = re.findall(r"\\?.", where)
    pattern = "".join({"_": ".", "%": ".*"}.get(token) or re.escape(token[-1]) for token in tokens)
    return where == "*" or re.fullmatch(pattern, database) is not None
