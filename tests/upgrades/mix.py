"""An upgrade of every operation at once: its tables of before, what old code writes, and what must come.

``thing`` has all that happens within one table; between ``place``, ``visit`` and ``detail`` columns move;
``place`` has one that Python computes; ``visit`` gets a foreign key, and ``relic`` goes. What an engine
refuses is left out there.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from keystone_viaduct.upgrade.computed import Computed
from keystone_viaduct.upgrade.constraints import ForeignKey
from keystone_viaduct.upgrade.expression import AsInteger, Field, Scalar, Within, same
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
from keystone_viaduct.upgrade.shape import Column, Conversion, Table
from keystone_viaduct.upgrade.steps import Operation
from keystone_viaduct.upgrade.types import Integer, Text
from tests.bridges.across.sealing import unseal
from tests.bridges.declared import DECLARED, TABLE
from tests.support.upgrades import Site, make_table, seeded, site

DECLARED_BRIDGE = next(item for item in DECLARED if item.operation == "split")
BRIDGE = DECLARED_BRIDGE.bridge
KEY = Column("id", Text(64), nullable=False)
PLACE, VISIT = Table("place", (KEY,)), Table("visit", (KEY,))
DETAIL = Table("detail", (Column("place_id", Text(64), nullable=False),))
LOGIN, GONE = (Column(name, Text(8), nullable=False) for name in ("login", "gone"))
LABEL, TITLE = (Column(name, Text(8)) for name in ("label", "title"))
FURTHER = (LOGIN, LABEL, TITLE, GONE)
NUMBER = AsInteger(Field("label"))
SHOWN = ("account", "address", "id", "label", "locale", "note", "number", "port", "title", "uuid")


def _move(name: str, child: Table, column: str, to: str, **options: bool) -> Move:
    same_value = (Conversion(column, Field(column)),)
    kept = (Column(column, Text(16)),)
    return Move(name, PLACE, child, ("place_id",), to, kept, kept, same_value, same_value, **options)  # type: ignore[arg-type]


MAIL = _move("visit_mail", VISIT, "mail", "parent")
PHONE = _move("place_phone", DETAIL, "phone", "child", many=False, makes_rows=True)
SECRET = Computed(
    "place_secret",
    PLACE,
    old=(Column("secret", Text(16), nullable=False),),
    new=(Column("sealed", Text(64)), Column("key_hash", Text(16))),
    up="tests.bridges.across.sealing:seal",
    down="tests.bridges.across.sealing:unseal",
)
OWNER = ForeignKey("visit_owner", ("owner_id",), "person", ("id",), "CASCADE")
OPERATIONS: tuple[Operation, ...] = (
    ReplaceColumns(BRIDGE),
    RenameColumn(TABLE, LOGIN, "account"),
    AddColumn(TABLE, Column("locale", Text(8), nullable=False, default="en")),
    AddComputedColumn(TABLE, Column("number", Integer(), nullable=False), NUMBER, (LABEL,), fallback=0),
    ChangeType(TABLE, TITLE, Text(16)),
    DropColumn(TABLE, GONE, meanwhile="m"),
    AddConstraint(TABLE, "one_title", unique=("id", "title")),
    ChangeKey(TABLE, Column("uuid", Text(32), nullable=False)),
    RenameTable(TABLE, "item", SHOWN),
    MoveColumn(MAIL),
    MoveColumn(PHONE),
    ComputeColumns(SECRET),
    AddConstraint(VISIT, "visit_owner", refers=OWNER),
    AddConstraint(
        PLACE, "place_size", check=Within(Field("size"), 0, 99), columns=(Column("size", Integer()),)
    ),
    DropTable(Table("relic", (KEY,))),
)
ROWS = 40


def named(operation: Operation) -> str:
    """Its class, and what it makes where several are of one."""
    kind = type(operation).__name__
    if isinstance(operation, AddConstraint):
        return f"{kind}({'unique' if operation.unique else 'refers' if operation.refers else 'check'})"
    if isinstance(operation, MoveColumn):
        return f"{kind}({'rows made' if operation.move.makes_rows else 'moved'})"
    return kind


def made_of(url: str) -> Site:
    """The upgrade, of what its database takes."""
    left_out: list[str] = []
    if url.startswith("sqlite"):
        left_out = ["ChangeKey", "RenameTable"]
    elif url.startswith("mysql"):
        left_out = ["AddConstraint(check)"]
    return site(url, *(item for item in OPERATIONS if named(item) not in left_out))


def make(url: str) -> None:
    """The old shape, with rows."""
    rows = seeded(BRIDGE, DECLARED_BRIDGE.values, ROWS)
    for number, row in enumerate(rows):
        label = ("7", "007", "x", None)[number % 4]
        row.update(login=f"l{number}", label=label, title=f"t{number}", gone="g")
    make_table(url, BRIDGE, rows, *FURTHER)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        place, visit, person = _tables(connection)
        connection.execute(person.insert(), [{"id": "o"}])
        connection.execute(
            place.insert(),
            [
                {"id": f"p{n}", "phone": f"{n}" if n % 3 else None, "secret": f"s{n}", "size": n}
                for n in range(ROWS)
            ],
        )
        connection.execute(
            visit.insert(),
            [
                {
                    "id": f"v{n}",
                    "place_id": f"p{n // 2}",
                    "mail": f"m{n // 2}",
                    "owner_id": "o" if n % 2 else None,
                }
                for n in range(ROWS)
            ],
        )
    engine.dispose()


def _tables(connection: sa.Connection) -> tuple[sa.Table, sa.Table, sa.Table]:
    metadata = sa.MetaData()

    def key() -> sa.Column[str]:
        return sa.Column("id", sa.String(64), primary_key=True)

    def table(name: str, *columns: sa.Column[str] | sa.Column[int]) -> sa.Table:
        return sa.Table(name, metadata, *columns, mysql_engine="InnoDB", mysql_charset="utf8mb4")

    def of_place(**options: bool) -> sa.Column[str]:
        return sa.Column("place_id", sa.ForeignKey("place.id", ondelete="CASCADE"), **options)  # type: ignore[arg-type]

    place = table(
        "place",
        key(),
        sa.Column("phone", sa.String(16)),
        sa.Column("secret", sa.String(16), nullable=False),
        sa.Column("size", sa.Integer),
    )
    visit = table(
        "visit",
        key(),
        of_place(index=True),
        sa.Column("mail", sa.String(16)),
        sa.Column("owner_id", sa.String(64)),
    )
    table("detail", of_place(primary_key=True), sa.Column("note", sa.String(16)))
    table("relic", key())
    person = table("person", key())
    metadata.create_all(connection)
    return place, visit, person


def old_code(number: int) -> list[str]:
    """What it writes, time and again; the rows ``k0001``, ``p0``, ``v0`` and ``v1`` are its own."""
    return [
        f"UPDATE thing SET socket = 'h:{number}', login = 'w' WHERE id = 'k0001'",
        "INSERT INTO thing (id, socket, login, label, title, gone)"
        f" VALUES ('w{number}', 'w:{number}', 'w', '{number}', 't', 'g')",
        f"UPDATE visit SET mail = 'w{number}' WHERE place_id = 'p0'",
        f"UPDATE place SET phone = '{number}', secret = 'w{number}' WHERE id = 'p0'",
        f"INSERT INTO place (id, phone, secret, size) VALUES ('w{number}', '{number}', 'w', 1)",
        f"INSERT INTO visit (id, place_id, mail) VALUES ('w{number}', 'w{number}', 'w')",
    ]


def wrong(made: Site, *, contracted: bool) -> Iterator[str]:
    """What is not as the operations make it, or as it was before if they were rolled back."""
    kinds = {named(item) for item in made.upgrade.operations}
    table = "item" if contracted and "RenameTable" in kinds else "thing"
    if found := list(_shapes(made, kinds, table, contracted=contracted)):
        yield from found
        return
    yield from _things(made, table, contracted=contracted)
    yield from _places(made, contracted=contracted)
    if "ChangeKey" in kinds and contracted:
        rows = made.rows(table)
        if len({row["uuid"] for row in rows.values()}) != len(rows):
            yield "two rows have the same key"


def _shapes(made: Site, kinds: set[str], table: str, *, contracted: bool) -> Iterator[str]:
    inspector = sa.inspect(made.database.engine)
    places = set(inspector.get_table_names()) | set(inspector.get_view_names())
    there = {"place", "visit", "detail", "person", table} | (set() if contracted else {"relic"})
    if wanted := (there ^ places) & {"thing", "item", "relic", *there}:
        yield f"there, or not, and not as it should be: {sorted(wanted)}"
        return
    uuid = {"uuid"} if "ChangeKey" in kinds else set()
    columns = {
        table: set(SHOWN) - {"uuid"} | uuid
        if contracted
        else {"id", "note", "socket", *(column.name for column in FURTHER)},
        "place": {"id", "size"} | ({"mail", "sealed", "key_hash"} if contracted else {"phone", "secret"}),
        "visit": {"id", "place_id", "owner_id"} | (set() if contracted else {"mail"}),
        "detail": {"place_id", "note"} | ({"phone"} if contracted else set()),
    }
    for name, names in columns.items():
        if set(made.columns(name)) != names:
            yield f"{name} has {sorted(made.columns(name))}"
    keys = [key for key in inspector.get_foreign_keys("visit") if key["referred_table"] == "person"]
    if bool(keys) is not contracted:
        yield f"visit refers to person by {keys}"


def _things(made: Site, table: str, *, contracted: bool) -> Iterator[str]:
    rows = made.rows(table)
    for number, before in enumerate(seeded(BRIDGE, DECLARED_BRIDGE.values, ROWS)):
        if number == 1:
            continue
        label = ("7", "007", "x", None)[number % 4]
        before.update(login=f"l{number}", label=label, title=f"t{number}", gone="g")
        key, expected = str(before["id"]), _contracted(before) if contracted else before
        yield from _unlike(key, rows.get(key), expected)


def _places(made: Site, *, contracted: bool) -> Iterator[str]:
    places, visits = made.rows("place"), made.rows("visit")
    with made.database.engine.connect() as connection:
        found = connection.execute(sa.text("SELECT * FROM detail")).mappings().all()
    details = {row["place_id"]: row for row in found}
    for number in range(1, ROWS):
        key, phone = f"p{number}", f"{number}" if number % 3 else None
        mail = f"m{number}" if number < ROWS // 2 else None
        if not contracted:
            yield from _unlike(key, places.get(key), {"phone": phone, "secret": f"s{number}", "size": number})
            continue
        yield from _unlike(key, places.get(key), {"mail": mail, "size": number})
        yield from _unlike(key, unseal(places[key]), {"secret": f"s{number}"})
        yield from _unlike(f"detail {key}", details.get(key, {"phone": None}), {"phone": phone})
    for number in range(2, ROWS):
        key, mail = f"v{number}", f"m{number // 2}"
        expected: dict[str, Scalar] = {"place_id": f"p{number // 2}", "owner_id": "o" if number % 2 else None}
        yield from _unlike(key, visits.get(key), expected if contracted else {**expected, "mail": mail})


def _unlike(key: str, row: object, expected: dict[str, Scalar]) -> Iterator[str]:
    found = dict(row) if row is not None else None  # type: ignore[call-overload]
    if found is None or not all(same(found[name], value) for name, value in expected.items()):
        yield f"{key}: {found} instead of {expected}"


def _contracted(row: dict[str, Scalar]) -> dict[str, Scalar]:
    """What becomes of a row of before."""
    pairs = zip(BRIDGE.new, BRIDGE.total_up(), strict=True)
    split = {column.name: value.value(row) for column, value in pairs}
    number = NUMBER.value(row)
    kept = {name: row[name] for name in ("id", "note", "label", "title")}
    return {
        **split,
        **kept,
        "account": row["login"],
        "locale": "en",
        "number": 0 if number is None else number,
    }
