"""Revocation events: a check of a token reads what may concern it, wherever else events lie."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator
from typing import Any

import keystone.conf
import pytest
from keystone.models import revoke_model
from oslo_utils import timeutils

from keystone_viaduct.cassandra.drivers.revoke import BY, Revoke
from keystone_viaduct.testing.cassandra.memory import MemoryTables
from tests.unit.cassandra.over import use

NOW = datetime.datetime(2026, 3, 1, 12, 0, 0)
MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture
def tables() -> Iterator[MemoryTables]:
    keystone.conf.configure()
    conf = keystone.conf.CONF
    conf([], project="keystone", default_config_files=[])
    timeutils.set_time_override(NOW)
    made = MemoryTables()
    use(made)
    yield made
    timeutils.clear_time_override()
    conf.reset()
    conf.clear()
    use(MemoryTables())


def token(rng: random.Random) -> dict[str, Any]:
    """One of a few users, projects and so on, or of none."""
    made: dict[str, Any] = revoke_model.blank_token_data(NOW - MINUTE * rng.randrange(10))
    for name in (*BY, "trustor_id", "trustee_id"):
        made[name] = rng.choice((None, "1", "2"))
    made["roles"] = rng.sample("12", rng.randrange(3))
    return made


def selected(event: Any, asked: dict[str, Any]) -> bool:
    """What upstream's SQL selects for a token; the rest is compared by Keystone."""
    users = (None, asked["user_id"], asked["trustor_id"], asked["trustee_id"])
    others = ("project_id", "audit_id", "trust_id")
    return (
        event.issued_before >= asked["issued_at"]
        and event.user_id in users
        and all(getattr(event, name) in (None, asked[name]) for name in others)
    )


def test_a_token_is_revoked_by_what_all_events_together_say_of_it(tables: MemoryTables) -> None:
    rng = random.Random(1)
    driver, events = Revoke(), []
    for _ in range(60):
        named = {name: rng.choice("12") for name in rng.sample((*BY, "role_id"), rng.randrange(1, 4))}
        made = NOW - MINUTE * rng.randrange(10)
        events.append(revoke_model.RevokeEvent(issued_before=made, revoked_at=NOW, **named))
        driver.revoke(events[-1])
    revoked = 0
    for _ in range(300):
        asked = token(rng)
        expected = revoke_model.is_revoked([each for each in events if selected(each, asked)], asked)
        assert revoke_model.is_revoked(driver.list_events(token=asked), asked) == expected
        revoked += expected
    assert 0 < revoked < 300
    assert len(driver.list_events()) == 60


def test_a_check_reads_the_same_few_places_however_many_events_there_are(tables: MemoryTables) -> None:
    driver = Revoke()
    for number in range(100):
        driver.revoke(revoke_model.RevokeEvent(audit_chain_id=f"c{number}"))
        driver.revoke(revoke_model.RevokeEvent(user_id=f"u{number}"))
    asked = {**revoke_model.blank_token_data(NOW), "user_id": "u1", "audit_chain_id": "c1"}
    assert len(driver.list_events(token=asked)) == 2


def test_events_are_listed_since_a_time_and_until_no_token_is_left(tables: MemoryTables) -> None:
    driver = Revoke()
    for number in range(3):
        timeutils.set_time_override(NOW + number * 30 * MINUTE)
        driver.revoke(revoke_model.RevokeEvent(user_id=f"u{number}"))
    assert [each.user_id for each in driver.list_events()] == ["u0", "u1", "u2"]
    assert [each.user_id for each in driver.list_events(last_fetch=NOW)] == ["u1", "u2"]
    timeutils.set_time_override(NOW + 91 * MINUTE)
    assert [each.user_id for each in driver.list_events()] == ["u1", "u2"]
    asked = {**revoke_model.blank_token_data(NOW), "user_id": "u0"}
    assert driver.list_events(token=asked) == []
