"""What it costs the hub to judge again grows with what was made of somebody, and with nothing else."""

from __future__ import annotations

import pytest

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import Document
from keystone_viaduct.sync.charter import Delegation
from keystone_viaduct.sync.model import JUDGED
from tests.costs.copies import copy_of
from tests.costs.stage import Stage

DOMAIN, PROJECT, ADMIN = "d" * 32, "p" * 32, "a" * 32
#: A grant is numbered, whom it concerns and what of him was made is found, judged and listed: in transactions
#: of so many statements in all, of which that many rows come back.
STATEMENTS, ROWS = 120, 60
EACH = 3


def _user(number: int) -> str:
    return f"{number:032x}"


def _furnish(made: Stage, number: int) -> None:
    """So many users of the limited site, each with credentials that it has made."""
    made.edit("domain", [(None, {"id": DOMAIN, "name": "Corp", "enabled": True})])
    made.edit("role", [(None, {"id": ADMIN, "name": "admin"})])
    project: Document = {
        "id": PROJECT,
        "domain_id": DOMAIN,
        "parent_id": DOMAIN,
        "name": "p",
        "enabled": True,
    }
    made.edit("project", [(None, project)])
    made.send()
    made.limit(Delegation(domains=frozenset({DOMAIN}), roles=frozenset()))
    users: list[Document] = [
        {"id": _user(n), "domain_id": DOMAIN, "enabled": True, "local.name": f"u{n}"} for n in range(number)
    ]
    made.edit("user", [(None, user) for user in users])
    made.send()
    credential = copy_of(1)["credential"][0]
    keys: list[Document] = [
        {**credential, "id": f"{n:064x}", "user_id": _user(n // EACH), "project_id": None, "blob": f"{n}"}
        for n in range(number * EACH)
    ]
    made.edit("credential", [(None, key) for key in keys])
    made.send()
    while made.east.judge():
        pass


def _grant(made: Stage, user: str) -> None:
    """At the hub, behind nobody's back."""
    fields: Document = {"type": "UserProject", "actor_id": user, "target_id": PROJECT, "role_id": ADMIN}
    document = {**fields, "inherited": False}
    key = REGISTRY["assignment"].key_of(document)
    codecs = made.store.codecs
    made.store.run(lambda tx: codecs.insert_many(tx.connection, "assignment", [(key, document)]))


@pytest.mark.parametrize("number", [20, 80])
def test_a_grant_has_what_was_made_of_one_user_judged_and_no_table_read_through(
    made: Stage, number: int
) -> None:
    _furnish(made, number)

    def judge() -> None:
        made.east.state()
        while made.east.judge():
            pass

    judge()
    _grant(made, _user(7))
    cost = made.cost(judge)
    listed = made.store.read(lambda tx: tx.conflicts(100))
    found = sorted((row.ref.kind, row.ref.key) for row in listed if row.sort == JUDGED)
    keys = [("credential", f"{n:064x}") for n in range(7 * EACH, 8 * EACH)]
    assert found == [*keys, ("user", _user(7))]
    assert cost.statements <= STATEMENTS and cost.read <= ROWS
    assert made.cost(judge).statements < 12
