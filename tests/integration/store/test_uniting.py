"""Merging two records over real tables with real foreign keys: nothing names the one that went."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keystone_viaduct.kinds.registry import REGISTRY, UNITABLE
from keystone_viaduct.sync.model import Ref, United
from keystone_viaduct.sync.site.content import contents, digests, matches
from keystone_viaduct.sync.site.unite import unite
from keystone_viaduct.sync.store import SqlStore, SqlTransaction
from keystone_viaduct.testing.conformance.samples import NOW
from tests.unit.documents.world import items_of

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb")

LOSERS = {"user": "u" * 32, "group": "g" * 32, "project": "p" * 32, "role": "r" * 32}
TWIN = "f" * 32
#: What the twin is called; a user's name is in a part of its own.
_NAMES = {"name": "twin", "local.name": "twin"}


def twin_of(kind: str) -> dict[str, Any]:
    """A record beside the one that is to go, with its own name, federated identities and no tags."""
    loser = dict(items_of(kind))[LOSERS[kind]]
    named = {name: text for name, text in _NAMES.items() if name in loser}
    return {**loser, **named, "id": TWIN, **({"federated": []} if kind == "user" else {})}


def every(tx: SqlTransaction) -> dict[Ref, Any]:
    """All that the tables hold."""
    refs = [Ref(kind, key) for kind in REGISTRY for key in tx.row_keys(kind, "", 1000)]
    return tx.documents(refs)


def fill(tx: SqlTransaction, kind: str) -> None:
    """The twin; a user's has an equal access rule, and an application credential of the same name."""
    codecs = tx.codecs
    codecs.insert_many(tx.connection, kind, [(TWIN, twin_of(kind))])
    if kind == "user":
        rule = dict(items_of("access_rule"))["ar"]
        app = dict(items_of("application_credential"))["ac"]
        codecs.insert_many(tx.connection, "access_rule", [("ar2", {**rule, "id": "ar2", "user_id": TWIN})])
        own: dict[str, Any] = {**app, "id": "ac2", "user_id": TWIN, "access_rules": ["ar2"]}
        codecs.insert_many(tx.connection, "application_credential", [("ac2", own)])


@pytest.mark.parametrize("kind", UNITABLE)
def test_nothing_names_the_record_that_went(world: SqlStore, kind: str) -> None:
    loser, winner = Ref(kind, LOSERS[kind]), Ref(kind, TWIN)
    world.run(lambda tx: fill(tx, kind))
    before = world.read(every)
    done: United = world.run(lambda tx: unite(tx, loser, winner, now=NOW))
    after = world.read(every)
    assert loser in before and loser not in after and winner in after
    naming = [str(ref) for ref, found in after.items() if LOSERS[kind] in f"{ref} {json.dumps(found)}"]
    assert all(ref.startswith("revocation_event/") for ref in naming), naming
    gone = len(before) - len(after)
    assert gone == 1 + done.equal + done.given_up
    assert done.moved > 0
    assert done.conflict.into == TWIN and done.conflict.lost == _without_defaults(world, loser, before)
    assert world.read(lambda tx: tx.aliases([loser])) == {loser: TWIN}


def _without_defaults(store: SqlStore, ref: Ref, before: dict[Ref, Any]) -> Any:
    defaults = store.read(lambda tx: tx.defaults(ref.kind))
    return {
        name: value
        for name, value in before[ref].items()
        if defaults.get(name, value) != value or name not in defaults
    }


@pytest.mark.parametrize("kind", UNITABLE)
def test_each_record_says_what_its_rows_hold(world: SqlStore, kind: str) -> None:
    """All of it was numbered in the same transaction; no mark is left."""
    world.run(lambda tx: fill(tx, kind))
    world.run(lambda tx: unite(tx, Ref(kind, LOSERS[kind]), Ref(kind, TWIN), now=NOW))

    def work(tx: SqlTransaction) -> list[str]:
        assert tx.take_marks(10) == []
        secret, rows = tx.state().fleet_secret, every(tx)
        records = tx.records(list(rows))
        return [
            str(ref)
            for ref, content in contents(tx, list(rows), records).items()
            if ref in records
            and not matches(records[ref], digests(secret, ref.kind, content), tx.known_fields(ref.kind))
        ]

    assert world.run(work) == []


def test_what_a_users_twin_has_already_falls_together(world: SqlStore) -> None:
    world.run(lambda tx: fill(tx, "user"))
    world.run(lambda tx: unite(tx, Ref("user", LOSERS["user"]), Ref("user", TWIN), now=NOW))
    after = world.read(every)
    assert Ref("access_rule", "ar") not in after
    app = after[Ref("application_credential", "ac")]
    assert (app["name"], app["user_id"], app["access_rules"]) == ("ci~2", TWIN, ["ar2"])
    assert [item["unique_id"] for item in after[Ref("user", TWIN)]["federated"]] == ["jo"]
    assert world.read(lambda tx: tx.aliases([Ref("access_rule", "ar")])) == {Ref("access_rule", "ar"): "ar2"}
