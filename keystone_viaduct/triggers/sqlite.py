"""Triggers on SQLite (3.31 and later)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

from .reaching import sqlite_fill, sqlite_step
from .rendering import Renderer
from .spec import Event, Timing, TriggerSpec
from .target import Installed, Target, query, run

_MARK = re.compile(r"/\* viaduct:([0-9a-f]*) \*/")


class SQLiteTarget(Target):
    """Row triggers as SQLite has them; assignments become an UPDATE of the row after it was written."""

    base = SQLiteDialect
    name_limit = 128

    def create(self, spec: TriggerSpec, render: Renderer, fingerprint: str) -> tuple[str, ...]:
        """One CREATE TRIGGER; the fingerprint is a comment in its body, which ``sqlite_master`` keeps."""
        timing = Timing.AFTER if spec.assigns else spec.timing
        condition = render.condition()
        lines = [
            render.header(timing, _watched(spec)),
            "FOR EACH ROW" + (f" WHEN {condition}" if condition else ""),
            "BEGIN",
            f"  /* viaduct:{fingerprint} */",
            *(
                f"  {line}"
                for line in [*_body(spec, render), *_assignments(spec, render), *_branches(spec, render)]
            ),
            "END",
        ]
        return ("\n".join(lines),)

    def drop(self, installed: Installed, schema: str | None) -> tuple[str, ...]:
        """One DROP TRIGGER."""
        return (f'DROP TRIGGER IF EXISTS "{installed.name}"',)

    def installed(self, connection: Any, prefix: str) -> list[Installed]:
        """From ``sqlite_master``."""
        rows = query(
            connection, "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
        )
        return [
            Installed(name, table, found.group(1) if (found := _MARK.search(sql)) else "")
            for name, table, sql in rows
            if name.startswith(prefix)
        ]

    @contextmanager
    def transaction(self, connection: Any) -> Iterator[None]:
        """An explicit savepoint: Python's driver begins no transaction for DDL by itself."""
        with super().transaction(connection):
            run(connection, "SAVEPOINT viaduct_triggers")
            try:
                yield
            except BaseException:
                run(connection, "ROLLBACK TO SAVEPOINT viaduct_triggers")
                run(connection, "RELEASE SAVEPOINT viaduct_triggers")
                raise
            run(connection, "RELEASE SAVEPOINT viaduct_triggers")


def _watched(spec: TriggerSpec) -> list[str]:
    """For ``UPDATE OF``: a column changes only where a statement names it, for none can be assigned to here.

    The keys of the row apart these are all that branches can be about.
    """
    if not spec.complete or spec.event is not Event.UPDATE:
        return []
    return [column.name for column in spec.table.c if not column.primary_key]


def _body(spec: TriggerSpec, render: Renderer) -> list[str]:
    """Statements and steps; a fill is an UPDATE of the row, like an assignment."""
    if spec.fills:
        return [_update(spec, render, items) for items in sqlite_fill(spec, render)]
    return render.statements(sqlite_step)


def _assignments(spec: TriggerSpec, render: Renderer) -> list[str]:
    """The UPDATE that stands for the assignments.

    It touches the row only where a value differs, so that it comes to rest with ``recursive_triggers`` on.
    """
    items = [(render.name(item.column.name), text) for item, text, _ in render.assignments()]
    return [_update(spec, render, items)] if items else []


def _branches(spec: TriggerSpec, render: Renderer) -> list[str]:
    """One UPDATE for each branch: all read the row as it came, so only the one whose turn it is acts."""
    lines: list[str] = []
    before: list[str] = []
    for condition, items in render.branches():
        turn = [*(f"NOT ({other})" for other in before), *([condition] if condition else [])]
        lines.append(_update(spec, render, items, " AND ".join(f"({part})" for part in turn)))
        before += [condition] if condition else []
    return lines


def _update(spec: TriggerSpec, render: Renderer, items: list[tuple[str, str]], condition: str = "") -> str:
    keys = [column.name for column in spec.table.primary_key] if isinstance(spec.table, Table) else []
    row = " AND ".join(f"{render.name(key)} IS NEW.{render.name(key)}" for key in keys) or "rowid = NEW.rowid"
    values = ", ".join(f"{column} = {text}" for column, text in items)
    differing = " OR ".join(f"{column} IS NOT {text}" for column, text in items)
    when = f" AND {condition}" if condition else ""
    return f"UPDATE {render.table()} SET {values} WHERE {row}{when} AND ({differing});"
