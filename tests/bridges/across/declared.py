"""The moves that workloads run on, with the values that writers give."""

from __future__ import annotations

from dataclasses import dataclass

from keystone_viaduct.upgrade.expression import (
    After,
    AsInteger,
    AsText,
    Before,
    Field,
    Joined,
    Literal,
    Lookup,
    Scalar,
)
from keystone_viaduct.upgrade.move import Move
from keystone_viaduct.upgrade.shape import Column, Conversion, Table
from keystone_viaduct.upgrade.types import Boolean, Integer, Text

PARENT = Table("place", (Column("id", Text(64), nullable=False),))
CHILD = Table("thing", (Column("id", Text(64), nullable=False),))
DETAIL = Table("detail", (Column("place_id", Text(64), nullable=False),))

_TEXTS: tuple[Scalar, ...] = (None, "", "a", "A", "a ", "é", "it's", "%s")


@dataclass(frozen=True)
class Moved:
    """A move under the name of its operation; ``values`` are what writers give to each of its columns."""

    operation: str
    move: Move
    values: dict[str, tuple[Scalar, ...]]


def _plain(name: str, operation: str, **options: object) -> Moved:
    move = Move(
        name,
        PARENT,
        link=("place_id",),
        old=(Column("mail", Text(16)),),
        new=(Column("email", Text(16)),),
        up=(Conversion("email", Field("mail")),),
        down=(Conversion("mail", Field("email")),),
        **{"child": CHILD, **options},  # type: ignore[arg-type]
    )
    return Moved(operation, move, {"mail": _TEXTS, "email": _TEXTS})


def _required() -> Moved:
    """As Keystone's 014: what stood in each child stands in the parent, and was never NULL."""
    move = Move(
        "required",
        PARENT,
        CHILD,
        link=("place_id",),
        to="parent",
        old=(Column("domain_id", Text(16), nullable=False),),
        new=(Column("domain", Text(16)),),
        up=(Conversion("domain", Field("domain_id")),),
        down=(Conversion("domain_id", Field("domain"), fallback="none"),),
    )
    given = ("default", "Default", "d2", "", "none")
    return Moved("move column 1:n, not null", move, {"domain_id": (*given, None), "domain": (*given, None)})


def _lossy(to: str, nullable: bool) -> Moved:
    """A flag becomes one of several states, in the other table."""
    states = (("public", True), ("private", False), ("shared", False))
    move = Move(
        f"lossy_{to}",
        PARENT,
        CHILD,
        link=("place_id",),
        to=to,  # type: ignore[arg-type]
        old=(Column("is_public", Boolean(), nullable=nullable),),
        new=(Column("state", Text(9)),),
        up=(Conversion("state", Lookup(Field("is_public"), ((True, "public"), (False, "shared")))),),
        down=(Conversion("is_public", Lookup(Field("state"), states), fallback=False),),
    )
    values: dict[str, tuple[Scalar, ...]] = {
        "is_public": (True, False, None),
        "state": ("public", "private", "shared", "x", None),
    }
    return Moved(f"move column 1:n to {to}, lossy", move, values)


def _split() -> Moved:
    """One text of the child becomes two columns of the parent."""
    move = Move(
        "split_over",
        PARENT,
        CHILD,
        link=("place_id",),
        to="parent",
        many=False,
        old=(Column("socket", Text(32)),),
        new=(Column("address", Text(16)), Column("port", Integer(32))),
        up=(
            Conversion("address", Before(Field("socket"), ":")),
            Conversion("port", AsInteger(After(Field("socket"), ":", required=True)), fallback=0),
        ),
        down=(Conversion("socket", Joined((Field("address"), Literal(":"), AsText(Field("port"))))),),
    )
    sockets: tuple[Scalar, ...] = (None, "", "a:1", "a:007", "b:x", "a", "a:1:2", "long" * 5 + ":9")
    values: dict[str, tuple[Scalar, ...]] = {
        "socket": sockets,
        "address": (None, "", "a", "b", "a:b"),
        "port": (None, 0, 1, 7),
    }
    return Moved("split across tables", move, values)


def _once(to: str) -> Moved:
    """One way: a federated user's domain is its provider's, and new code may give it another."""
    move = Move(
        f"once_{to}",
        PARENT,
        CHILD,
        link=("place_id",),
        to=to,  # type: ignore[arg-type]
        old=(Column("domain_id", Text(16), nullable=to == "parent"),),
        new=(Column("domain", Text(16)),),
        up=(Conversion("domain", Field("domain_id")),),
        keeps=to == "child",
    )
    given: tuple[Scalar, ...] = ("default", "Default", "d2", "")
    return Moved(f"move column to {to}, one way", move, {"domain_id": (*given, None), "domain": given})


MOVED = (
    _plain("single", "move column 1:1 to child", to="child", many=False),
    _plain("single_up", "move column 1:1 to parent", to="parent", many=False),
    _plain("made", "move column 1:1, rows made", to="child", many=False, makes_rows=True, child=DETAIL),
    _plain("several", "move column 1:n to parent", to="parent"),
    _plain("several_down", "move column 1:n to child", to="child"),
    _required(),
    _lossy("parent", nullable=False),
    _lossy("child", nullable=False),
    _split(),
    _once("parent"),
    _once("child"),
)
