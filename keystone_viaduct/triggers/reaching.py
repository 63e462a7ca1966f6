"""Steps into other tables (``taking``) as each engine says them: without ever waiting for a row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from .rendering import QUOTED, Renderer
from .spec import TriggerSpec
from .taking import Attempt, Fill, PutOff, Take

_PG_LOCK = "FOR NO KEY UPDATE SKIP LOCKED"
_MYSQL_LOCK = "FOR UPDATE SKIP LOCKED"


def postgresql_step(item: Any, render: Renderer) -> list[str]:
    """A step of the body, or a plain statement."""
    if isinstance(item, Take):
        lines = (_pg_single if item.single else _pg_several)(item, render)
        return lines if item.still is None else _if(f"EXISTS ({render.sql(item.still)})", lines)
    if isinstance(item, Fill):
        return _pg_fill(item, render)
    if isinstance(item, PutOff):
        there = _rows(item.table, item.rows, render)
        return [f"IF EXISTS (SELECT {there}) THEN", f"  {_insert(item, render)}", "END IF;"]
    return [f"{render.sql(item.statement if isinstance(item, Attempt) else item)};"]


def _pg_fill(item: Fill, render: Renderer) -> list[str]:
    rows = _rows(item.table, item.row, render)
    given = _given(item, render)
    return [
        f"PERFORM {rows} {_PG_LOCK};",
        f"IF EXISTS (SELECT {rows}) THEN",
        *(f"  NEW.{name} := {text};" for name, text, _ in given),
        "ELSE",
        *(f"  NEW.{name} := {lacking};" for name, _, lacking in given),
        "END IF;",
    ]


def _pg_single(item: Take, render: Renderer) -> list[str]:
    there = f"EXISTS (SELECT {_rows(item.table, item.rows, render)})"
    absent = "" if item.absent is None else f" OR ({render.sql(item.absent)})"
    said = [f"  {render.sql(item.otherwise)};"]
    if item.calm is not None:
        differing = _rows(item.table, sa.and_(item.rows, item.change), render)
        said = [f"  IF EXISTS (SELECT {differing}) THEN", f"  {said[0]}", "  ELSE"]
        said += [f"    {render.sql(item.calm)};", "  END IF;"]
    return [
        f"PERFORM {_rows(item.table, item.rows, render)} {_PG_LOCK};",
        "IF FOUND THEN",
        f"  {_update(item, render)};",
        f"ELSIF {there}{absent} THEN",
        *said,
        "END IF;",
    ]


def _pg_several(item: Take, render: Renderer) -> list[str]:
    keys = list(item.table.primary_key)
    wanted = sa.and_(item.rows, item.change)
    free = sa.select(*keys).where(wanted).with_for_update(key_share=True, skip_locked=True)
    chosen = keys[0].in_(free) if len(keys) == 1 else sa.tuple_(*keys).in_(free)
    values = {column.name: value for column, value in item.values}
    return [
        f"{render.sql(sa.update(item.table).where(chosen).values(values))};",
        f"IF EXISTS (SELECT {_rows(item.table, wanted, render)}) THEN",
        f"  {render.sql(item.otherwise)};",
        "END IF;",
    ]


def sqlite_step(item: Any, render: Renderer) -> list[str]:
    """There is one writer at a time: nothing to lock, nothing to be put off."""
    if isinstance(item, Take):
        return [f"{sql};" for sql in (_update(item, render), *map(render.sql, item.alone))]
    if isinstance(item, PutOff):
        there = sa.exists(sa.select(sa.literal_column("1")).select_from(item.table).where(item.rows))
        row = sa.select(*item.values.values()).where(there)
        return [f"{render.sql(sa.insert(item.into).from_select(list(item.values), row))};"]
    return [f"{render.sql(item.statement if isinstance(item, Attempt) else item)};"]


class MySQLSteps:
    """Keeps to what does not wait there.

    A read is a SELECT … INTO by itself: inside of another statement, or of IF, it would lock. Each has an
    alias of its own: a trigger locks what goes by one name as the strongest of its uses wants, and forgets
    SKIP LOCKED over it. ``isolation``: the server's name for that setting. ``skips``: whether SKIP LOCKED
    means anything in a trigger.
    """

    def __init__(self, isolation: str, *, skips: bool) -> None:
        self._isolation = isolation
        self._skips = skips

    def declared(self, spec: TriggerSpec, render: Renderer) -> list[str]:
        """Variables, then the handler for a table that the outer statement uses too."""
        if not spec.reaches:
            return []
        names = ["viaduct_seen"]
        values = []
        for item in spec.fills:
            columns = [(column, _declared(column, render)) for column, _ in item.values]
            values += [f"DECLARE {_variable(column)} {type_};" for column, type_ in columns]
        if self._skips:
            names += ["viaduct_free", "viaduct_barred"]
            if any(isinstance(item, Take) and not item.single for item in spec.body):
                names.append("viaduct_busy")
        handler = ["DECLARE CONTINUE HANDLER FOR 1442 SET viaduct_barred = 1;"] if self._skips else []
        return [*(f"DECLARE {name} INT DEFAULT 0;" for name in names), *values, *handler]

    def step(self, item: Any, render: Renderer) -> list[str]:
        """A step of the body, or a plain statement."""
        if isinstance(item, Take):
            if not self._skips:
                return self._said(item, render)
            return (self._single if item.single else self._several)(item, render)
        if isinstance(item, Fill):
            return self._fill(item, render)
        if isinstance(item, PutOff):
            said = _if("viaduct_seen > 0", [_insert(item, render)])
            return [_count("viaduct_seen", item.table, item.rows, render), *said]
        return [f"{render.sql(item.otherwise if isinstance(item, Attempt) else item)};"]

    def _said(self, item: Take, render: Renderer) -> list[str]:
        """``otherwise``, or where it seems to be calm that."""
        if item.calm is None:
            return [f"{render.sql(item.otherwise)};"]
        return [
            _count("viaduct_seen", item.table, sa.and_(item.rows, item.change), render, "viaduct_differing"),
            "IF viaduct_seen > 0 THEN",
            f"  {render.sql(item.otherwise)};",
            "ELSE",
            f"  {render.sql(item.calm)};",
            "END IF;",
        ]

    def _locked(self, table: Any, rows: Any, render: Renderer) -> list[str]:
        """What is not there is not locked: under REPEATABLE READ that would lock the gap."""
        if not self._skips:
            return [_count("viaduct_seen", table, rows, render)]
        free = _count("viaduct_free", table, rows, render, "viaduct_taken")
        return [
            "SET viaduct_barred = 0, viaduct_free = 0;",
            _count("viaduct_seen", table, rows, render),
            *_if("viaduct_seen > 0", [f"{free[:-1]} {_MYSQL_LOCK};"]),
        ]

    def _single(self, item: Take, render: Renderer) -> list[str]:
        said = self._said(item, render)
        lines = [
            *self._locked(item.table, item.rows, render),
            "IF viaduct_barred = 0 AND viaduct_free > 0 THEN",
            f"  {_update(item, render)};",
        ]
        if item.calm is not None:
            return [*lines, "ELSE", *(f"  {line}" for line in said), "END IF;"]
        differing = sa.and_(item.rows, item.change)
        return [
            *lines,
            "ELSE",
            f"  {_count('viaduct_seen', item.table, differing, render, 'viaduct_differing')}",
            "  IF viaduct_barred = 0 OR viaduct_seen > 0 THEN",
            *(f"    {line}" for line in said),
            *(f"  {line}" for line in self._doubted(item, render)),
            "  END IF;",
            "END IF;",
        ]

    def _doubted(self, item: Take, render: Renderer) -> list[str]:
        """Under a snapshot what seems to be equal may not be."""
        condition = f"ELSEIF @@{self._isolation} <> 'READ-COMMITTED' THEN"
        return [] if item.doubt is None else [condition, f"  {render.sql(item.doubt)};"]

    def _several(self, item: Take, render: Renderer) -> list[str]:
        """One after the other by their keys: no gap is locked, and nobody's new row is waited for.

        Under a snapshot rows may be there that are not seen: there is doubt, then.
        """
        keys = list(item.table.primary_key)
        names = [f"viaduct_key_{index}" for index in range(len(keys))]
        wanted = sa.and_(item.rows, item.change)
        this = sa.and_(*(key == sa.literal_column(name) for key, name in zip(keys, names, strict=True)))
        columns = ", ".join(f"viaduct_rows.{render.name(key.name)}" for key in keys)
        values = {column.name: value for column, value in item.values}
        update = sa.update(item.table).where(sa.and_(this, item.change)).values(values)
        rows = _aliased(_rows(item.table, wanted, render, columns), item.table, render, "viaduct_rows")
        free = _count("viaduct_free", item.table, this, render, "viaduct_taken")
        return [
            "SET viaduct_barred = 0, viaduct_busy = 0;",
            "BEGIN",
            *(f"  DECLARE {name} {_declared(key, render)};" for key, name in zip(keys, names, strict=True)),
            "  DECLARE viaduct_ended INT DEFAULT 0;",
            f"  DECLARE viaduct_each CURSOR FOR SELECT {rows};",
            "  DECLARE CONTINUE HANDLER FOR NOT FOUND SET viaduct_ended = 1;",
            "  OPEN viaduct_each;",
            "  viaduct_loop: LOOP",
            f"    FETCH viaduct_each INTO {', '.join(names)};",
            "    IF viaduct_ended = 1 THEN LEAVE viaduct_loop; END IF;",
            f"    {free[:-1]} {_MYSQL_LOCK};",
            "    IF viaduct_barred = 0 AND viaduct_free > 0 THEN",
            f"      {render.sql(update)};",
            "    ELSE",
            "      SET viaduct_busy = 1;",
            "    END IF;",
            "  END LOOP;",
            "  CLOSE viaduct_each;",
            "END;",
            "IF viaduct_busy = 1 THEN",
            f"  {render.sql(item.otherwise)};",
            *self._doubted(item, render),
            "END IF;",
        ]

    def _fill(self, item: Fill, render: Renderer) -> list[str]:
        """The lock that was taken before makes a locking read of the value one that does not wait."""
        variables = [_variable(column) for column, _ in item.values]
        query: Any = sa.select(*(value for _, value in item.values)).select_from(item.table).where(item.row)
        values, _, origin = render.sql(query).removeprefix("SELECT ").rpartition(" FROM ")
        into = f"{values} INTO {', '.join(variables)} FROM {origin}"

        def read(alias: str, lock: str = "") -> str:
            return f"SELECT {_aliased(into, item.table, render, alias)}{lock};"

        given = [render.name(column.name) for column, _ in item.values]
        pairs = list(zip(given, variables, strict=True))
        found = [read("viaduct_read")]
        if self._skips:
            locked, condition = read("viaduct_own", " FOR UPDATE"), "viaduct_barred = 0 AND viaduct_free > 0"
            found = [f"IF {condition} THEN", f"  {locked}", "ELSE", f"  {found[0]}", "END IF;"]
        return [
            *self._locked(item.table, item.row, render),
            "IF viaduct_seen > 0 THEN",
            *(f"  {line}" for line in found),
            *(f"  SET NEW.{name} = {variable};" for name, variable in pairs),
            "ELSE",
            *(
                f"  SET NEW.{name} = {render.sql(lacking)};"
                for name, lacking in zip(given, item.lacking, strict=True)
            ),
            "END IF;",
        ]


def _insert(item: PutOff, render: Renderer) -> str:
    return f"{render.sql(sa.insert(item.into).values(item.values))};"


def _variable(column: Any) -> str:
    return f"viaduct_of_{column.name}"


def _declared(column: Any, render: Renderer) -> str:
    """The type of a variable; what a database's own character set can't hold must not be lost in it."""
    type_ = str(column.type.compile(dialect=render.dialect))
    text = isinstance(column.type, sa.String) and "CHARACTER SET" not in type_
    return f"{type_} CHARACTER SET utf8mb4" if text else type_


def _count(into: str, table: Any, rows: Any, render: Renderer, alias: str = "viaduct_there") -> str:
    return f"SELECT {_aliased(_rows(table, rows, render, f'COUNT(*) INTO {into}'), table, render, alias)};"


def _aliased(sql: str, table: Any, render: Renderer, alias: str) -> str:
    """The table under another name."""
    name, parts = render.name(table.name), QUOTED.split(sql)
    for index, part in enumerate(parts):
        if part == name and parts[index - 1].endswith("FROM "):
            parts[index] = f"{name} AS {alias}"
        elif part == name and parts[index + 1].startswith("."):
            parts[index] = alias
    return "".join(parts)


def sqlite_fill(spec: TriggerSpec, render: Renderer) -> list[list[tuple[str, str]]]:
    """Pairs for the UPDATE of the row that stands for assignments there."""
    found = []
    for item in spec.fills:
        there = f"EXISTS (SELECT {_rows(item.table, item.row, render)})"
        found.append(
            [
                (name, f"CASE WHEN {there} THEN {text} ELSE {lacking} END")
                for name, text, lacking in _given(item, render)
            ]
        )
    return found


def _if(condition: str, lines: Iterable[str]) -> list[str]:
    return [f"IF {condition} THEN", *(f"  {line}" for line in lines), "END IF;"]


def _rows(table: Any, condition: Any, render: Renderer, what: str = "1") -> str:
    """``what FROM table WHERE condition``."""
    query: Any = sa.select(sa.literal_column(what)).select_from(table).where(condition)
    return render.sql(query).removeprefix("SELECT ")


def _update(item: Take, render: Renderer) -> str:
    values = {column.name: value for column, value in item.values}
    return render.sql(sa.update(item.table).where(sa.and_(item.rows, item.change)).values(values))


def _given(item: Fill, render: Renderer) -> list[tuple[str, str, str]]:
    """A quoted column, a query in parentheses, and what stands for a row that is not there."""
    found = []
    for (column, value), lacking in zip(item.values, item.lacking, strict=True):
        query: Any = sa.select(value).select_from(item.table).where(item.row)
        found.append((render.name(column.name), f"({render.sql(query)})", render.sql(lacking)))
    return found
