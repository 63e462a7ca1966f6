"""The table of marks as statements: it is made once, for every bridge that needs one."""

from __future__ import annotations

from typing import Any

from sqlalchemy.schema import CreateIndex, CreateTable

from keystone_viaduct.upgrade.marks import INDEX, MARKS
from keystone_viaduct.upgrade.steps import Lock, Observation, Seen, Statement


def marks_statements(dialect: Any, schema: str | None) -> tuple[Statement, ...]:
    """The table, and its index. ``schema``: where PostgreSQL's tables lie."""
    statements = CreateTable(MARKS), CreateIndex(INDEX)
    if schema is not None:
        dialect.identifier_preparer.schema_for_object = lambda item: schema
    table, index = (" ".join(str(item.compile(dialect=dialect)).split()) for item in statements)
    return (
        Statement(table, MARKS.name, Lock.NONE, Observation(Seen.TABLE, MARKS.name)),
        Statement(index, MARKS.name, Lock.NONE, Observation(Seen.INDEX, MARKS.name, str(INDEX.name))),
    )
