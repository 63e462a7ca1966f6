"""Keystone's own tables, as its migrations made them, can all carry triggers over all of their columns."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from keystone_viaduct.triggers import Event, Installer, Timing, TriggerSpec, key_text, new, old
from tests.golden.triggers.examples import dirty, mark


def triggers(table: sa.Table) -> Iterator[TriggerSpec]:
    """One trigger for each event of a table."""
    keys = list(table.primary_key) or list(table.c)
    for event in Event:
        row = old if event is Event.DELETE else new
        yield TriggerSpec(
            f"viaduct_{table.name}_{event.value}",
            table,
            event,
            Timing.AFTER,
            (mark(table.name, key_text(*(row(column) for column in keys))),),
            changed=tuple(table.c) if event is Event.UPDATE else (),
        )


@pytest.mark.keystone
def test_every_table_of_keystone_can_carry_triggers(keystone_url: str) -> None:
    engine = sa.create_engine(keystone_url, future=True)
    metadata = sa.MetaData()
    metadata.reflect(engine)
    dirty.create(engine)
    specs = [spec for table in metadata.sorted_tables for spec in triggers(table)]
    with engine.connect() as connection:
        assert len(Installer(connection).install(specs)) == len(specs) > 120
        assert Installer(connection).install(specs) == []
    assignment = metadata.tables["assignment"]
    row = {"type": "UserProject", "actor_id": "a/b", "target_id": "50%", "role_id": "r", "inherited": False}
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        connection.execute(assignment.insert().values(**row))
        connection.execute(assignment.update().values(role_id="r"))
        connection.execute(assignment.update().values(role_id="s"))
        connection.execute(assignment.delete())
        marks = connection.execute(sa.select(dirty.c.kind, dirty.c.key).order_by(dirty.c.id)).all()
    prefix = "UserProject/a%2Fb/50%25"
    assert [tuple(item) for item in marks] == [
        ("assignment", f"{prefix}/r/0"),
        ("assignment", f"{prefix}/s/0"),
        ("assignment", f"{prefix}/s/0"),
    ]
    engine.dispose()
