"""What a mark calls a record by, and the record's key found again."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from keystone_viaduct.triggers import key_text
from keystone_viaduct.upgrade.expression import Scalar
from keystone_viaduct.upgrade.marks import key_of
from keystone_viaduct.upgrade.shape import Column
from keystone_viaduct.upgrade.types import Boolean, Integer, Text

COLUMNS = (Column("name", Text()), Column("number", Integer()), Column("flag", Boolean()))


@pytest.mark.parametrize("name", ["plain", "50%/a", "/" * 300, "%s%%" * 100 + "/" * 300])
def test_a_key_is_found_again_however_long_its_text_is(name: str) -> None:
    values: tuple[Scalar, ...] = (name, -7, True)
    with sa.create_engine("sqlite://").connect() as connection:
        parts = [sa.literal(value) for value in values]
        text = connection.execute(sa.select(key_text(*parts))).scalar_one()
    assert key_of(text, COLUMNS) == values
