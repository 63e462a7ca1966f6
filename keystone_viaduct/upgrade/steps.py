"""What an operation gives: its steps, or a refusal. And what a step is once an engine has rendered it.

An operation (``operations/``) looks at the facts of the server and answers with :class:`Steps`, made of
changes that say nothing of SQL, or with a :class:`Refusal`. The engine's dialect (``ddl/``) makes
:class:`Statement` of each change: SQL, how much it locks, and what the catalogue shows once it has been done.
The runner plays statements; the journal keeps what was begun and what was observed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from .changes import AnyBridge, Change
from .constraints import ForeignKey, Index
from .expression import Condition, Field, IsNull, Not
from .shape import Column, Table


class State(StrEnum):
    """Where an upgrade stands. Each phase begins with a state in -ing, which a crash leaves behind."""

    PLANNED = "planned"
    EXPANDING = "expanding"
    EXPANDED = "expanded"
    MIGRATING = "migrating"
    MIGRATED = "migrated"
    VERIFIED = "verified"
    CONTRACTING = "contracting"
    CONTRACTED = "contracted"
    ROLLING_BACK = "rolling-back"
    ROLLED_BACK = "rolled-back"


class Phase(StrEnum):
    """What the runner is told to do."""

    EXPAND = "expand"
    MIGRATE = "migrate"
    VERIFY = "verify"
    CONTRACT = "contract"
    ROLLBACK = "rollback"


class Lock(StrEnum):
    """Who has to wait for a statement.

    ``BRIEF`` needs the table for itself for a moment. It is done in no time, but where it has to wait for a
    reader everybody waits behind it: it runs under a budget, again and again. ``ONLINE`` takes long and lets
    all go on; it begins or ends with a moment of the table for itself too. The last two stop writers, or all,
    for as long as the table is large: refused unless the operator allows it.
    """

    NONE = "none"
    BRIEF = "brief"
    ONLINE = "online"
    WRITES_WAIT = "writes wait"
    ALL_WAIT = "all wait"

    @property
    def stops(self) -> bool:
        """Whether writers stand still for as long as it runs."""
        return self in (Lock.WRITES_WAIT, Lock.ALL_WAIT)


class Seen(StrEnum):
    """What the catalogue can be asked about an object."""

    COLUMN = "column"
    """``name`` is a column of the table."""
    NULLABLE = "nullable"
    """The column ``name`` takes NULL; its absence is no ``NULLABLE``."""
    DEFAULT = "default"
    """The column ``name`` has the default ``detail`` (empty: none)."""
    TRIGGER = "trigger"
    """The trigger ``name`` is there with the fingerprint ``detail``; without a detail: is there at all."""
    FUNCTION = "function"
    """The trigger function ``name`` is there (PostgreSQL), with the fingerprint ``detail`` in its source."""
    CONSTRAINT = "constraint"
    """``name`` is a constraint of the table; with the detail ``valid``: and has been validated."""
    INDEX = "index"
    """``name`` is an index of the table, and usable."""
    KEY = "key"
    """The primary key of the table is made of the columns ``name``, with commas between."""
    FOREIGN_KEY = "foreign key"
    """The columns ``name``, with commas between, refer to another table (SQLite: keys may have no name)."""
    COLUMN_TYPE = "column type"
    """The column ``name`` has the type ``detail``, as the catalogue writes it."""
    TYPE = "type"
    """``name`` is a type of the schema (PostgreSQL)."""
    TABLE = "table"
    """The table is there."""
    VIEW = "view"
    """The table's name is a view's."""


@dataclass(frozen=True)
class Observation:
    """A fact of the catalogue that holds once a statement has been done (``there``: or one that does not)."""

    seen: Seen
    table: str
    name: str = ""
    detail: str = ""
    there: bool = True


@dataclass(frozen=True)
class Edit:
    """A change of SQLite's stored text: NOT NULL, DEFAULT (SQL) or type of a column, or a constraint more."""

    column: str = ""
    nullable: bool | None = None
    default: str | None = None
    type: str | None = None
    constraint: str | None = None
    """A constraint of the table, that is added to the definition."""
    loose: tuple[str, ...] = ()
    """The columns of a foreign key that goes."""


@dataclass(frozen=True)
class Statement:
    """One statement of DDL. Safe to repeat: the runner asks for ``done`` before and after."""

    sql: str
    table: str
    lock: Lock
    done: Observation
    instead: Statement | None = None
    """What is run where the server says that it can't do this one as quickly as the SQL demands."""
    edit: Edit | None = None
    """On SQLite: no SQL has it, so the table's stored definition is edited; ``sql`` says so for people."""
    around: tuple[str, str] = ("", "")
    """What the same session runs before each try and after it."""
    patient: bool = False
    """Nobody waits behind it while it waits (PostgreSQL's CONCURRENTLY): so it may wait."""


@dataclass(frozen=True)
class Server:
    """The facts of a database that decide what is possible there."""

    engine: str
    """``sqlite``, ``postgresql``, ``mariadb``, ``mysql`` or ``cockroachdb``."""
    version: tuple[int, ...]
    cluster: bool = False
    """Galera: a statement that is not instant stalls all nodes."""
    schema: str = ""
    """Where tables lie (PostgreSQL)."""
    collations: tuple[tuple[str, str, str], ...] = ()
    """(table, column, collation) of texts (MariaDB, MySQL)."""
    indexes: tuple[tuple[str, Index], ...] = ()
    """(table, index) without primary keys."""
    keys: tuple[tuple[str, ForeignKey], ...] = ()
    """(table, foreign key)."""
    primary: tuple[tuple[str, str], ...] = ()
    """(table, name of its primary key) (PostgreSQL)."""
    triggers: tuple[tuple[str, str, str], ...] = ()
    """(table, event, name) of the first BEFORE trigger of capture's (MariaDB, MySQL)."""
    later_triggers: tuple[tuple[str, str, str], ...] = ()
    """The same of AFTER triggers."""

    def collation(self, table: str, column: str) -> str:
        """The collation of a column; empty where it is not known."""
        return next((name for *place, name in self.collations if place == [table, column]), "")


@dataclass(frozen=True)
class Refusal:
    """Why an operation can't be done on this server without stopping somebody, and what can be done."""

    engine: str
    reason: str
    way_out: str


@dataclass(frozen=True)
class Check:
    """What must hold of every row before contract; ``kind`` names what is wrong if it does not."""

    kind: str
    table: Table
    holds: Condition | None = None
    columns: tuple[Column, ...] = ()
    """Those that the condition reads, where their types matter."""
    unique: tuple[str, ...] = ()
    """Instead of a condition: no two rows have the same values here (a NULL is like none)."""
    refers: ForeignKey | None = None
    """Instead of a condition: the row referred to is there (or a NULL refers to none)."""

    @classmethod
    def present(cls, table: Table, column: Column) -> Check:
        """The column has a value in each row."""
        return cls("missing", table, Not(IsNull(Field(column.name))))


@dataclass(frozen=True)
class Steps:
    """What an operation does, phase by phase. A bridge is armed by a change of ``expand``."""

    expand: tuple[Change, ...]
    bridges: tuple[AnyBridge, ...] = ()
    """Those to be filled by ``migrate``, compared by ``verify``."""
    checks: tuple[Check, ...] = ()
    contract: tuple[Change, ...] = ()
    rollback: tuple[Change, ...] = ()
    confirm: tuple[Check, ...] = ()
    """Looked at once more at the end of contract: rows written until then were checked by nobody."""
    appears: tuple[tuple[str, str], ...] = ()
    """(table, column) without a bridge that capture does not watch before contract."""
    disappears: tuple[tuple[str, str], ...] = ()
    """(table, column) without a bridge that capture watches no more from contract on."""


class Operation(Protocol):
    """A change of the schema that old and new code live through. Implementations are frozen dataclasses."""

    @property
    def title(self) -> str:
        """One line for people: what becomes of what."""

    def steps(self, server: Server) -> Steps | Refusal:
        """What is to be done on this server."""


@dataclass(frozen=True)
class Upgrade:
    """Operations that go through the phases together, under one name.

    ``scripts``: the release whose own migrations are run with them; empty where none are.
    """

    name: str
    operations: tuple[Operation, ...]
    scripts: str = ""
