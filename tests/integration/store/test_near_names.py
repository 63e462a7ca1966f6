"""Names that MariaDB takes for equal, at a hub and at a spoke beside a site that tells them apart."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import Document
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.store import SqlStore, SqlTransaction
from tests.support.databases import DatabaseScope
from tests.support.near import NAMED, holding
from tests.support.pairs import SqlPair, sql_pair
from tests.unit.documents.world import DOMAIN, WORLD

PENGUIN = "penguin-🐧"
NEAR = [("Auditor", "auditor"), ("José", "Jose"), ("blank", "blank  ")]

pytestmark = pytest.mark.mariadb


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("mariadb", "postgresql"), marks=pytest.mark.postgresql),
        pytest.param(("sqlite", "mariadb"), marks=pytest.mark.twin),
    ],
    ids=" and ".join,
)
def pair(request: pytest.FixtureRequest, module_databases: DatabaseScope) -> Iterator[SqlPair]:
    """A hub and a spoke, one of them on MariaDB, with a record of every kind. Preparing them takes its time:
    tests share them, and name their records by a number of their own.
    """
    for engine in request.param:
        if engine != "sqlite":
            request.getfixturevalue(engine)
    with sql_pair(module_databases, *request.param) as made:
        made.fill(telling(made), [(kind, dict(document)) for kind, document in WORLD])
        made.sync()
        assert not made.differences() and not carried(made)
        yield made


NUMBERS = itertools.count(1)


def folding(pair: SqlPair) -> SqlStore:
    """The site on MariaDB."""
    return pair.east if pair.east.codecs.schema.folds_case else pair.west


def telling(pair: SqlPair) -> SqlStore:
    """The other one."""
    return pair.west if folding(pair) is pair.east else pair.east


def carried(pair: SqlPair) -> dict[Ref, str]:
    return {**pair.carried(pair.east), **pair.carried(pair.west)}


def refs_of(items: list[tuple[str, Document]]) -> list[Ref]:
    return [Ref(kind, REGISTRY[kind].key_of(document)) for kind, document in items]


def in_step(pair: SqlPair) -> bool:
    """Both ends have the same records and nothing waits."""
    return not pair.differences() and not pair.pending()


def judged(pair: SqlPair) -> dict[Ref, str]:
    """What the judge finds apart, all of which he takes for carried."""
    found = pair.judged()
    assert found.equal, found.lines()
    return {Ref(each.kind, each.key): str(each) for each in found.carried}


@pytest.mark.parametrize(("one", "other"), NEAR)
def test_near_names_of_every_kind_in_one_page(pair: SqlPair, one: str, other: str) -> None:
    """What has a name to change is renamed by a hub that can't hold both; nothing else is lost anywhere."""
    mark = next(NUMBERS)
    items = [
        (kind, holding(kind, constraint, f"{mark} {text}", f"{mark}-{number}-{kind}-{constraint}"))
        for kind, constraint in NAMED
        for number, text in ((1, one), (2, other))
    ]
    refs = refs_of(items)
    assert len(set(refs)) == len(refs)
    pair.fill(telling(pair), items)
    after: Document = {"id": f"{mark} after", "description": "", "parent_region_id": None}
    pair.fill(telling(pair), [("region", after)])
    pair.sync()
    assert in_step(pair) and pair.document(folding(pair), Ref("region", f"{mark} after"))
    for ref in refs:
        assert pair.document(telling(pair), ref), ref
        assert pair.document(folding(pair), ref) or carried(pair)[ref] == "name", ref
    held = [ref for ref in refs if pair.document(folding(pair), ref)]
    assert {ref.kind for ref in held} == {kind for kind, _ in NAMED}, "the first of each is there"
    renamed = {conflict.ref for conflict in pair.conflicts() if conflict.ref in refs}
    if folding(pair) is pair.east:
        kinds = {"role", "project", "domain", "group", "user", "application_credential"}
        assert {ref.kind for ref in renamed} == kinds
    else:
        assert not renamed


@pytest.mark.parametrize(("one", "other"), NEAR)
def test_a_name_that_is_near_to_one_in_the_tables(pair: SqlPair, one: str, other: str) -> None:
    mark = next(NUMBERS)

    def named(text: str, number: int) -> list[tuple[str, Document]]:
        return [
            (kind, holding(kind, constraint, f"{mark} {text}", f"{mark}-{number}-{kind}-{constraint}"))
            for kind, constraint in NAMED
        ]

    first, second = named(one, 1), named(other, 2)
    pair.fill(folding(pair), first)
    pair.sync()
    pair.fill(telling(pair), second)
    pair.sync()
    assert in_step(pair)
    assert all(pair.document(telling(pair), ref) for ref in refs_of(first + second))
    assert all(pair.document(folding(pair), ref) for ref in refs_of(first))


def test_a_region_may_change_the_case_of_its_id_with_all_that_refers_to_it(pair: SqlPair) -> None:
    """Keystone can't: an operator makes it anew, moves the endpoints, and deletes the old one."""
    store = telling(pair)
    old: Document = {"id": "RegionOne", "description": "", "parent_region_id": None}
    (endpoint,) = [document for kind, document in WORLD if kind == "endpoint"]
    before = {**endpoint, "id": "in-region", "region_id": "RegionOne"}
    pair.fill(store, [("region", old), ("endpoint", before)])
    pair.sync()
    new = {**old, "id": "regionone"}
    after = {**before, "region_id": "regionone"}
    pair.write(store, [("region", None, new), ("endpoint", before, after), ("region", old, None)])
    pair.sync()
    refs = [Ref("region", "RegionOne"), Ref("region", "regionone"), Ref("endpoint", "in-region")]
    assert in_step(pair) and not carried(pair).keys() & set(refs)
    for site in (pair.east, pair.west):
        gone, made, moved = (pair.document(site, ref) for ref in refs)
        assert gone is None and made is not None and (moved or {})["region_id"] == "regionone"


def test_what_names_its_region_in_another_case_is_not_lost(pair: SqlPair) -> None:
    """Keystone on MariaDB takes ``CELL`` for the region ``cell`` and stores it so."""
    (endpoint,) = [document for kind, document in WORLD if kind == "endpoint"]
    region: Document = {"id": "below", "description": "", "parent_region_id": "CELL"}
    made = {**endpoint, "id": "in-another-case", "region_id": "CELL"}
    pair.fill(folding(pair), [("endpoint", made), ("region", region)])
    pair.sync()
    refs = [Ref("endpoint", "in-another-case"), Ref("region", "below")]
    assert in_step(pair) and not [c for c in pair.conflicts() if c.ref in refs]
    for site in (pair.east, pair.west):
        found, below = (pair.document(site, ref) or {} for ref in refs)
        assert found["region_id"] == "cell" and below["parent_region_id"] == "cell"
    assert not judged(pair).keys() & set(refs)


def test_the_demos_judge_takes_for_carried_what_a_database_cannot_hold_alone(
    pair: SqlPair,
) -> None:
    """What a site says of itself is not enough."""
    number = next(NUMBERS)
    role = {**sample("role"), "id": f"{number}-judged", "name": f"{PENGUIN} {number}"}
    pair.fill(telling(pair), [("role", role)])
    pair.sync()
    ref = Ref("role", f"{number}-judged")
    near: list[Document] = [{"id": f"{number} {text}", "description": ""} for text in ("Near", "near")]
    pair.fill(telling(pair), [("region", {**region, "parent_region_id": None}) for region in near])
    pair.sync()
    assert carried(pair)[Ref("region", f"{number} near")] == "name"
    assert judged(pair).keys() == carried(pair).keys()
    assert pair.carried(folding(pair))[ref] == "unstorable"

    def said_of_a_name(tx: SqlTransaction) -> None:
        (record,) = tx.records([ref]).values()
        assert record.carried is not None
        tx.save_records([replace(record, carried=replace(record.carried, reason="name"))])

    folding(pair).run(said_of_a_name)
    assert [(found.kind, found.key) for found in pair.judged().differences] == [("role", ref.key)]
    pair.write(telling(pair), [("role", role, None)])
    pair.sync()
    assert ref not in {found.ref for found in pair.conflicts()} and pair.judged().equal


def rules(count: int) -> list[Any]:
    remote = ({"type": "REMOTE_USER", "any_one_of": [f"u{number}" * 20]} for number in range(count))
    return [{"local": [{"user": {"name": "{0}"}}], "remote": [each]} for each in remote]


def sample(kind: str) -> Document:
    return dict(next(document for name, document in WORLD if name == kind))


UNSTORABLE: list[tuple[str, dict[str, Any]]] = [
    ("role", {"id": "new", "name": PENGUIN, "domain_id": None}),
    ("user", {"id": "new", "local.name": PENGUIN, "federated": [], "passwords": []}),
    ("region", {"id": PENGUIN}),
    ("project", {"id": "new", "name": "large", "description": "d" * 70_000}),
    ("project", {"id": "new", "name": "tagged", "tags": ["cafe", "café"]}),
    ("credential", {"id": "new", "blob": "b" * 60_000}),
    ("mapping", {"id": "new", "rules": rules(450)}),
]


@pytest.mark.parametrize(
    ("kind", "fields"), UNSTORABLE, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_mariadb_cannot_hold_is_carried_and_stops_nothing(
    pair: SqlPair, kind: str, fields: dict[str, Any]
) -> None:
    mark = next(NUMBERS)
    document = {**sample(kind), **fields}
    ref = Ref(kind, REGISTRY[kind].key_of(document))
    after: Document = {"id": f"after {mark}", "name": f"after {mark}", "domain_id": None}
    pair.fill(telling(pair), [(kind, document), ("role", after)])
    pair.sync()
    assert in_step(pair) and carried(pair).get(ref) == "unstorable"
    assert pair.document(folding(pair), Ref("role", f"after {mark}"))
    assert pair.document(telling(pair), ref) and not pair.document(folding(pair), ref)
    assert ref not in [conflict.ref for conflict in pair.conflicts()]
    pair.write(telling(pair), [(kind, document, None)])
    pair.sync()
    assert in_step(pair) and ref not in carried(pair)


@pytest.mark.parametrize(("name", "value"), [("tags", ["cafe", "café"]), ("description", "d" * 70_000)])
def test_what_mariadb_cannot_hold_of_a_record_that_it_has_is_carried_beside_it(
    pair: SqlPair, name: str, value: Any
) -> None:
    before = sample("project")
    pair.write(telling(pair), [("project", before, {**before, name: value, "extra.note": "new"})])
    pair.sync()
    ref = Ref("project", str(before["id"]))
    assert in_step(pair) and carried(pair).get(ref) == "unstorable"
    there = pair.document(folding(pair), ref) or {}
    assert there[name] == before[name] and there["extra.note"] == "new"
    pair.write(telling(pair), [("project", pair.document(telling(pair), ref), before)])
    pair.sync()
    assert in_step(pair) and ref not in carried(pair)


# Random pages: the keys of an example begin with its number, so that they do not meet the others'.

TEXTS = st.text(st.sampled_from("aAáÁßsSıIi \u0301\u00ad🐧"), min_size=1, max_size=4)
MADE = st.tuples(st.sampled_from(["role", "group", "user", "project", "region", "mapping"]), TEXTS)
CHANGED = st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), TEXTS)), max_size=6)


def made(number: int, place: int, kind: str, text: str) -> Document:
    """A record with this name; of a region and a mapping it is the id."""
    key, name = f"{number}-{place}", f"{number} {text}"
    documents: dict[str, Document] = {
        "region": {"id": name, "description": "", "parent_region_id": None},
        "mapping": {"id": name, "rules": []},
        "user": {"id": key, "domain_id": DOMAIN, "local.name": name, "passwords": []},
        "project": {"id": key, "name": name, "domain_id": DOMAIN, "parent_id": DOMAIN, "tags": []},
    }
    return documents.get(kind, {"id": key, "name": name, "domain_id": DOMAIN})


@pytest.mark.parametrize("limit", [3, pytest.param(500, marks=pytest.mark.twin)])
def test_random_pages_of_near_names_never_raise(pair: SqlPair, limit: int) -> None:
    pair.limit = limit

    @settings(
        max_examples=6,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(MADE, min_size=2, max_size=10), CHANGED)
    def pages(wanted: list[tuple[str, str]], changes: list[tuple[int, str | None]]) -> None:
        number, store = next(NUMBERS), telling(pair)
        rows: dict[Ref, Document] = {}
        names: set[Any] = set()
        for place, (kind, text) in enumerate(wanted):
            document = made(number, place, kind, text)
            name = (kind, str(document.get("local.name", document.get("name", document["id"]))))
            if name not in names:
                names.add(name)
                rows[Ref(kind, str(document["id"]))] = document
        pair.fill(store, [(ref.kind, document) for ref, document in rows.items()])
        pair.sync()
        assert in_step(pair)
        for place, other in changes:
            ref = list(rows)[place % len(rows)]
            now = pair.document(store, ref)
            if now is None:
                continue
            after = made(number, place, ref.kind, other) if other is not None else None
            field = "local.name" if ref.kind == "user" else "name"
            if after is None or field not in after:
                pair.write(store, [(ref.kind, now, None)])
            elif (ref.kind, str(after[field])) not in names:
                names.add((ref.kind, str(after[field])))
                pair.write(store, [(ref.kind, now, {**now, field: after[field]})])
        pair.sync()
        assert in_step(pair)
        assert {conflict.sort for conflict in pair.conflicts() if conflict.ref in rows} <= {"clash"}

    pages()
