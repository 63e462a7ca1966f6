"""Triggers on PostgreSQL (11 and later)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy.dialects.postgresql.base import PGDialect

from .expressions import contains_query
from .reaching import postgresql_step
from .rendering import Renderer
from .spec import Event, Timing, TriggerSpec
from .target import Installed, PrivilegeProblem, Target, query, run, text_literal

_MARK = re.compile(r"/\* viaduct:([0-9a-f]*) \*/")

_INSTALLED = """
SELECT t.tgname, c.relname, p.proname, p.prosrc, t.tgenabled
FROM pg_catalog.pg_proc p
LEFT JOIN pg_catalog.pg_trigger t ON t.tgfoid = p.oid AND NOT t.tgisinternal
LEFT JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
WHERE p.pronamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = current_schema())
  AND p.prorettype = 'pg_catalog.trigger'::pg_catalog.regtype
ORDER BY p.proname, t.tgname
"""

_SEQUENCES = """
SELECT c.relname FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_depend d ON d.objid = c.oid AND d.deptype = 'a'
WHERE d.refobjid = to_regclass({})
  AND CASE WHEN c.relkind = 'S' THEN NOT has_sequence_privilege(c.oid, 'USAGE') ELSE false END
ORDER BY c.relname
"""


class PostgreSQLTarget(Target):
    """One function and one trigger per spec, both of the spec's name.

    The function names every table with its schema and runs with the rights of its owner and a fixed search
    path, so that a writer needs no rights on what the body touches, whatever his own search path is.
    """

    base = PGDialect
    name_limit = 63
    security = "SECURITY DEFINER SET search_path = pg_catalog, pg_temp"

    def create(self, spec: TriggerSpec, render: Renderer, fingerprint: str) -> tuple[str, ...]:
        """The function, with the fingerprint as a comment in its source, then the trigger."""
        return (
            self._function(spec, render, spec.name, f"/* viaduct:{fingerprint} */"),
            self._trigger(spec, render, spec.name),
        )

    def as_installed(self, spec: TriggerSpec, fingerprint: str) -> Installed:
        """With the function of the same name."""
        return Installed(spec.name, spec.table.name, fingerprint, spec.name)

    def drop(self, installed: Installed, schema: str | None) -> tuple[str, ...]:
        """The trigger, then its function."""
        place = f'"{schema}".' if schema else ""
        trigger = f'DROP TRIGGER IF EXISTS "{installed.name}" ON {place}"{installed.table}"'
        function = f'DROP FUNCTION IF EXISTS {place}"{installed.function}"()'
        pairs = ((trigger, installed.table), (function, installed.function))
        return tuple(sql for sql, there in pairs if there)

    def installed(self, connection: Any, prefix: str) -> list[Installed]:
        """Trigger functions of the schema, with their triggers."""
        return [
            Installed(
                trigger or function,
                table or "",
                found.group(1) if table and enabled != "D" and (found := _MARK.search(source)) else "",
                function,
            )
            for trigger, table, function, source, enabled in query(connection, _INSTALLED)
            if function.startswith(prefix)
        ]

    def schema(self, connection: Any) -> str | None:
        """The first existing schema of the search path."""
        return str(query(connection, "SELECT current_schema()")[0][0])

    @contextmanager
    def patience(self, connection: Any, seconds: float) -> Iterator[None]:
        """``lock_timeout`` until the end of the block (a failure undoes it with the transaction)."""
        before = query(connection, "SELECT current_setting('lock_timeout')")[0][0]
        run(connection, f"SET LOCAL lock_timeout = '{round(seconds * 1000)}ms'")
        yield
        run(connection, f"SET LOCAL lock_timeout = {text_literal(before)}")

    def problems(self, connection: Any, specs: Sequence[TriggerSpec]) -> list[PrivilegeProblem]:
        """CREATE on the schema, TRIGGER on each table, and for the function what its body does."""
        schema = self.schema(connection)
        found = []
        if not query(connection, "SELECT has_schema_privilege(current_schema(), 'CREATE')")[0][0]:
            hint = f'GRANT CREATE ON SCHEMA "{schema}" TO CURRENT_USER'
            found.append(PrivilegeProblem(f"schema {schema}", "CREATE", hint))
        for table in sorted({spec.table.name for spec in specs}):
            name = text_literal(f'"{schema}"."{table}"')
            rows = query(connection, f"SELECT has_table_privilege(to_regclass({name}), 'TRIGGER')")
            if rows[0][0] is False:
                hint = f'GRANT TRIGGER ON "{schema}"."{table}" TO CURRENT_USER'
                found.append(PrivilegeProblem(f"table {table}", "TRIGGER", hint))
        return [*found, *(self._body_problems(connection, specs) if self.security else ())]

    def _body_problems(self, connection: Any, specs: Sequence[TriggerSpec]) -> Iterator[PrivilegeProblem]:
        """What the function's owner may not do; the sequence of a SERIAL column is part of an INSERT."""
        schema = self.schema(connection)
        for verb, table in sorted({item for spec in specs for item in spec.writes}):
            place = f'"{schema}"."{table}"'
            held = f"SELECT has_table_privilege(to_regclass({text_literal(place)}), '{verb.upper()}')"
            if query(connection, held)[0][0] is False:
                hint = f"GRANT {verb.upper()} ON {place} TO CURRENT_USER"
                yield PrivilegeProblem(f"table {table}", verb.upper(), hint, stops_writers=True)
            for (sequence,) in (
                query(connection, _SEQUENCES.format(text_literal(place))) if verb == "insert" else ()
            ):
                hint = f'GRANT USAGE ON SEQUENCE "{schema}"."{sequence}" TO CURRENT_USER'
                yield PrivilegeProblem(f"sequence {sequence}", "USAGE", hint, stops_writers=True)

    def hint(self, error: BaseException) -> str:
        """For SQLSTATE 42501 (insufficient privilege) and 55P03 (lock timeout)."""
        state = getattr(error, "pgcode", None) or getattr(error, "sqlstate", None)  # psycopg2, psycopg
        if state == "55P03":
            return "a transaction holds the table for too long; try again, or give more lock_seconds"
        if state == "42501":
            return (
                "the database user needs CREATE on the schema and TRIGGER on the tables, and must own what it"
                " replaces; as the owner: GRANT CREATE ON SCHEMA and GRANT TRIGGER ON ALL TABLES IN SCHEMA"
            )
        return ""

    def _function(self, spec: TriggerSpec, render: Renderer, name: str, mark: str) -> str:
        declared, assigned = render.assigned("{} {};", "{} := {};")
        body = [*render.statements(postgresql_step), *assigned, *render.chosen("{} := {};", "ELSIF")]
        if spec.when is not None and contains_query(spec.when):
            body = [f"IF {render.condition()} THEN", *(f"  {line}" for line in body), "END IF;"]
        quote = _dollar_quote("\n".join(body))
        row = "NULL" if spec.timing is Timing.AFTER else "OLD" if spec.event is Event.DELETE else "NEW"
        lines = [
            f"CREATE OR REPLACE FUNCTION {render.qualified(name)}() RETURNS trigger LANGUAGE plpgsql",
            *([self.security] if self.security and not spec.invoker else []),
            f"AS {quote}",
            *(["DECLARE", *(f"  {line}" for line in declared)] if declared else []),
            "BEGIN",
            *(f"  {line}" for line in [mark, *body] if line),
            f"  RETURN {row};",
            "END;",
            quote,
        ]
        return "\n".join(lines)

    def _trigger(self, spec: TriggerSpec, render: Renderer, function: str) -> str:
        queries = spec.when is not None and contains_query(spec.when)
        condition = None if queries else render.condition()
        lines = [
            render.header(),
            "FOR EACH ROW" + (f" WHEN ({condition})" if condition else ""),
            f"EXECUTE FUNCTION {render.qualified(function)}()",
        ]
        return "\n".join(lines)


def _dollar_quote(text: str) -> str:
    """A dollar quote that does not occur in the text."""
    quote = "$viaduct$"
    while quote in text:
        quote = f"{quote[:-1]}_$"
    return quote
