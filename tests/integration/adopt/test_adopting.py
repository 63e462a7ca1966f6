"""Adopting a Keystone that grew up alone, on each engine, judged by Keystone itself."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.sync.adopt import Plan, adopt, make_plan
from keystone_viaduct.sync.adopt.names import KNOWN_OUTSIDE
from tests.integration.adopt.conftest import Site

pytestmark = [pytest.mark.keystone, pytest.mark.engines("mariadb")]

# Tokens that name an old user id are dead with it, so the events that revoke them are left as they are.
LEFT = {("revocation_event", "user_id"), ("revocation_event", "project_id")}


def plan_of(spoke: Site, hub: Site) -> Plan:
    return make_plan(spoke.inventory, hub.inventory)


def test_after_adopting_keystone_serves_the_same_under_the_hubs_ids(
    hub: Site, spoke: Site, tmp_path: Path
) -> None:
    before = spoke.picture()
    with spoke.engine.begin() as connection:
        connection.execute(sa.text("UPDATE local_user SET failed_auth_count = 3 WHERE name = 'bob'"))
    journal, aliases = tmp_path / "journal.json", tmp_path / "ids.json"
    result = adopt(
        hub.inventory,
        spoke.engine,
        spoke.cipher,
        site="west",
        rekey=True,
        journal=journal,
        aliases=aliases,
    )
    with spoke.engine.connect() as connection:
        failed = sa.text("SELECT failed_auth_count FROM local_user WHERE name = 'bob'")
        assert connection.execute(failed).scalar() == 3, "it never travels, and survives"
    after = spoke.picture()

    assert after["served"] == before["served"]
    assert after["logins"] == before["logins"]
    assert {"alice", "alice: ci", "admin", "dave"} <= {
        name for name, outcome in after["logins"].items() if outcome == "yes"
    }
    shared = hub.picture()["ids"]
    different = {name for name in shared.keys() & after["ids"].keys() if shared[name] != after["ids"][name]}
    assert not different
    assert len(shared.keys() & after["ids"].keys()) >= 20

    moved = {old: new for ids in result.moved.values() for old, new in ids.items()}
    assert json.loads(aliases.read_text())["ids"] == result.moved and not journal.exists()
    stale = {
        (table, column)
        for table, column, text in spoke.cells()
        for old in moved
        if old in text and (table, column) not in LEFT
    }
    assert not stale
    assert result.late == 0
    assert result.left.settled and plan_of(spoke, hub).settled
    cells = sorted(spoke.cells())
    again = adopt(hub.inventory, spoke.engine, spoke.cipher, site="west", rekey=True)
    assert again.moved == {} and sorted(spoke.cells()) == cells


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.engines("sqlite")
def test_without_rekey_users_projects_groups_and_domains_keep_their_ids(hub: Site, spoke: Site) -> None:
    before, plan = spoke.picture(), plan_of(spoke, hub)
    withheld = plan.withheld(rekey=False)
    assert {"domain", "project", "user", "group", "limit", "role"} == {move.kind for move in withheld}
    assert [move.label for move in withheld if move.kind == "role"] == ["deputy"], "a role of a domain"
    result = adopt(hub.inventory, spoke.engine, spoke.cipher, site="west")
    assert not KNOWN_OUTSIDE & result.moved.keys()
    assert {"role", "service", "endpoint", "endpoint_group", "policy", "registered_limit"} == set(
        result.moved
    )
    assert result.left.moves == withheld
    after = spoke.picture()
    assert after["served"] == before["served"]
    kept = {name: key for name, key in before["ids"].items() if name[1:].split()[0] in KNOWN_OUTSIDE}
    assert kept == {name: after["ids"][name] for name in kept}


@pytest.mark.slow
def test_killed_again_and_again_it_ends_the_same(hub: Site, spoke: Site, tmp_path: Path) -> None:
    before = spoke.picture()
    plan = plan_of(spoke, hub)
    journal, aliases = tmp_path / "journal.json", tmp_path / "ids.json"
    rng = random.Random(4)
    deaths = 0
    while not _survives(spoke, hub, journal, aliases, rng.randint(5, 60) if deaths < 25 else 10**9):
        deaths += 1
    assert deaths >= 10
    after = spoke.picture()
    assert after["served"] == before["served"] and after["logins"] == before["logins"]
    assert plan_of(spoke, hub).settled and not journal.exists()
    recorded = json.loads(aliases.read_text())["ids"]
    assert {(kind, old, new) for kind, ids in recorded.items() for old, new in ids.items()} == {
        (move.kind, move.old, move.new) for move in plan.moves
    }


def _survives(spoke: Site, hub: Site, journal: Path, aliases: Path, statements: int) -> bool:
    """Adopt in a process that dies before its Nth writing statement; whether it came to its end."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            engine = sa.create_engine(spoke.url, poolclass=sa.pool.NullPool)
            _die_before(engine, statements)
            inventory = hub.inventory
            adopt(
                inventory,
                engine,
                spoke.cipher,
                site="west",
                rekey=True,
                journal=journal,
                aliases=aliases,
            )
            status = 0
        finally:
            os._exit(status)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (0, 9), "it failed otherwise"
    return code == 0


def _die_before(engine: sa.engine.Engine, statements: int) -> None:
    left = statements

    @sa.event.listens_for(engine, "before_cursor_execute")
    def count(_c: Any, _cursor: Any, statement: str, _p: Any, _context: Any, _many: bool) -> None:
        nonlocal left
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            left -= 1
            if left <= 0:
                os._exit(9)
