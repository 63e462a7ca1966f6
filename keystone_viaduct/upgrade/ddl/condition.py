"""A condition over a table's columns as the text of a CHECK constraint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement

from keystone_viaduct.triggers.compiler import target_of
from keystone_viaduct.triggers.rendering import tidy, trigger_dialect
from keystone_viaduct.upgrade.expression import Condition
from keystone_viaduct.upgrade.rendering import column_type, readable, to_sql
from keystone_viaduct.upgrade.shape import Column


class _Own(ColumnElement[Any]):
    """A column of the table whose constraint it is: its name alone."""

    inherit_cache = False

    def __init__(self, name: str, type_: Any) -> None:
        self.name = name
        self.type = type_


@compiles(_Own)
def _own(element: _Own, compiler: Any, **kw: Any) -> str:
    return str(compiler.preparer.quote(element.name))


def condition_text(holds: Condition, columns: Sequence[Column], engine: str) -> str:
    """The SQL, with all names quoted and all constants in it."""
    dialect = trigger_dialect(target_of(engine).base)
    known: dict[str, Any] = {
        column.name: _Own(column.name, column_type(column.type.on(engine))) for column in columns
    }
    found = to_sql(holds, lambda name: readable(known[name]))
    return tidy(str(found.compile(dialect=dialect, compile_kwargs={"literal_binds": True})))
