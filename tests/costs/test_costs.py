"""What a page costs grows with the page, and with nothing else: a share of ``make test-costs``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keystone_viaduct.errors import TooFast
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import Document
from keystone_viaduct.sync.api import admission
from keystone_viaduct.sync.api.service import Service, Surroundings
from keystone_viaduct.sync.charter import Charter, Coverage, Delegation
from keystone_viaduct.sync.model import Bucket, Conflict, Dot, Record, Ref, Version
from tests.costs import meter
from tests.costs.budget import CHANGE, CREATE, LIMITED, table
from tests.costs.copies import CHANGED, copy_of
from tests.costs.play import play
from tests.costs.stage import Stage

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "costs.md"
DOMAIN, USERS, EACH = "d" * 32, 20, 100


def test_no_page_costs_more_than_its_budget(made: Stage) -> None:
    """With few records: ``make test-costs`` does it with more."""
    cases = list(play(made, 2))
    assert {case.kind for case in cases} >= REGISTRY.keys() and len(cases) > 100
    assert {f"{case.budget.name} {case.kind}": case.over() for case in cases if case.over()} == {}


def test_every_kind_that_can_be_changed_is_changed() -> None:
    fixed = {kind.name for kind in REGISTRY.values() if len(kind.key) > 1 or kind.insert_only}
    assert REGISTRY.keys() - CHANGED.keys() <= fixed | {"access_rule", "policy_association", "id_mapping"}


def test_the_budgets_are_those_of_the_documentation() -> None:
    assert table() in PAGE.read_text()


def test_a_limited_spoke_that_disables_users_has_nothing_read_but_what_they_hold(made: Stage) -> None:
    """Whatever else refers to them: 2,000 credentials and as many revocation events."""
    domain: Document = {"id": DOMAIN, "name": "Corp", "enabled": True}
    users: list[Document] = [
        {"id": f"{n:032x}", "domain_id": DOMAIN, "enabled": True, "local.name": f"u{n}"} for n in range(USERS)
    ]
    made.edit("domain", [(None, domain)])
    made.edit("user", [(None, user) for user in users])
    made.send()
    _burden(made, users)
    made.limit(Delegation(domains=frozenset({DOMAIN}), roles=frozenset()))
    made.edit("user", [(user, {**user, "enabled": False}) for user in users])
    cost = made.send()
    found = made.store.read(lambda tx: tx.codecs.load(tx.connection, "user", [str(u["id"]) for u in users]))
    assert len(found) == USERS and not any(user["enabled"] for user in found.values())
    assert cost.statements <= LIMITED.most(1) and cost.read < 40 * USERS


def _burden(made: Stage, users: list[Document]) -> None:
    credential, event = copy_of(1)["credential"][0], copy_of(1)["revocation_event"][0]
    credentials: list[Document] = [
        {**credential, "id": f"{n:064x}", "user_id": users[n % USERS]["id"], "project_id": None, "blob": "{}"}
        for n in range(USERS * EACH)
    ]
    events: list[Document] = [
        {**event, "user_id": users[n % USERS]["id"], "audit_chain_id": f"chain {n}"}
        for n in range(USERS * EACH)
    ]
    for kind, documents in (("credential", credentials), ("revocation_event", events)):
        defaults, key_of = made.store.codecs.defaults(kind), REGISTRY[kind].key_of
        items = [(key_of(document), {**defaults, **document}) for document in documents]
        made.store.run(lambda tx, kind=kind, items=items: tx.codecs.insert_many(tx.connection, kind, items))  # type: ignore[misc]
    made.store.run(lambda tx: tx.drop_marks([mark.id for mark in tx.take_marks(100_000)]))


@pytest.mark.parametrize("number", [40, 160])
def test_what_a_limited_site_is_to_hold_is_summed_up_by_the_database(made: Stage, number: int) -> None:
    """However many records there are of its domain and of others."""
    domains = ["d" * 32, "e" * 32]
    groups: list[Document] = [
        {"id": f"{n:032x}", "domain_id": domains[n % 2], "name": f"g{n}"} for n in range(number)
    ]
    made.edit("domain", [(None, {"id": key, "name": key, "enabled": True}) for key in domains])
    made.edit("group", [(None, group) for group in groups])
    made.send()
    held = {"west": Coverage(domains=frozenset(domains[:1]))}
    made.east.write_charter(Charter(coverages=held), made.east.charter().edition)
    found = made.east.summary("west", None).tallies
    assert found[Bucket("group")].number == number // 2
    assert made.cost(lambda: made.east.summary("west", None)).read <= 12
    below = made.east.summary("west", [Bucket("group")]).tallies
    assert sum(tally.number for tally in below.values()) == number // 2
    assert made.cost(lambda: made.east.summary("west", [Bucket("group")])).read <= 16 + 12


@pytest.mark.parametrize("number", [40, 160])
def test_what_waits_is_written_once_and_read_when_what_it_lacks_comes(made: Stage, number: int) -> None:
    """Groups whose domain lies behind them in the feed, and regions behind that, in pages of ten."""
    domain: Document = {"id": DOMAIN, "name": "Corp", "enabled": True}
    groups: list[Document] = [
        {"id": f"{n:032x}", "domain_id": DOMAIN, "name": f"g{n}", "description": "it"} for n in range(number)
    ]
    made.edit("domain", [(None, domain)])
    made.edit("group", [(None, group) for group in groups])
    made.west.state()
    made.west.show("east", [Ref("domain", DOMAIN)])
    made.west.state()
    made.edit("region", [(None, {"id": f"r{n}", "description": ""}) for n in range(20)])
    pages = [made.applied(page) for page in made.pages(limit=10)]
    early, last = pages[: number // 10], pages[number // 10 :]
    assert [result.pending for result, _ in pages] == [*range(10, number + 1, 10), 0, 0, 0]
    assert [result.applied for result, _ in last] == [number + 10, 10, 1]
    assert [cost.pending for _, cost in pages] == [10] * (number // 10) + [number, 0, 0]
    assert max(cost.statements for _, cost in early) <= CREATE.most(1)
    assert max(cost.read for _, cost in early) <= 60, "what waited before is not read with each page"


@pytest.mark.parametrize("number", [12, 48])
def test_what_lacks_what_lacks_something_comes_with_it(made: Stage, number: int) -> None:
    """Regions one below the other, the topmost last but for others, in pages of four."""
    keys = [f"r{n:03}" for n in range(number)]
    chain: list[Document] = [
        {"id": key, "description": "", "parent_region_id": keys[n + 1] if n + 1 < number else None}
        for n, key in enumerate(keys)
    ]
    made.edit("region", [(None, region) for region in reversed(chain)])
    made.west.state()
    for key in keys:  # the lowest first
        made.west.show("east", [Ref("region", key)])
    made.edit("role", [(None, {"id": f"{n:032x}", "name": f"role {n}"}) for n in range(6)])
    pages = [made.applied(page) for page in made.pages(limit=4)]
    woken = number // 4 - 1
    assert [result.pending for result, _ in pages[:woken]] == [*range(4, number, 4)]
    assert pages[woken][0].applied == number and pages[woken][0].pending == 0
    assert max(cost.read for _, cost in pages[:woken]) <= 60


@pytest.mark.parametrize(("bound", "value"), [("MOST_WAITING", 8), ("MOST_WAITING_BYTES", 2000)])
def test_a_site_of_which_much_waits_is_slowed_down_and_never_refused(
    made: Stage, monkeypatch: pytest.MonkeyPatch, bound: str, value: int
) -> None:
    """It could fill the hub's database with what comes to nothing; or what all of it needs comes last."""
    monkeypatch.setattr(admission, bound, value)
    monkeypatch.setattr(admission, "CROWDED", 2000)
    groups: list[Document] = [
        {"id": f"{n:032x}", "domain_id": DOMAIN, "name": f"g{n}", "description": "it"} for n in range(40)
    ]
    made.edit("domain", [(None, {"id": DOMAIN, "name": "Corp", "enabled": True})])
    made.edit("group", [(None, group) for group in groups])
    made.west.state()
    made.west.show("east", [Ref("domain", DOMAIN)])
    made.limit(Delegation(domains=frozenset({DOMAIN})))
    hub = Service(made.store, made.clock, Surroundings("30.0.0", {}, lambda writes, source: None))
    applied, waits = [], [0.0]
    for page in made.pages(limit=4):
        while True:
            try:
                applied.append(hub.apply(page))
                break
            except TooFast as error:
                waits.append(error.wait)
                made.clock.advance(int(error.wait * 1_000_000))
    assert [result.pending for result in applied] == [*range(4, 44, 4), 0]
    assert applied[-1].applied == 41 and sorted(waits) == waits and len(waits) > 1


@pytest.mark.parametrize("number", [40, 160])
def test_changes_of_many_rows_are_few_messages(
    made: Stage, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """An UPDATE of each row, but on PostgreSQL not a round trip of each. (With SQLite there are none.)"""
    has_server = made.store.engine.dialect.name != "sqlite"
    regions: list[Document] = [{"id": f"r{n}", "description": "before"} for n in range(number)]
    made.edit("region", [(None, region) for region in regions])
    made.send()
    sent: list[int] = []
    honest = meter._PostgresCursor.execute

    def execute(cursor: meter._PostgresCursor, *given: Any) -> Any:
        sent.append(1)
        return honest(cursor, *given)

    monkeypatch.setattr(meter._PostgresCursor, "execute", execute)
    made.edit("region", [(region, {**region, "description": "after"}) for region in regions])
    made.send()
    assert len(sent) <= CHANGE.most(1) and bool(sent) == has_server


@pytest.mark.parametrize("number", [40, 160])
def test_the_list_of_conflicts_is_moved_in_one_statement_and_records_are_replaced_in_one(
    made: Stage, number: int
) -> None:
    rows = [
        Conflict(f"c{n:03}", Ref("user", "u"), "s", "d", "e", (), "west", n, {}, seq=n) for n in range(number)
    ]
    kinds = ("user", "group", "region")
    dot = Dot("east#1", 1)
    records = [Record(Ref(kinds[n % 3], f"k{n}"), n + 1, Version(), dot, {}) for n in range(number)]
    made.store.run(lambda tx: tx.add_conflicts(rows))
    made.store.run(lambda tx: tx.save_records(records))
    nothing = made.cost(lambda: made.store.run(lambda tx: None)).statements
    moved = {row.id: number - row.seq + 1000 for row in rows}
    shown = [replace(record, seq=record.seq + 1000) for record in records]
    for work in (lambda tx: tx.place_conflicts(moved), lambda tx: tx.save_records(shown)):
        assert made.cost(lambda work=work: made.store.run(work)).statements == nothing + 1  # type: ignore[misc]
    listed = made.store.read(lambda tx: tx.conflicts_between(1000, 9999, number))
    assert [row.id for row in listed] == [row.id for row in reversed(rows)]
    assert made.store.read(lambda tx: tx.feed(1000, number, None)) == shown
