"""``viaduct_bridge_marks``: what a trigger could not do at once, for the worker of ``repair.py``.

A mark names the bridge, the key that is to be looked at, the side that was written, and the child's key if a
child was. It is appended by the trigger, in the writer's transaction, and taken away by whoever has settled
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.kinds.value import part_key

from .expression import Scalar
from .shape import Column
from .types import Boolean, Integer

TABLE = "viaduct_bridge_marks"
_OPTIONS: dict[str, Any] = {
    f"{engine}_{name}": value
    for engine in ("mysql", "mariadb")
    for name, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}
MARKS = sa.Table(
    TABLE,
    sa.MetaData(),
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
    sa.Column("bridge", sa.String(64), nullable=False),
    sa.Column("side", sa.String(3), nullable=False),
    sa.Column("record", sa.Text(), nullable=False),
    sa.Column("child", sa.Text()),
    sa.Index("viaduct_bridge_marks_record", "bridge", "record", mysql_length={"record": 190}),
    **_OPTIONS,
)
INDEX = next(iter(MARKS.indexes))


def key_of(text: str, columns: Sequence[Column]) -> tuple[Scalar, ...]:
    """The values that :func:`keystone_viaduct.triggers.key_text` has made the text of."""
    parts = part_key(text, TABLE, len(columns), sized=False)
    return tuple(_value(part, column) for part, column in zip(parts, columns, strict=True))


def _value(part: str, column: Column) -> Scalar:
    if isinstance(column.type, Integer):
        return int(part)
    if isinstance(column.type, Boolean):
        return part == "1"
    return part
