"""One declaration of each operation, for what is said of all of them: the table of engines, golden files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from keystone_viaduct.upgrade.computed import Computed
from keystone_viaduct.upgrade.constraints import ForeignKey, Index
from keystone_viaduct.upgrade.ddl import dialect_for
from keystone_viaduct.upgrade.ddl.postgresql import PostgreSQLDialect
from keystone_viaduct.upgrade.expression import AsInteger, AsText, Field, Within
from keystone_viaduct.upgrade.move import Move
from keystone_viaduct.upgrade.operations import (
    AddColumn,
    AddComputedColumn,
    AddConstraint,
    ChangeKey,
    ChangeType,
    ComputeColumns,
    DropColumn,
    DropTable,
    MoveColumn,
    RenameColumn,
    RenameTable,
    ReplaceColumns,
)
from keystone_viaduct.upgrade.shape import Bridge, Column, Conversion, Table
from keystone_viaduct.upgrade.steps import Operation, Phase, Refusal, Server, Statement
from keystone_viaduct.upgrade.types import Integer, Text

THING = Table("thing", (Column("id", Text(64), nullable=False),))
NAME, PORT = Column("name", Text(16), nullable=False), Column("port", Text(8))
RETYPED = Bridge(
    "thing_port",
    THING,
    old=(PORT,),
    new=(Column("port_number", Integer(32)),),
    up=(Conversion("port_number", AsInteger(Field("port"))),),
    down=(Conversion("port", AsText(Field("port_number"))),),
)
NET_ID = Column("net_id", Text(64), nullable=False)
MOVED = Move(
    "thing_zone",
    Table("net", (Column("id", Text(64), nullable=False),)),
    THING,
    link=("net_id",),
    to="parent",
    old=(Column("zone", Text(16)),),
    new=(Column("region", Text(16)),),
    up=(Conversion("region", Field("zone")),),
    down=(Conversion("zone", Field("region")),),
)
SEALED = Computed(
    "thing_seal",
    THING,
    old=(Column("secret", Text(), nullable=False),),
    new=(Column("sealed", Text()), Column("key_hash", Text(64))),
    up="service.sealing:seal",
    down="service.sealing:unseal",
)
#: What the catalogue says of the table: an index and a reference of ``name``.
SERVER = Server(
    "",
    (15, 0),
    indexes=(("thing", Index("thing_name_idx", ("name",))),),
    keys=(("thing", ForeignKey("thing_name_fk", ("name",), "person", ("name",), "CASCADE")),),
    primary=(("thing", "thing_pkey"),),
)
VERSIONS = {
    "postgresql": (15, 0),
    "mariadb": (10, 11),
    "mysql": (9, 7),
    "sqlite": (3, 40),
    "cockroachdb": (26, 2),
}
OPERATIONS: dict[str, Operation] = {
    "AddColumn": AddColumn(THING, Column("locale", Text(16), nullable=False, default="en")),
    "AddComputedColumn": AddComputedColumn(
        THING, Column("number", Integer(), nullable=False), AsInteger(Field("port")), (PORT,), fallback=0
    ),
    "DropColumn": DropColumn(THING, NAME, meanwhile=""),
    "RenameColumn": RenameColumn(THING, NAME, "title"),
    "ReplaceColumns": ReplaceColumns(RETYPED),
    "ChangeType, longer text": ChangeType(THING, NAME, Text(32)),
    "ChangeType, more bits": ChangeType(THING, Column("size", Integer(32)), Integer(64)),
    "AddConstraint, check": AddConstraint(
        THING, "size_positive", check=Within(Field("size"), 0, 1000), columns=(Column("size", Integer()),)
    ),
    "AddConstraint, refers": AddConstraint(
        THING, "of_net", refers=ForeignKey("of_net", ("net_id",), "net", ("id",), "CASCADE")
    ),
    "AddConstraint, unique": AddConstraint(THING, "one_each", unique=("net_id", "port")),
    "ChangeKey": ChangeKey(THING, Column("uuid", Text(32), nullable=False)),
    "RenameTable": RenameTable(THING, "item"),
    "DropTable": DropTable(THING),
    "MoveColumn": MoveColumn(MOVED),
    "MoveColumn, rows made": MoveColumn(
        replace(MOVED, child=Table("extra", (NET_ID,)), to="child", many=False, makes_rows=True)
    ),
    "MoveColumn, one way": MoveColumn(replace(MOVED, down=())),
    "ComputeColumns": ComputeColumns(SEALED),
}


def server(engine: str) -> Server:
    """The table on an engine."""
    return replace(SERVER, engine=engine, version=VERSIONS[engine])


def statements(operation: Operation, engine: str) -> dict[Phase, Sequence[Statement]] | Refusal:
    """What an operation is there, or why not."""
    facts = server(engine)
    if engine == "cockroachdb":
        dialect = PostgreSQLDialect()
        dialect.engine = engine
    else:
        dialect = dialect_for(facts)  # type: ignore[assignment]
    steps = operation.steps(facts)
    if isinstance(steps, Refusal):
        return steps
    found: dict[Phase, Sequence[Statement]] = {}
    for phase in (Phase.EXPAND, Phase.CONTRACT, Phase.ROLLBACK):
        rendered: list[Statement] = []
        for change in getattr(steps, phase.value):
            part = dialect.statements(change, facts)
            if isinstance(part, Refusal):
                return part
            rendered += part
        found[phase] = rendered
    return found
