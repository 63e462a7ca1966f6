"""SQLAlchemy expressions as text that can stand inside a trigger: literals inline, all names quoted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import CompileError, SQLAlchemyError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Delete, Insert

from keystone_viaduct.errors import TriggerError

from .expressions import Differs, RowAccess, has_changed
from .spec import Assignment, Branch, Timing, TriggerSpec

QUOTED = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`)""")
_FORBIDDEN = re.compile(r"\b(SIGNAL|RESIGNAL|RAISE|ASSERT)\b|;|--|/\*", re.IGNORECASE)


def trigger_dialect(base: type[Any], schema: str | None = None) -> Any:
    """An instance of a SQLAlchemy dialect that renders for triggers.

    Every identifier is quoted (so no list of reserved words can be outdated), tables and types without a
    schema get ``schema``, and literals are safe whatever the session's settings are (see ``_Literals``).
    """
    preparer = type(
        "TriggerPreparer",
        (base.preparer,),
        {
            "_requires_quotes": lambda self, value: True,
            "schema_for_object": lambda self, item: getattr(item, "schema", None) or schema,
        },
    )
    compiler = type("TriggerCompiler", (_Literals, base.statement_compiler), {})
    members = {"preparer": preparer, "statement_compiler": compiler, "supports_statement_cache": False}
    return type("TriggerDialect", (base,), members)(paramstyle="named")


class _Literals:
    """Text literals that mean the same whatever string syntax and character set a session has."""

    dialect: Any

    def render_literal_bindparam(self, bindparam: Any, *args: Any, **kw: Any) -> str:
        """SQLAlchemy's own, but it would give NULL for a parameter that has no value yet."""
        if bindparam.required:
            raise CompileError(f"parameter {bindparam.key} has no value")
        return str(super().render_literal_bindparam(bindparam, *args, **kw))  # type: ignore[misc]

    def visit_column(self, column: Any, *args: Any, **kw: Any) -> str:
        """Refuses a column of a table that is not read here: not every engine would, at creation."""
        stack: list[Any] = getattr(self, "stack", [])
        if not stack or (len(stack) == 1 and isinstance(stack[0]["selectable"], Insert)):
            raise CompileError(f"column {column.name} has no row here; say new(column) or old(column)")
        return str(super().visit_column(column, *args, **kw))  # type: ignore[misc]

    def bindparam_string(self, name: str, *args: Any, **kw: Any) -> str:
        """A placeholder: nobody would ever fill it."""
        raise CompileError(f"{name} has no value")

    def render_literal_value(self, value: Any, type_: Any) -> str:
        """SQLAlchemy's own rendering, but for text with backslashes or (MySQL) outside of ASCII."""
        text = str(SQLCompiler.render_literal_value(self, value, type_))  # type: ignore[arg-type]
        if not text.startswith("'"):
            return text
        inner = text[1:-1].replace("''", "'")
        if "\0" in inner:
            raise TriggerError("a text with a NUL character can't stand in a trigger")
        if self.dialect.name in ("mysql", "mariadb") and ("\\" in inner or not inner.isascii()):
            return f"_utf8mb4 x'{inner.encode().hex()}'"
        if self.dialect.name in ("postgresql", "cockroachdb") and "\\" in inner:
            return "E" + text.replace("\\", "\\\\")
        return text


def tidy(sql: str) -> str:
    """The SQL on one line; quoted parts stay as they are."""
    parts = QUOTED.split(sql)
    return "".join(part if i % 2 else re.sub(r"\s+", " ", part) for i, part in enumerate(parts)).strip()


class Renderer:
    """Renders the parts of one :class:`TriggerSpec` for one dialect; raises :class:`TriggerError`."""

    def __init__(self, spec: TriggerSpec, dialect: Any, *, parenthesised: bool = False) -> None:
        self.spec = spec
        self.dialect = dialect
        columns = frozenset(column.name for column in spec.table.c)
        self.access = RowAccess(spec.event.rows, columns, parenthesised=parenthesised)
        dialect.viaduct_rows = self.access

    def name(self, identifier: str) -> str:
        """A quoted identifier."""
        return str(self.dialect.identifier_preparer.quote(identifier))

    def qualified(self, identifier: str) -> str:
        """An identifier in the schema of the trigger's table."""
        preparer = self.dialect.identifier_preparer
        schema = preparer.schema_for_object(self.spec.table)
        return f"{self.name(schema)}.{self.name(identifier)}" if schema else self.name(identifier)

    def table(self) -> str:
        """The trigger's table, with its schema."""
        return self.qualified(self.spec.table.name)

    def header(self, timing: Timing | None = None, watched: Sequence[str] = ()) -> str:
        """``CREATE TRIGGER name AFTER UPDATE OF column ON table``, or without columns."""
        when, what = (timing or self.spec.timing).value.upper(), self.spec.event.value.upper()
        of = f" OF {', '.join(map(self.name, watched))}" if watched else ""
        return f"CREATE TRIGGER {self.name(self.spec.name)} {when} {what}{of} ON {self.table()}"

    def sql(self, element: Any) -> str:
        """An expression or a statement."""
        if hasattr(element, "inline") and not isinstance(element, Delete):
            element = element.inline()  # otherwise RETURNING would be added for the new primary key
        try:
            compiled = element.compile(dialect=self.dialect, compile_kwargs={"literal_binds": True})
            text = tidy(str(compiled))
            for column in [
                *getattr(compiled, "insert_prefetch", ()),
                *getattr(compiled, "update_prefetch", ()),
            ]:
                raise CompileError(f"column {column.name} has a default that only Python can compute")
        except (SQLAlchemyError, TriggerError, TypeError, AttributeError, NotImplementedError) as error:
            raise TriggerError(
                f"trigger {self.spec.name}: can't be rendered for {self.dialect.name}: {error}",
                hint="give plain literals or SQL expressions, and each column a value or a server default",
                trigger=self.spec.name,
            ) from error
        self._refuse_blocking(text)
        return text

    def condition(self) -> str | None:
        """``changed`` and ``when`` as one condition."""
        parts = []
        if self.spec.changed:
            tests: Iterable[Differs] = (has_changed(column) for column in self.spec.changed)
            parts.append(" OR ".join(self.sql(test) for test in tests))
        if self.spec.when is not None:
            parts.append(self.sql(self.spec.when))
        return parts[0] if len(parts) == 1 else " AND ".join(f"({part})" for part in parts) or None

    def statements(self, step: Callable[[Any, Renderer], list[str]]) -> list[str]:
        """The body's statements and steps, each as lines of the engine."""
        return [line for statement in self.spec.statements for line in step(statement, self)]

    def assignments(self) -> list[tuple[Assignment, str, bool]]:
        """Per assignment: itself, its expression, and whether that reads a column assigned before it."""
        result, assigned = [], set[tuple[str, str]]()
        for item in self.spec.assignments:
            self.access.read.clear()
            text = self.sql(item.expression)
            result.append((item, text, bool(assigned & self.access.read)))
            assigned.add(("new", item.column.name))
        return result

    def assigned(self, declare: str, assign: str) -> tuple[list[str], list[str]]:
        """Declarations and assignments, made with these two templates (target, type or value).

        There are variables, and so declarations, only when an expression reads what was assigned before it.
        """
        values = self.assignments()
        names = [f"viaduct_{index}" for index in range(len(values))]
        targets = [f"NEW.{self.name(item.column.name)}" for item, _, _ in values]
        texts = [text for _, text, _ in values]
        if not any(again for _, _, again in values):
            return [], [assign.format(*pair) for pair in zip(targets, texts, strict=True)]
        types = [self._type(item) for item, _, _ in values]
        declared = [declare.format(*pair) for pair in zip(names, types, strict=True)]
        pairs = [*zip(names, texts, strict=True), *zip(targets, names, strict=True)]
        return declared, [assign.format(*pair) for pair in pairs]

    def branches(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Per branch: its condition (empty: none), and pairs of a quoted column and its expression."""
        return [(self._condition(item), self._pairs(item)) for item in self.spec.branches]

    def chosen(self, assign: str, otherwise: str, *, complete: bool = False) -> list[str]:
        """The branches as IF, made with these templates: an assignment, and the word for ELSE IF.

        ``complete``: nothing else says where they need not be made.
        """
        lines: list[str] = []
        conditions = [self._condition(item) for item in self.spec.branches]
        for index, (item, condition) in enumerate(zip(self.spec.branches, conditions, strict=True)):
            if condition:
                lines.append(f"{otherwise if index else 'IF'} {condition} THEN")
            elif index:
                lines.append("ELSE")
            made = [assign.format(f"NEW.{column}", value) for column, value in self._pairs(item)]
            if complete and item.unless is not None:
                needed = self.sql(sa.not_(item.unless))
                made = [f"IF {needed} THEN", *(f"  {line}" for line in made), "END IF;"]
            indent = "  " if condition or index else ""
            lines += [indent + line for line in made]
        return [*lines, "END IF;"] if any(conditions) else lines

    def _condition(self, item: Branch) -> str:
        return "" if item.when is None else self.sql(item.when)

    def _pairs(self, item: Branch) -> list[tuple[str, str]]:
        pairs, assigned = [], set[tuple[str, str]]()
        for assignment in item.assignments:
            self.access.read.clear()
            pairs.append((self.name(assignment.column.name), self.sql(assignment.expression)))
            if assigned & self.access.read:
                raise TriggerError(
                    f"trigger {self.spec.name}: an assignment reads what its branch assigned before",
                    hint="let the branch read other columns than it assigns",
                    trigger=self.spec.name,
                )
            assigned.add(("new", assignment.column.name))
        return pairs

    def _type(self, item: Assignment) -> str:
        column = self.spec.table.c[item.column.name]
        try:
            return str(column.type.compile(dialect=self.dialect))
        except SQLAlchemyError as error:
            raise TriggerError(
                f"trigger {self.spec.name}: the type of {column.name} is not known well enough: {error}",
                hint="give the table's columns complete types (a length for texts)",
                trigger=self.spec.name,
            ) from error

    def _refuse_blocking(self, text: str) -> None:
        found = _FORBIDDEN.search("".join(QUOTED.split(text)[::2]))
        if found:
            raise TriggerError(
                f"trigger {self.spec.name}: {found.group(0)!r} is not allowed in a trigger",
                hint="a trigger must never stop a writer; use plain expressions and single statements only",
                trigger=self.spec.name,
            )
