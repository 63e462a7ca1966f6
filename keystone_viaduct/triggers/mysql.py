"""Triggers on MariaDB (10.3 and later) and MySQL (8.0 and later)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from sqlalchemy.dialects.mysql.base import MySQLDialect

from .reaching import MySQLSteps
from .rendering import Renderer
from .spec import TriggerSpec
from .target import Installed, PrivilegeProblem, Target, query, run

_LABEL = re.compile(r"\s*`?fp_([0-9a-f]{12})`?\s*:", re.IGNORECASE)
_GRANT = re.compile(r"GRANT (?P<privileges>.+?) ON (?P<place>\S+) TO (?P<holder>\S+)", re.IGNORECASE)
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

    def __init__(self, isolation: str, *, skips: bool) -> None:
        """``isolation``: how the server calls that setting; ``skips``: triggers may use SKIP LOCKED."""
        self._steps = MySQLSteps(isolation, skips=skips)

    def create(self, spec: TriggerSpec, render: Renderer, fingerprint: str) -> tuple[str, ...]:
        """One CREATE TRIGGER with a labelled block."""
        declared, assigned = render.assigned("DECLARE {} {};", "SET {} = {};")
        declared += self._steps.declared(spec, render)
        chosen = render.chosen("SET {} = {};", "ELSEIF", complete=spec.complete)
        body = [*render.statements(self._steps.step), *assigned, *chosen]
        condition = None if spec.complete else render.condition()
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
        """TRIGGER on each table, what the bodies do, and leave to create triggers beside a binary log."""
        database = query(connection, "SELECT DATABASE()")[0][0]
        grants = _grants(connection)
        needs = {("TRIGGER", spec.table.name) for spec in specs}
        needs |= {(verb.upper(), table) for spec in specs for verb, table in spec.writes}
        found = [
            PrivilegeProblem(
                f"table {table}", privilege, f"GRANT {privilege} ON `{database}`.* TO CURRENT_USER()"
            )
            for privilege, table in sorted(needs)
            if not _held(grants, database, table) & {privilege, "ALL PRIVILEGES"}
        ]
        settings = dict(query(connection, "SHOW GLOBAL VARIABLES LIKE 'log_bin%'"))
        everywhere = {privilege for grant in grants if grant.place == "*.*" for privilege in grant.privileges}
        powerful = everywhere & {"SUPER", "ALL PRIVILEGES"}
        restricted = settings.get("log_bin_trust_function_creators") == "OFF"
        if settings["log_bin"] == "ON" and restricted and not powerful:
            found.append(PrivilegeProblem("server", "SUPER", _BINARY_LOG_HINT))
        return found

    def hint(self, error: BaseException) -> str:
        """For the server's privilege errors."""
        number = error.args[0] if error.args else None
        if number in _ACCESS_DENIED:
            return "the database user needs the TRIGGER privilege: GRANT TRIGGER ON <database>.* TO <user>"
        if number == _LOCK_TIMEOUT:
            return "a transaction holds the table for too long; try again, or give more lock_seconds"
        return _BINARY_LOG_HINT if number == _BINARY_LOG else ""


@dataclass(frozen=True)
class _Grant:
    """One line of SHOW GRANTS; ``place`` is ``database.table`` without quotes."""

    holder: str
    place: str
    privileges: frozenset[str]


def _grants(connection: Any) -> list[_Grant]:
    """The user's grants, and those of his active roles."""
    found = (_GRANT.match(row[0]) for row in query(connection, "SHOW GRANTS"))
    return [
        _Grant(
            line["holder"],
            line["place"].replace("`", ""),
            frozenset(item.strip().upper() for item in line["privileges"].split(",")),
        )
        for line in found
        if line
    ]


def _held(grants: Sequence[_Grant], database: str, table: str) -> set[str]:
    """Privileges on a table. Of a holder's database grants, one by name hides those by pattern."""
    exact = {_literal(database), database}
    named = {grant.holder for grant in grants if grant.place.removesuffix(".*") in exact}
    return {
        privilege
        for grant in grants
        if grant.place in ("*.*", f"{database}.{table}")
        or grant.place.removesuffix(".*") in exact
        or (grant.holder not in named and _matches(grant.place, database))
        for privilege in grant.privileges
    }


def _literal(database: str) -> str:
    """The database's name as GRANT writes it where patterns are possible."""
    return re.sub(r"([_%])", r"\\\1", database)


def _matches(place: str, database: str) -> bool:
    """Whether ``pattern.*`` covers the database: ``_`` and ``%`` stand for other text unless escaped."""
    if not place.endswith(".*"):
        return False
    tokens = re.findall(r"\\?.", place[:-2])
    pattern = "".join({"_": ".", "%": ".*"}.get(token) or re.escape(token[-1]) for token in tokens)
    return re.fullmatch(pattern, database) is not None
