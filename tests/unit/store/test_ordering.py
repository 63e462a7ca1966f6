"""Sets of writes are put into an order that foreign keys and unique names allow."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.sync.ports import Write
from keystone_viaduct.sync.store.ordering import plan, vacated
from tests.unit.documents.world import WORLD, one


def names() -> Iterator[str]:
    return (f"~{number}" for number in count())


def region(key: str, parent: str | None) -> tuple[Ref, Document]:
    return Ref("region", key), {"id": key, "parent_region_id": parent}


def test_creates_come_kind_by_kind_and_the_referenced_first() -> None:
    writes = [
        Write(Ref(kind, REGISTRY[kind].key_of(document)), None, document)
        for kind, document in reversed(WORLD)
    ]
    placed: set[Ref] = set()
    for kind, layers, changes in plan(writes, names()).creates_and_changes:
        assert not changes
        for layer in layers:
            for write in layer:
                for target in REGISTRY[kind].references_of(write.new or {}):
                    if target.hard:
                        assert Ref(target.kind, target.key) in placed
            placed.update(write.ref for write in layer)
    assert placed == {write.ref for write in writes}


def test_deletes_come_in_the_opposite_order() -> None:
    writes = [Write(*region("a", None), None), Write(*region("c", "b"), None), Write(*region("b", "a"), None)]
    assert plan(writes, names()).deletes == [
        ("region", [Ref("region", "c")]),
        ("region", [Ref("region", "b")]),
        ("region", [Ref("region", "a")]),
    ]


def test_a_circle_of_regions_is_written_all_the_same() -> None:
    writes = [Write(ref, None, document) for ref, document in (region("a", "b"), region("b", "a"))]
    ((_, layers, _),) = plan(writes, names()).creates_and_changes
    assert [[write.ref.key for write in layer] for layer in layers] == [["a", "b"]]


def test_what_a_changed_row_still_points_to_goes_last() -> None:
    endpoint = {"id": "e", "service_id": "s1", "region_id": None}
    writes = [
        Write(Ref("service", "s1"), {"id": "s1"}, None),
        Write(Ref("endpoint", "e"), endpoint, {**endpoint, "service_id": "s2"}),
    ]
    result = plan(writes, names())
    assert result.deletes == []
    assert result.late_deletes == [("service", [Ref("service", "s1")])]


def test_a_vacated_record_is_written_from_its_temporary_name() -> None:
    old = {"id": "g", "domain_id": "d", "name": "one"}
    result = plan([Write(Ref("group", "g"), old, {**old, "name": "two"}, vacate=True)], names())
    assert result.vacations == [Write(Ref("group", "g"), old, {**old, "name": "~0"})]
    ((_, _, changes),) = result.creates_and_changes
    assert changes[0].old == {**old, "name": "~0"} and changes[0].new == {**old, "name": "two"}


def test_a_delete_of_what_is_not_there_is_nothing() -> None:
    result = plan([Write(Ref("group", "g"), None, None)], names())
    assert not (result.deletes or result.late_deletes or result.creates_and_changes)


@pytest.mark.parametrize("kind", [kind.name for kind in REGISTRY.values() if kind.natural])
def test_vacated_documents_hold_none_of_their_enforced_names(kind: str) -> None:
    declared = REGISTRY[kind]
    _, document = one(kind)
    nameless = vacated(declared, document, names())
    kept = {value for value in declared.natural_keys_of(nameless) if value.enforced}
    changeable = {natural.name for natural in declared.natural if set(natural.fields) != set(declared.key)}
    for value in declared.natural_keys_of(document):
        assert value not in kept or value.name not in changeable
    assert declared.key_of(nameless) == declared.key_of(document)
    assert [ref[:2] for ref in declared.references_of(nameless) if ref.hard] == [
        ref[:2] for ref in declared.references_of(document) if ref.hard
    ]
