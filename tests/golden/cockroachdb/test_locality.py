"""Where ``viaduct sql locality`` puts each table that a release has made or that is ours."""

from __future__ import annotations

import re
from pathlib import Path

from keystone_viaduct.sql.locality import PLACEMENTS, Locality, plan
from keystone_viaduct.sync.store import tables
from tests.golden.conftest import Golden

MADE = Path(__file__).with_name("db_sync.sql").read_text()
KEYSTONES = {name.strip('"') for name in re.findall(r'^CREATE TABLE ("?\w+"?)', MADE, re.M)}
UNUSED = {"token", "alembic_version"}


def test_the_statement_for_each_table(golden: Golden) -> None:
    all_tables = {*PLACEMENTS, "viaduct_dirty"}
    golden("locality.sql", "".join(f"{one.statement()}; -- {one.reason}\n" for one in plan(all_tables)))


def test_every_table_has_its_place() -> None:
    ours = set(tables.metadata.tables)
    placed = {one.table: one.locality for one in plan(KEYSTONES | ours)}
    assert (KEYSTONES | ours) - set(placed) == UNUSED
    assert set(PLACEMENTS) <= KEYSTONES
    assert {placed[table] for table in ours} == {Locality.REGIONAL}


def test_a_table_that_is_not_known_is_left_alone() -> None:
    assert plan(["flavour_of_a_later_release", "role"]) == [PLACEMENTS["role"]]
    assert PLACEMENTS["role"].locality is Locality.GLOBAL
