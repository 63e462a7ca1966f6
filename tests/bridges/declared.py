"""The bridges that workloads run on, with the values that writers give: easy ones, and those that bite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from keystone_viaduct.upgrade.expression import (
    After,
    AsInteger,
    AsText,
    Before,
    Case,
    Field,
    IsNull,
    Joined,
    Literal,
    Lookup,
    Scalar,
)
from keystone_viaduct.upgrade.operations import AddComputedColumn, RenameColumn
from keystone_viaduct.upgrade.shape import Bridge, Column, Conversion, Table
from keystone_viaduct.upgrade.times import EARLIEST, LATEST, LEAST, MOST, AsMicroseconds, AsMoment
from keystone_viaduct.upgrade.types import Boolean, DateTime, Enum, Integer, Text
from tests.bridges.rules import BridgeRules

TABLE = Table("thing", (Column("id", Text(64), nullable=False),))

_TEXTS: tuple[Scalar, ...] = (
    None,
    "",
    "a",
    "A",
    "a ",
    " a",
    "é",
    "e\u0301",
    "\U0001f511",
    "%s",
    "50%",
    "it's",
)
_NUMBERS: tuple[Scalar, ...] = (
    *("7", "007", "-7", "-0", "0", "+7", "7 ", " 7", "7\n", "7.0", "1e3", "abc", "", "-", "--7", "７"),
    *("2147483647", "2147483648", "-2147483649", "999999999999999999", "12345678901234567890"),
    None,
)
_PLACES: tuple[Scalar, ...] = (
    None,
    "",
    ":",
    "a:1",
    "a:007",
    "b:x",
    "a",
    "a:1:2",
    "：1",
    "a：1",
    "long" * 5 + ":9",
)


@dataclass(frozen=True)
class Declared:
    """A bridge under the name of its operation; ``values`` are what writers give to each of its columns."""

    operation: str
    bridge: Bridge
    values: dict[str, tuple[Scalar, ...]]

    @property
    def rules(self) -> BridgeRules:
        """What its triggers do."""
        return BridgeRules(self.bridge)

    @property
    def parents(self) -> tuple[str, ...]:
        """The column by which a row goes with another."""
        return ("parent_id",)

    @property
    def sides(self) -> tuple[str, ...]:
        """See :class:`tests.bridges.statements.Shapes`."""
        return ("old", "old", "new", "new", "both")

    def columns(self, side: str) -> tuple[Column, ...]:
        """Those of the bridge."""
        return {"old": self.bridge.old, "new": self.bridge.new, "both": self.bridge.columns}[side]

    def choices(self, side: str, column: str) -> Sequence[Scalar]:
        """The same for all."""
        return self.values[column]

    def on(self, engine: str) -> Declared:
        """As one engine has it: no writer gives a fraction of a second to a column without one."""
        bridge = self.bridge.on(engine)
        moments = {column.name: column.type for column in bridge.columns if isinstance(column.type, DateTime)}
        values = {
            name: tuple(item for item in given if name not in moments or moments[name].holds(item))
            for name, given in self.values.items()
        }
        return Declared(self.operation, bridge, values)


def _rename(name: str, *, nullable: bool, default: Scalar = None) -> Declared:
    column = Column("login", Text(16), nullable=nullable, default=default)
    bridge = RenameColumn(TABLE, column, "account").bridge
    return Declared(name, bridge, {"login": _TEXTS, "account": _TEXTS})


def _retype() -> Declared:
    bridge = Bridge(
        "thing_port",
        TABLE,
        old=(Column("port", Text(24)),),
        new=(Column("port_number", Integer(32)),),
        up=(Conversion("port_number", AsInteger(Field("port")), fallback=-1),),
        down=(Conversion("port", AsText(Field("port_number"))),),
    )
    numbers = (None, 0, 7, -7, 2147483647, -2147483648)
    return Declared("change type", bridge, {"port": _NUMBERS, "port_number": numbers})


def _narrow() -> Declared:
    bridge = Bridge(
        "thing_narrow",
        TABLE,
        old=(Column("wide", Text(24)),),
        new=(Column("narrow", Text(3)),),
        up=(Conversion("narrow", Field("wide")),),
        down=(Conversion("wide", Field("narrow")),),
    )
    return Declared("change type, narrower", bridge, {"wide": (*_TEXTS, "abc", "abcd"), "narrow": _TEXTS})


def _transform() -> Declared:
    states = (("public", True), ("private", False), ("shared", False), ("community", False))
    bridge = Bridge(
        "thing_visibility",
        TABLE,
        old=(Column("is_public", Boolean(), nullable=False),),
        new=(Column("visibility", Text(9)),),
        up=(Conversion("visibility", Lookup(Field("is_public"), ((True, "public"), (False, "shared")))),),
        down=(Conversion("is_public", Lookup(Field("visibility"), states), fallback=False),),
    )
    texts = ("public", "private", "shared", "community", "PUBLIC", "x", None)
    return Declared("transform", bridge, {"is_public": (True, False, True, False, None), "visibility": texts})


def _split() -> Declared:
    bridge = Bridge(
        "thing_socket",
        TABLE,
        old=(Column("socket", Text(32)),),
        new=(Column("address", Text(16)), Column("port", Integer(32))),
        up=(
            Conversion("address", Before(Field("socket"), ":")),
            Conversion("port", AsInteger(After(Field("socket"), ":", required=True)), fallback=0),
        ),
        down=(Conversion("socket", Joined((Field("address"), Literal(":"), AsText(Field("port"))))),),
    )
    values = {"socket": _PLACES, "address": (None, "", "a", "b", "：", "a:b"), "port": (None, 0, 1, 7)}
    return Declared("split", bridge, values)


def _merge() -> Declared:
    alone = Case(
        ((IsNull(Field("last")), Field("first")),), Joined((Field("first"), Literal(" "), Field("last")))
    )
    bridge = Bridge(
        "thing_name",
        TABLE,
        old=(Column("first", Text(16)), Column("last", Text(16))),
        new=(Column("name", Text(40)),),
        up=(Conversion("name", alone),),
        down=(
            Conversion("first", Before(Field("name"), " ")),
            Conversion("last", After(Field("name"), " ")),
        ),
    )
    names = (None, "", "Ada", "Ada Lovelace", "ada lovelace", "Ada  Lovelace", " Ada", "A " + "b" * 30)
    return Declared("merge", bridge, {"first": _TEXTS, "last": (None, "b", "B", "", " "), "name": names})


def _listed() -> Declared:
    """Glance's images, with the type that they really got, beside one that the old shape lists."""
    visibility = Enum(("private", "public", "shared", "community"), "thing_visibility_type")
    levels = Enum(("low", "high"), "thing_level_type")
    states = (("public", True), ("private", False), ("shared", False), ("community", False))
    bridge = Bridge(
        "thing_listed",
        TABLE,
        old=(Column("is_public", Boolean(), nullable=False), Column("level", levels)),
        new=(Column("visibility", visibility), Column("rank", Integer(16))),
        up=(
            Conversion("visibility", Lookup(Field("is_public"), ((True, "public"), (False, "shared")))),
            Conversion("rank", Lookup(Field("level"), (("low", 1), ("high", 2)))),
        ),
        down=(
            Conversion("is_public", Lookup(Field("visibility"), states), fallback=False),
            Conversion("level", Lookup(Field("rank"), ((1, "low"), (2, "high"), (3, "higher")))),
        ),
    )
    values: dict[str, tuple[Scalar, ...]] = {
        "is_public": (True, False, None),
        "level": ("low", "high", None),
        "visibility": (*visibility.values, None),
        "rank": (1, 2, 3, 4, None),
    }
    return Declared("transform, enumerations", bridge, values)


def _moments() -> Declared:
    """Keystone's 024: a column of its passwords."""
    bridge = Bridge(
        "thing_created",
        TABLE,
        old=(Column("created_at", DateTime()),),
        new=(Column("created_at_int", Integer(64)),),
        up=(Conversion("created_at_int", AsMicroseconds(Field("created_at"))),),
        down=(Conversion("created_at", AsMoment(Field("created_at_int"))),),
    )
    moments = ("1970-01-01", "1969-12-31T23:59:59.999999", "2026-02-28T23:59:59", "2024-02-29T12:00:00.5")
    numbers = (0, 1, -1, 999_999, 1_700_000_000_123_456, -30_610_224_000_000_000, LEAST - 1, MOST, MOST + 1)
    values: dict[str, tuple[Scalar, ...]] = {
        "created_at": (None, EARLIEST, LATEST, *map(datetime.fromisoformat, moments)),
        "created_at_int": (None, *numbers, 2**63 - 1, -(2**63)),
    }
    return Declared("change type, moments", bridge, values)


def _computed() -> Declared:
    """A column that old code does not know, computed from one that stays."""
    operation = AddComputedColumn(
        TABLE,
        Column("port_number", Integer(32), nullable=False),
        AsInteger(Field("port")),
        reads=(Column("port", Text(24)),),
        fallback=-1,
    )
    return Declared("add column, computed", operation.bridge, {"port": _NUMBERS, "port_number": (0, 7, -1)})


DECLARED = (
    _rename("rename column", nullable=True),
    _rename("rename column, not null", nullable=False),
    _rename("rename column, default", nullable=True, default="a"),
    _retype(),
    _narrow(),
    _transform(),
    _split(),
    _merge(),
    _listed(),
    _moments(),
)
#: With those whose old columns stay.
WORKLOADS = (*DECLARED, _computed())
