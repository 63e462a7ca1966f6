"""Every JSON value that Keystone's parser takes goes through each engine's tables, and stays what it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.errors import Unreadable
from keystone_viaduct.kinds.raw import settled
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import Type
from tests.unit.documents.world import one
from tests.unit.wire.strategies import nested

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb")

EXTRA = [kind.name for kind in REGISTRY.values() if kind.extra]
#: Fields that hold any JSON: columns of their own.
BLOBS = [
    (kind.name, spec.name)
    for kind in REGISTRY.values()
    for spec in kind.fields
    if spec.type in (Type.JSON, Type.JSON_TWICE)
]
ODD: dict[str, Any] = {
    "": "",
    "nan": float("nan"),
    "infinities": [float("inf"), {"less": float("-inf")}],
    "half": "\ud83d",
    "other half": ["\udc27", {"\udc27": "\ud83d\udc27"}],
    "\ud83d": 1,
    "n" * 300: 2,
    "nul\0": "\0",
    "@deleted": True,
    "extra.x.": 1.0,
    "minus": -0.0,
    "million": 10**400,
    "deep": nested(1000),
}
VALUES = {f"extra.{name}": settled(value) for name, value in ODD.items()}


@pytest.mark.parametrize("kind", EXTRA)
def test_attributes_of_any_name_and_value_are_read_as_they_were_written(
    world: Codecs, connection: sa.engine.Connection, kind: str
) -> None:
    key, document = one(kind)
    changed = {**document, **VALUES, **{f"extra.a{number}": number for number in range(4100)}}
    world.check(kind, changed)
    world.write(connection, kind, key, document, changed)
    assert world.load(connection, kind, [key]) == {key: changed}
    table = sa.table(REGISTRY[kind].table, sa.column("extra"))
    extra = [text for (text,) in connection.execute(sa.select(table.c.extra)) if "4099" in (text or "")]
    assert "NaN" in extra[0] and repr(json.loads(extra[0].replace("[" * 990, "").replace("]" * 990, "")))


@pytest.mark.parametrize(("kind", "field"), BLOBS)
@pytest.mark.parametrize("name", ODD)
def test_a_column_of_json_holds_any_value(
    world: Codecs, connection: sa.engine.Connection, kind: str, field: str, name: str
) -> None:
    key, document = one(kind)
    changed = {**document, field: settled({"a": ODD[name]} if name != "deep" else ODD[name])}
    world.write(connection, kind, key, document, changed)
    assert world.load(connection, kind, [key]) == {key: changed}


@pytest.mark.parametrize("kind", REGISTRY)
def test_it_is_asked_of_every_kind_which_records_are_large(
    world: Codecs, connection: sa.engine.Connection, kind: str
) -> None:
    key, document = one(kind)
    assert world.large(connection, kind, [key, key], 5000) == {}
    if kind in EXTRA:
        world.write(connection, kind, key, document, {**document, "extra.x": "x" * 6000})
        assert world.large(connection, kind, [key], 5000)[key] >= 6000


@pytest.mark.parametrize(("before", "after"), [(True, 1), (1, 1.0), (0.0, -0.0), ([True], [1])])
def test_a_value_that_python_holds_equal_to_the_one_before_is_written(
    world: Codecs, connection: sa.engine.Connection, before: Any, after: Any
) -> None:
    key, document = one("role")
    old, new = {**document, "extra.x": before}, {**document, "extra.x": after}
    world.write(connection, "role", key, document, old)
    world.write(connection, "role", key, old, new)
    assert repr(world.load(connection, "role", [key])[key]["extra.x"]) == repr(after)


@pytest.mark.parametrize(
    ("text", "why"),
    [("{no", "is no JSON|Expecting"), ('{"a": ' + "[" * 1001 + "]" * 1001 + "}", "1000 deep")],
)
def test_a_row_that_keystone_cannot_read_either_is_named_beside_those_that_it_can(
    world: Codecs, connection: sa.engine.Connection, text: str, why: str
) -> None:
    key, document = one("role")
    other = {**document, "id": "f" * 32, "name": "another"}
    world.insert_many(connection, "role", [("f" * 32, other)])
    table = sa.table("role", sa.column("id"), sa.column("extra"))
    connection.execute(sa.update(table).where(table.c.id == key).values(extra=text))
    with pytest.raises(Unreadable, match=why) as caught:
        world.load(connection, "role", [key, "f" * 32])
    assert caught.value.fields["keys"] == [key]
    assert world.load(connection, "role", ["f" * 32]) == {"f" * 32: other}
