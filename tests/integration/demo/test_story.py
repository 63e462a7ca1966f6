"""The scenario holds against one real Keystone that plays all three sites: what it awaits is sound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import sqlalchemy as sa

from keystone_viaduct.demo.comparer import Source, compare
from keystone_viaduct.demo.keystones import Keystone, Keystones, SiteSpec
from keystone_viaduct.demo.scenario.everything import create_everything
from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.demo.scenario.step import Outcome, Stage, Step, play
from keystone_viaduct.demo.scenario.story import story
from keystone_viaduct.demo.scenario.world import World
from keystone_viaduct.demo.sheets import BOOKKEEPING, LOCAL, SHEETS
from keystone_viaduct.demo.wan import End, Link, Wan

pytestmark = pytest.mark.keystone


class NoFabric:
    """One site needs none."""

    agent_url = ""
    dashboard_url = ""

    def equip(self, keystones: Keystones, hub: str, roads: Mapping[str, Link]) -> None:
        """Nothing to add."""

    def join(self, keystones: Keystones, hub: str, roads: Mapping[str, Link]) -> None:
        """Nothing to join."""

    def settle(self, deadline: float) -> bool:
        return True

    def explain(self, kind: str, key: str) -> list[str]:
        return [f"{kind} {key}: the hub's description was kept"]

    def stop(self) -> None:
        """Nothing to stop."""


@pytest.fixture(scope="module")
def keystone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keystone]:
    with Keystones(tmp_path_factory.mktemp("story"), [SiteSpec("east")]) as running:
        yield running["east"]


@pytest.fixture(scope="module")
def outcomes(keystone: Keystone) -> list[Outcome]:
    names = ("east", "west", "south")
    place = Place(keystone)
    with Wan(rtt_ms=1) as wan:
        ends = {name: End(name, "127.0.0.1", keystone.port.number) for name in names}
        roads = {name: wan.link(ends["east"], ends[name]) for name in names[1:]}
        stage = Stage("east", dict.fromkeys(names, place), roads, NoFabric(), World("all"))
        played = [play(stage, step) for step in story(*names)]
    place.close()
    return played


def source(keystone: Keystone, name: str = "east") -> Source:
    return Source(name, keystone.database_url, keystone.layout.credential_keys)


def test_every_step_holds(outcomes: list[Outcome]) -> None:
    assert [(step.title, step.error, step.lag_ms) for step in outcomes if not step.held] == []
    assert len(outcomes) > 30


def test_the_story_leaves_every_kind_and_uses_every_column(
    keystone: Keystone, outcomes: list[Outcome]
) -> None:
    found = compare([source(keystone), source(keystone, "again")])
    assert found.equal
    assert found.empty == []
    assert found.unused == []
    assert len(found.records) == 34


def test_every_column_of_the_migrated_database_is_judged_or_local(keystone: Keystone) -> None:
    judged = set()
    for sheets in SHEETS.values():
        for sheet in sheets:
            own = [name.removeprefix("t.") for name in sheet.key if name.startswith("t.")]
            judged |= {(sheet.table, name) for name in (*own, *sheet.columns)}
    # the columns that join a child to its parent are compared as the parent's key
    joining = {
        ("password", "local_user_id"),
        ("application_credential_role", "application_credential_id"),
        ("application_credential_access_rule", "application_credential_id"),
        ("application_credential_access_rule", "access_rule_id"),
    }
    engine = sa.create_engine(keystone.database_url)
    inspector = sa.inspect(engine)
    real = {
        (table, column["name"])
        for table in inspector.get_table_names()
        if table not in BOOKKEEPING and not table.startswith("viaduct_")
        for column in inspector.get_columns(table)
    }
    engine.dispose()
    assert real - judged - joining - set(LOCAL) == set()


def test_everything_can_be_made_twice_at_one_site(keystone: Keystone, outcomes: list[Outcome]) -> None:
    place = Place(keystone)
    create_everything(place, "second")
    place.close()
    assert compare([source(keystone)]).records["mapping"] >= 2


def test_a_step_that_is_not_seen_does_not_hold(keystone: Keystone) -> None:
    stage = Stage("east", {"east": Place(keystone), "west": Place(keystone)}, {}, NoFabric(), World("x"))
    never = Step("nothing comes", "east", lambda *_: None, lambda *_: False, deadline=0.1)
    broken = Step("breaks", "east", lambda stage, place: place.admin.get("/users/nobody"))
    assert play(stage, never).lag_ms == {"west": None}
    assert not play(stage, never).held
    assert "NotFound" in play(stage, broken).error


def test_two_unlike_sites_are_told_apart_field_by_field(keystone: Keystone, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    engine = sa.create_engine(keystone.database_url)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"VACUUM INTO '{copy}'")
    engine.dispose()
    other = Source("other", f"sqlite:///{copy}", keystone.layout.credential_keys)
    assert compare([source(keystone), other]).equal
    engine = sa.create_engine(other.url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE role SET description = 'changed' WHERE name = 'reader'")
        connection.exec_driver_sql("UPDATE local_user SET failed_auth_count = 7")
        connection.exec_driver_sql("DELETE FROM user_group_membership")
        connection.exec_driver_sql("UPDATE password SET password_hash = 'x' WHERE expires_at_int IS NOT NULL")
    engine.dispose()
    found = compare([source(keystone), other])
    kinds = {(difference.kind, difference.field) for difference in found.differences}
    assert kinds == {("role", "description"), ("membership", ""), ("user", "passwords")}
    stranger = Source("other", other.url, tmp_path)
    assert ("credential", "encrypted_blob") in {
        (difference.kind, difference.field)
        for difference in compare([source(keystone), stranger]).differences
    }
