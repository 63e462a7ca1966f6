"""A connection that is lost at COMMIT: what a site does to its own state is done once, and said to be done.

Each mutation is made twice, on sites that are alike: once undisturbed, once with a COMMIT that is done and
whose answer never comes. What it gives, and what it leaves, is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.clock import ManualClock
from keystone_viaduct.errors import StoreUnavailable
from keystone_viaduct.sync.api.conflicts import ConflictsService
from keystone_viaduct.sync.api.joining import JoiningService
from keystone_viaduct.sync.api.records import RecordsService
from keystone_viaduct.sync.api.service import Service, Surroundings
from keystone_viaduct.sync.charter import Coverage, Delegation, charter_to_set
from keystone_viaduct.sync.model import Checkpoint, Conflict, Held, Peer, Places, Reason, Ref
from keystone_viaduct.sync.sealing import seal
from keystone_viaduct.sync.site import Site
from keystone_viaduct.sync.site.purge import Retention
from keystone_viaduct.sync.store import SqlStore, SqlTransaction
from keystone_viaduct.sync.store.commits import EVERY, KEPT
from keystone_viaduct.sync.store.retry import RetryPolicy
from keystone_viaduct.sync.store.tables import commit as tokens
from keystone_viaduct.sync.wire.office import Order
from keystone_viaduct.testing.conformance.samples import NOW
from tests.support.lostanswers import lost_answer, lost_commit
from tests.support.sites import Sites

Act = Callable[[Service], Any]
REGIONS = [Ref("region", f"r{n}") for n in range(4)]
ROLES = Ref("role", "one"), Ref("role", "two")
SECRET = b"the secret of a fleet for tests!"


def surroundings() -> Surroundings:
    return Surroundings("30.0.0", {}, lambda writes, source: None)


def _spoke(service: Service) -> None:
    """East as west's spoke, which has received all that it had."""

    def work(tx: SqlTransaction) -> None:
        state = tx.state()
        knowledge = state.knowledge.join(type(state.knowledge)({"west#00000002": 7}))
        tx.save_state(replace(state, hub="west", knowledge=knowledge))

    service.store.run(work)


def _alone(service: Service) -> None:
    """East before it joins west's fleet."""
    service.store.run(lambda tx: tx.save_state(replace(tx.state(), hub="west", fleet_secret=b"", head=0)))


def _charter(service: Service) -> Any:
    edition = service.charter().edition
    limited = Delegation(kinds=frozenset({"user"}), roles=frozenset())
    charter = replace(service.charter(), coverages={"west": Coverage()}, delegations={"west": limited})
    return service.write_charter({**charter_to_set(charter), "edition": [*edition]}).edition


def _resume(service: Service) -> None:
    head = service.compared("west").summary("west", None).head
    places = Places(
        Checkpoint("00000002", 5, "n"), Checkpoint("00000002", 6, "m"), head, _everything(service)
    )
    service.compared("west").resume("west", places)


def _everything(service: Service) -> Any:
    return service.store.read(lambda tx: tx.known_state()).coverage


ACTS: dict[str, tuple[Callable[[Service], None] | None, Act]] = {
    "charter": (None, _charter),
    "promote": (_spoke, lambda s: s.promote(0).term),
    "resign": (None, lambda s: s.resign("west").hub),
    "follow": (None, lambda s: s.follow(Order(2, "west", None))),
    "retire": (None, lambda s: s.retire("west", force=True)),
    "register": (None, lambda s: s.register(Peer("north", b"n" * 32, "00000003"))),
    "secret": (_alone, lambda s: s.take_secret(seal(s.ring.public_key, SECRET), "west", 3)),
    "lease": (None, lambda s: s.take_lease("agent", 60)[0]),
    "choose": (None, lambda s: JoiningService(s).choose("north", {REGIONS[0]: "hub"})),
    "merge": (
        None,
        lambda s: Site(s.store, s.clock).unite(Ref("role", "one"), Ref("role", "two")).conflict.into,
    ),
    "confirm": (None, lambda s: s.decide_held(None, confirm=True)),
    "discard": (None, lambda s: s.decide_held(None, confirm=False)),
    "put aside": (None, lambda s: s.put_aside({REGIONS[1]: "it can't be sent"})),
    "retry": (None, lambda s: s.retry()),
    "sweep": (None, lambda s: s.sweep(100).checked),
    "clean": (None, lambda s: s.clean(Retention(0)).tombstones),
    "forget": (None, lambda s: s.forget("west")),
    "resume": (None, _resume),
    "show": (None, lambda s: s.compared("west").show("west", REGIONS[:2]).seq),
    "number": (None, lambda s: s.read("west", None, 100)[0].upto.seq),
    "keep": (None, lambda s: ConflictsService(s).resolve("c1", "keep").conflict.resolution),
    "restore": (None, lambda s: ConflictsService(s).resolve("c1", "restore").conflict.resolution),
    "put": (None, lambda s: RecordsService(s).put(Ref("region", "new"), {"id": "new"}, None)[1]),
    "delete": (None, lambda s: RecordsService(s).delete(REGIONS[1], None)),
}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def make(request: pytest.FixtureRequest, sites: Sites) -> Callable[[], Service]:
    """A hub with something of everything; the one before is gone."""
    if request.param != "sqlite":
        request.getfixturevalue(request.param)

    def made() -> Service:
        store = sites.fresh(request.param)
        store.run(_fill)
        clock = ManualClock(NOW)
        Site(store, clock).state()
        store.run(_add)
        return Service(store, clock, surroundings())

    return made


def _fill(tx: SqlTransaction) -> None:
    rows = [(ref.key, {**tx.defaults("region"), "id": ref.key, "description": "it"}) for ref in REGIONS]
    tx.codecs.insert_many(tx.connection, "region", rows)
    roles = [(key, {**tx.defaults("role"), "id": key, "name": key}) for _, key in ROLES]
    tx.codecs.insert_many(tx.connection, "role", roles)


def _add(tx: SqlTransaction) -> None:
    for name, incarnation in (("west", "00000002"), ("north", "00000004")):
        tx.save_peer(Peer(name, name[:1].encode() * 32, incarnation))
    tx.save_checkpoint("west", Checkpoint("00000002", 3, "n"))
    tx.codecs.delete(tx.connection, "region", [REGIONS[2].key])
    tx.drop_marks([mark.id for mark in tx.take_marks(100)])
    tx.hold([Held(REGIONS[2], Reason.MISSING, NOW), Held(REGIONS[3], Reason.QUARANTINED, NOW, "why")])
    lost = {"description": "that"}
    tx.add_conflicts(
        [
            Conflict(
                "c1", REGIONS[0], "concurrent", "hub", "why", ("description",), "west", NOW, lost, open=True
            )
        ]
    )
    tx.codecs.write(
        tx.connection,
        "region",
        REGIONS[1].key,
        {**tx.defaults("region"), "id": "r1", "description": "it"},
        {**tx.defaults("region"), "id": "r1", "description": "edited"},
    )


def left(store: SqlStore) -> list[Any]:
    """What a site holds, but for what is random."""

    def work(tx: SqlTransaction) -> list[Any]:
        state = tx.known_state()
        records = tx.feed(0, 1000, None)
        edits = sorted((r.ref, r.seq, sorted(seq for _, seq in r.version), r.deleted) for r in records)
        listed = sorted((c.ref, c.sort, c.open, c.resolution) for c in tx.conflicts(100))
        checkpoint = tx.checkpoint("west")
        return [
            (state.term, state.hub, state.head, state.charter.edition, state.charter.delegations),
            edits,
            listed,
            [(item.ref, item.reason) for item in tx.held(100)],
            {site: (peer.live, peer.acknowledged) for site, peer in tx.peers().items()},
            checkpoint.seq if checkpoint else None,
            sorted(mark.ref for mark in tx.take_marks(100)),
            tx.documents(REGIONS),
            tx.choices("north"),
            tx.lease("agent"),
        ]

    return store.read(work)


@pytest.mark.parametrize("name", ACTS)
def test_a_change_whose_commit_was_not_answered_is_done_once_and_said_to_be_done(
    make: Callable[[], Service], name: str
) -> None:
    prepare, act = ACTS[name]
    found = []
    for disturbed in (False, True):
        service = make()
        if prepare is not None:
            prepare(service)
        if disturbed:
            with lost_answer(service.store.engine, _first_write(name)):
                result = act(service)
        else:
            result = act(service)
        found.append((result, left(service.store)))
    assert found[0] == found[1]


def _first_write(name: str) -> int:
    """Which COMMIT that is: some look at the site first."""
    return {"charter": 3, "resume": 2}.get(name, 1)


def test_a_change_that_was_not_committed_is_made_again(make: Callable[[], Service]) -> None:
    service = make()
    with lost_commit(service.store.engine, 3):
        assert _charter(service).number == 1
    assert service.charter().edition.number == 1


def test_a_change_of_which_nothing_can_be_learned_is_said_to_be_in_doubt(make: Callable[[], Service]) -> None:
    """The database is away when the next attempt asks."""
    service = make()
    store = service.store
    passed: list[float] = []
    impatient = RetryPolicy(deadline=1.0, monotonic=lambda: sum(passed), sleep=lambda _: passed.append(0.6))
    doubtful = SqlStore(store.engine, store.ring, store.codecs, retry=impatient)
    begun: list[int] = []

    def away(*_: Any) -> None:
        begun.append(1)
        if len(begun) > 1:
            raise sa.exc.OperationalError(None, None, Exception("no server there"))

    sa.event.listen(store.engine, "begin", away)
    try:
        with lost_answer(store.engine), pytest.raises(StoreUnavailable, match="lost at COMMIT") as caught:
            doubtful.run(lambda tx: tx.add_marks(REGIONS[:1], NOW))
    finally:
        sa.event.remove(store.engine, "begin", away)
    assert "look before" in caught.value.hint and len(begun) > 2


def test_old_tokens_are_dropped(make: Callable[[], Service]) -> None:
    store = make().store
    clock = ManualClock(NOW)
    ours = SqlStore(store.engine, store.ring, store.codecs, clock=clock)
    for _ in range(EVERY - 1):
        ours.run(lambda tx: None)
    count = sa.select(sa.func.count()).select_from(tokens).where(tokens.c.at <= NOW)
    assert store.read(lambda tx: tx.connection.scalar(count)) == EVERY - 1
    clock.advance(KEPT + 1)
    ours.run(lambda tx: None)
    assert store.read(lambda tx: tx.connection.scalar(count)) == 0
