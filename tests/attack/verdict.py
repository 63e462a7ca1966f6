"""What must not have come about at the hub, whatever the limited site did."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import sqlalchemy as sa

from tests.attack.fleet import HONEST, HUB, PATIENCE, World

#: Questions whose answer is 0 as long as nothing was accepted.
FACTS = {
    "users of another domain were changed": (
        "SELECT count(*) FROM \"user\" WHERE domain_id = :theirs AND extra LIKE '%evil%'"
    ),
    "administration was granted": (
        "SELECT count(*) FROM assignment WHERE actor_id = :ann AND role_id = :admin"
    ),
    "a hash takes days": "SELECT count(*) FROM password WHERE password_hash LIKE '$2b$31$%'",
    "trusts redelegate each other": (
        "SELECT count(*) FROM trust a JOIN trust b ON a.redelegated_trust_id = b.id "
        "AND b.redelegated_trust_id = a.id"
    ),
    "somebody was shut out": "SELECT count(*) FROM revocation_event WHERE revoked_at > '2100-01-01'",
    "the domain was disabled": "SELECT count(*) FROM project WHERE id = :mine AND NOT enabled",
}


def accepted(world: World) -> Iterator[str]:
    """What was, in words; nothing is how it should be."""
    engine = sa.create_engine(world.keystones[HUB].database_url)
    with engine.connect() as connection:
        for what, question in FACTS.items():
            if connection.execute(sa.text(question), world.ground.ids).scalar():
                yield what
    engine.dispose()
    standing = world.hub.get("/OS-SYNC").raise_for_status().json()
    if standing["hub"] != HUB:
        yield f"the hub believes that {standing['hub']} is the hub"
    if not _logs_in(world):
        yield "an administrator of the own domain can't log in at the hub"
    yield from (name for name in world.tried() if name.startswith("accepted"))


def stopped(world: World) -> Iterator[str]:
    """What does not work any more."""
    if world.company.agent_status is not None:
        yield "the agent has ended"
        return
    if world.company.status()["hub"] != HUB:
        yield "the agent follows another hub"
    probe = world.ground.ids["probe"]
    world.hub.patch(f"/users/{probe}", json={"user": {"description": "afterwards"}}).raise_for_status()
    engine = sa.create_engine(world.keystones[HONEST].database_url)
    question = sa.text("SELECT count(*) FROM \"user\" WHERE id = :probe AND extra LIKE '%afterwards%'")

    def arrived() -> bool:
        with engine.connect() as connection:
            return bool(connection.execute(question, {"probe": probe}).scalar())

    if not world.wait_until(arrived, PATIENCE):
        yield "an edit of the hub's does not reach the honest spoke"
    engine.dispose()


def _logs_in(world: World) -> bool:
    user = {"id": world.ground.ids["strong"], "password": "first"}
    identity = {"methods": ["password"], "password": {"user": user}}
    body = {"auth": {"identity": identity, "scope": {"system": {"all": True}}}}
    return httpx.post(f"{world.keystones[HUB].url}/auth/tokens", json=body, timeout=60).status_code == 201
