"""Operations of one upgrade that name the same columns, and moves that go one way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keystone_viaduct.errors import BadDeclaration
from keystone_viaduct.upgrade.changes import Disarm, DropColumn
from keystone_viaduct.upgrade.expression import Field
from keystone_viaduct.upgrade.move import Move
from keystone_viaduct.upgrade.operations import MoveColumn
from keystone_viaduct.upgrade.order import in_turn
from keystone_viaduct.upgrade.shape import Column, Conversion, Table
from keystone_viaduct.upgrade.steps import Phase, Server, Steps
from keystone_viaduct.upgrade.types import Text

KEY = Column("id", Text(64), nullable=False)
DOMAIN = Column("domain_id", Text(64))
SAME = (Conversion("domain_id", Field("domain_id")),)
INTO = Move(
    "first",
    Table("user", (KEY,)),
    Table("local_user", (KEY,)),
    ("user_id",),
    "parent",
    (DOMAIN,),
    (DOMAIN,),
    SAME,
)
SECOND = replace(INTO, name="second", child=Table("other_user", (KEY,)))
REQUIRED = (replace(DOMAIN, nullable=False),)
ALONG = replace(
    SECOND,
    name="third",
    parent=Table("place", (KEY,)),
    to="child",
    link=("place_id",),
    old=REQUIRED,
    keeps=True,
)


def changes(phase: Phase, *moves: Move) -> list[str]:
    """What goes, in its order."""
    found = [MoveColumn(move).steps(Server("postgresql", (15,))) for move in moves]
    steps = [item for item in found if isinstance(item, Steps)]
    said = []
    for change in in_turn(steps, phase):
        if isinstance(change, Disarm):
            said.append(change.bridge.name)
        if isinstance(change, DropColumn):
            said.append(f"{change.table.name}.{change.column}")
    return said


def test_a_column_goes_when_the_last_trigger_that_names_it_is_gone() -> None:
    assert changes(Phase.ROLLBACK, INTO, SECOND) == [
        *("second", "first", "user.domain_id", "user.domain_id"),
    ]
    assert changes(Phase.CONTRACT, SECOND, ALONG) == ["second", "third", "other_user.domain_id"]
    assert changes(Phase.CONTRACT, INTO, SECOND) == [
        *("first", "local_user.domain_id", "second", "other_user.domain_id"),
    ]


def test_a_move_of_one_way_that_would_leave_rows_or_writers_without_a_value_is_refused() -> None:
    with pytest.raises(BadDeclaration, match="would miss it"):
        replace(ALONG, old=(DOMAIN,))
    with pytest.raises(BadDeclaration, match="they take no NULL"):
        replace(INTO, old=REQUIRED)


def test_a_row_takes_the_other_side_once_and_keeps_what_new_code_gave_it() -> None:
    child = {"id": "c", "user_id": "u", "domain_id": "far"}
    other = {**child, "id": "d", "domain_id": "near"}
    settled = INTO.settle({"id": "u", "domain_id": None}, [child, other], new_wins=True)
    assert (settled.parent, settled.children) == ({"domain_id": "far"}, ())
    for new_wins in (False, True):
        settled = INTO.settle({"id": "u", "domain_id": "own"}, [child], new_wins=new_wins, written=child)
        assert (settled.parent, settled.children) == ({}, ())
