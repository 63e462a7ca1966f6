"""Reads statements that somebody else has written: whom they make wait, and what shows that they were done.

For the plan of upstream's scripts, and to go on with them where a run was cut off. What is not known is taken
for the worst: it stops everybody (SQLite has one writer anyway), and nothing shows whether it was done.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .steps import Lock, Observation, Seen

_NAME = r"(?:[`\"]?[\w$]+[`\"]?\.)?[`\"]?([\w$]+)[`\"]?"
_QUOTED = re.compile(r"'(?:[^']|'')*'")


@dataclass(frozen=True)
class Reading:
    """What is known of a statement.

    ``done`` None: nothing shows it. ``repeatable``: twice is as good as once.
    """

    table: str
    lock: Lock
    done: Observation | None = None
    repeatable: bool = False


#: What shows that it was done: from table and the names in the statement.
_Shown = Callable[[str, str], Observation]


@dataclass(frozen=True)
class _Rule:
    """``pattern`` with groups (table, name) or, for a clause of ALTER TABLE, (name)."""

    pattern: str
    postgresql: Lock
    mysql: Lock
    shown: _Shown | None = None
    repeatable: bool = False

    def lock(self, engine: str) -> Lock:
        """SQLite locks the whole file for each statement that writes, and rebuilds tables."""
        if engine == "sqlite":
            return Lock.NONE if self.postgresql is Lock.NONE else Lock.BRIEF
        return self.mysql if engine in ("mariadb", "mysql") else self.postgresql


def _there(seen: Seen) -> _Shown:
    return lambda table, name: Observation(seen, table, name)


def _gone(seen: Seen) -> _Shown:
    return lambda table, name: Observation(seen, table, name, there=False)


_NONE, _BRIEF, _ONLINE, _WRITES, _ALL = Lock
#: Clauses of ALTER TABLE; the first that fits counts.
_CLAUSES = (
    _Rule(rf"ADD (?:COLUMN )?{_NAME} .*\bAUTO_INCREMENT\b", _ALL, _WRITES, _there(Seen.COLUMN)),
    _Rule(rf"ADD (?:COLUMN )?{_NAME} (?:BIG|SMALL)?SERIAL\b", _ALL, _BRIEF, _there(Seen.COLUMN)),
    _Rule(rf"ADD CONSTRAINT {_NAME} .*\bNOT VALID\b", _BRIEF, _WRITES, _there(Seen.CONSTRAINT)),
    _Rule(rf"ADD CONSTRAINT {_NAME} .*USING INDEX\b", _BRIEF, _WRITES, _there(Seen.CONSTRAINT)),
    _Rule(rf"ADD CONSTRAINT {_NAME} FOREIGN KEY\b", _WRITES, _WRITES, _there(Seen.CONSTRAINT)),
    _Rule(rf"ADD CONSTRAINT {_NAME} CHECK\b", _ALL, _WRITES, _there(Seen.CONSTRAINT)),
    _Rule(rf"ADD CONSTRAINT {_NAME} UNIQUE\b", _ALL, _ONLINE, _there(Seen.CONSTRAINT)),
    _Rule(rf"ADD (?:UNIQUE )?(?:INDEX|KEY) {_NAME} ", _ALL, _ONLINE, _there(Seen.INDEX)),
    _Rule(r"ADD (?:CONSTRAINT|PRIMARY|UNIQUE|CHECK|FOREIGN|FULLTEXT|SPATIAL|PARTITION)\b", _ALL, _ALL),
    _Rule(rf"ADD (?:COLUMN )?{_NAME} .*\bDEFAULT \(", _ALL, _WRITES, _there(Seen.COLUMN)),
    _Rule(rf"ADD (?:COLUMN )?{_NAME} .*\bDEFAULT \w+\(", _ALL, _BRIEF, _there(Seen.COLUMN)),
    _Rule(rf"ADD (?:COLUMN )?{_NAME} .*\b(?:UNIQUE|REFERENCES|CHECK)\b", _ALL, _WRITES, _there(Seen.COLUMN)),
    _Rule(rf"ADD (?:COLUMN )?{_NAME} ", _BRIEF, _BRIEF, _there(Seen.COLUMN)),
    _Rule(rf"DROP (?:INDEX|KEY) {_NAME}", _BRIEF, _BRIEF, _gone(Seen.INDEX)),
    _Rule(rf"DROP (?:CONSTRAINT|FOREIGN KEY|CHECK) {_NAME}", _BRIEF, _BRIEF, _gone(Seen.CONSTRAINT)),
    _Rule(r"DROP PRIMARY KEY", _BRIEF, _WRITES),
    _Rule(rf"DROP (?:COLUMN )?{_NAME}", _BRIEF, _BRIEF, _gone(Seen.COLUMN)),
    _Rule(rf"ALTER (?:COLUMN )?{_NAME} (?:SET|DROP) DEFAULT", _BRIEF, _BRIEF, repeatable=True),
    _Rule(rf"ALTER (?:COLUMN )?{_NAME} DROP NOT NULL", _BRIEF, _BRIEF, repeatable=True),
    _Rule(rf"ALTER (?:COLUMN )?{_NAME} ", _ALL, _WRITES, repeatable=True),
    _Rule(rf"MODIFY (?:COLUMN )?{_NAME} ", _ALL, _WRITES, repeatable=True),
    _Rule(rf"CHANGE (?:COLUMN )?{_NAME} \1 ", _ALL, _WRITES, repeatable=True),
    _Rule(rf"RENAME COLUMN {_NAME} TO ", _BRIEF, _BRIEF, _gone(Seen.COLUMN)),
    _Rule(rf"RENAME TO {_NAME}", _BRIEF, _BRIEF, lambda _, name: Observation(Seen.TABLE, name)),
    _Rule(r"VALIDATE CONSTRAINT ", _ONLINE, _ONLINE, repeatable=True),
)
_STATEMENTS = (
    _Rule(rf"CREATE (?:UNIQUE )?INDEX CONCURRENTLY {_NAME} ON {_NAME}", _ONLINE, _ONLINE, _there(Seen.INDEX)),
    _Rule(rf"CREATE (?:UNIQUE )?INDEX {_NAME} ON {_NAME}", _WRITES, _ONLINE, _there(Seen.INDEX)),
    _Rule(rf"DROP INDEX {_NAME} ON {_NAME}", _BRIEF, _BRIEF, _gone(Seen.INDEX)),
    _Rule(rf"CREATE TABLE {_NAME}", _NONE, _NONE, lambda table, _: Observation(Seen.TABLE, table)),
    _Rule(
        rf"DROP TABLE {_NAME}", _BRIEF, _BRIEF, lambda table, _: Observation(Seen.TABLE, table, there=False)
    ),
    _Rule(rf"INSERT INTO {_NAME}", _NONE, _NONE),
    _Rule(rf"UPDATE {_NAME}", _NONE, _NONE),
    _Rule(rf"DELETE FROM {_NAME}", _NONE, _NONE),
)


def read(sql: str, engine: str) -> Reading:
    """What a statement does on an engine."""
    text = " ".join(sql.split()).rstrip(";")
    altered = re.match(rf"ALTER TABLE (?:ONLY |IF EXISTS )*{_NAME} (.*)", text, re.IGNORECASE)
    if altered:
        table = altered[1]
        clauses = [_read(part, _CLAUSES, engine, table) for part in _parts(altered[2])]
        if len(clauses) == 1:
            return clauses[0]
        worst = max((item.lock for item in clauses), key=list(Lock).index)
        return Reading(table, worst, repeatable=all(item.repeatable for item in clauses))
    return _read(text, _STATEMENTS, engine, "")


def _read(text: str, rules: tuple[_Rule, ...], engine: str, table: str) -> Reading:
    bare = _QUOTED.sub("''", text)
    for rule in rules:
        found = re.match(rule.pattern, bare, re.IGNORECASE)
        if found is None:
            continue
        groups = found.groups()
        name = groups[0] if groups else ""
        if not table:
            table = groups[-1]
        shown = rule.shown(table, name) if rule.shown else None
        return Reading(table, rule.lock(engine), shown, rule.repeatable)
    return Reading(table, Lock.BRIEF if engine == "sqlite" else Lock.ALL_WAIT)


def _parts(clauses: str) -> list[str]:
    """At the commas outside of parentheses and texts."""
    parts, depth, begin, in_text = [], 0, 0, False
    for index, letter in enumerate(clauses):
        if letter == "'":
            in_text = not in_text
        elif not in_text and letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == "," and not in_text and not depth:
            parts.append(clauses[begin:index].strip())
            begin = index + 1
    return [*parts, clauses[begin:].strip()]
