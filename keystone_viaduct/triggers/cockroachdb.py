"""Triggers on CockroachDB (24.3 and later: the first release that has them)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from sqlalchemy.dialects.postgresql.base import PGDialect

from .postgresql import PostgreSQLTarget
from .rendering import Renderer, trigger_dialect
from .spec import TriggerSpec
from .target import Installed, query

_FUNCTION = re.compile(r"(?P<trigger>[a-z0-9_]+)__(?P<fingerprint>[0-9a-f]{12})\Z")

_FUNCTIONS = """
SELECT p.proname FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = current_schema() ORDER BY p.proname
"""
_TABLES = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name
"""


class CockroachDialect(PGDialect):
    """PostgreSQL's SQL under CockroachDB's name, so that it can be rendered without CockroachDB's package."""

    name = "cockroachdb"
    supports_statement_cache = False


class CockroachDBTarget(PostgreSQLTarget):
    """PostgreSQL's form with CockroachDB's differences.

    ``OLD`` and ``NEW`` stand in parentheses (a documented limitation of composite types). Function sources
    are stored re-formatted, without comments, so the fingerprint is a suffix of the function's name.
    ``pg_trigger`` is empty before 25.3, so triggers are read by SHOW TRIGGERS. The function runs with the
    writer's rights.
    """

    base = CockroachDialect
    transactional = False
    name_limit = 63 - 14
    security = ""

    def renderer(self, spec: TriggerSpec, schema: str | None) -> Renderer:
        """A renderer that writes ``(NEW)."column"``."""
        return Renderer(spec, trigger_dialect(self.base, schema), parenthesised=True)

    def create(self, spec: TriggerSpec, render: Renderer, fingerprint: str) -> tuple[str, ...]:
        """The function, with the fingerprint in its name, then the trigger."""
        function = f"{spec.name}__{fingerprint}"
        return (self._function(spec, render, function, ""), self._trigger(spec, render, function))

    def as_installed(self, spec: TriggerSpec, fingerprint: str) -> Installed:
        """With the function whose name carries the fingerprint."""
        return Installed(spec.name, spec.table.name, fingerprint, f"{spec.name}__{fingerprint}")

    @contextmanager
    def transaction(self, connection: Any) -> Iterator[None]:
        """No savepoint: CockroachDB can't roll back to one across DDL."""
        with nullcontext() if connection.in_transaction() else connection.begin():
            yield

    def installed(self, connection: Any, prefix: str) -> list[Installed]:
        """Functions by their names; triggers by SHOW TRIGGERS of every table."""
        functions: dict[str, tuple[str, str]] = {}
        found: list[Installed] = []
        for (function,) in query(connection, _FUNCTIONS):
            parts = _FUNCTION.match(function)
            if parts and function.startswith(prefix):
                if parts["trigger"] in functions:
                    found.append(Installed(parts["trigger"], "", "", functions[parts["trigger"]][0]))
                functions[parts["trigger"]] = (function, parts["fingerprint"])
        for (table,) in query(connection, _TABLES):
            quoted = table.replace('"', '""')
            for row in query(connection, f'SHOW TRIGGERS FROM "{quoted}"'):
                if row[0].startswith(prefix):
                    function, fingerprint = functions.pop(row[0], ("", ""))
                    found.append(Installed(row[0], table, fingerprint, function))
        return [*found, *(Installed(name, "", "", function) for name, (function, _) in functions.items())]
