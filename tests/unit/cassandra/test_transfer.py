"""Documents of every kind in records and out again, and folders of them, over tables in memory."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from keystone_viaduct.cassandra.drivers.shapes import SHAPES
from keystone_viaduct.cassandra.records import Records
from keystone_viaduct.cassandra.records.record import decode
from keystone_viaduct.cassandra.records.shape import Shape
from keystone_viaduct.cassandra.transfer import move
from keystone_viaduct.cassandra.transfer.events import Events
from keystone_viaduct.cassandra.transfer.folder import Folder, Known, summed
from keystone_viaduct.cassandra.transfer.layout import layouts
from keystone_viaduct.cassandra.transfer.of_records import RecordStore
from keystone_viaduct.cassandra.transfer.ports import Item, Page, Refusal
from keystone_viaduct.clock import ManualClock
from keystone_viaduct.documents.cipher import KeyRepositoryCipher
from keystone_viaduct.documents.convert import parse_time, time_to_micros
from keystone_viaduct.errors import TransferRefused
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.testing.cassandra.memory import MemoryTables
from keystone_viaduct.testing.cassandra.stepping import patient
from tests.unit.documents.world import items_of, one, variants

LIFETIME = 3600
NOW = time_to_micros(parse_time("2026-03-04T05:10:00Z"))
"""Some minutes after the event of the small world."""
CIPHER = KeyRepositoryCipher("/nowhere")
EXAMPLES = settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def store_of(tables: MemoryTables, name: str = "memory", now: int = NOW) -> RecordStore:
    """Records over tables in memory, at a time."""
    clock = ManualClock(now)
    records = Records(tables, clock, patient())
    return RecordStore(name, records, CIPHER, Events(records, clock, LIFETIME))


def filled() -> MemoryTables:
    """A record of every kind, and several of some."""
    tables = MemoryTables()
    store = store_of(tables)
    for kind in REGISTRY:
        assert store.put(kind, items_of(kind)) == []
    return tables


def silent(_text: str) -> None:
    """Nobody listens."""


def everything(store: RecordStore) -> dict[str, dict[str, Any]]:
    """All documents, by kind and key."""
    found = {kind: [i for page in store.pages(kind, None) for i in page.items] for kind in store.kinds}
    assert all(len(items) == len(dict(items)) for items in found.values())
    return {kind: dict(items) for kind, items in found.items()}


@pytest.mark.parametrize("kind", REGISTRY)
def test_what_was_put_is_found_by_key_and_among_all(kind: str) -> None:
    store, items = store_of(filled()), items_of(kind)
    assert store.load(kind, items) == dict(items)
    assert everything(store)[kind] == dict(items)


@pytest.mark.parametrize("kind", [kind.name for kind in REGISTRY.values() if not kind.insert_only])
def test_any_content_goes_into_a_record_and_out_again(kind: str) -> None:
    key, document = one(kind)
    store = store_of(filled())

    @EXAMPLES
    @given(st.data())
    def holds(data: Any) -> None:
        changed = data.draw(variants(REGISTRY[kind], document))
        changed = {
            name: [] if value is None and name in ("passwords",) else value for name, value in changed.items()
        }
        options = [name.partition(".")[2] for name in changed] if kind == "domain_config" else []
        refused = store.put(kind, [(key, changed)])
        if len(options) > len(set(options)):
            assert [each.key for each in refused] == [key]
            return
        assert refused == []
        if REGISTRY[kind].merge:  # the latest of what was noted counts
            changed = {
                **changed,
                **{n: store.load(kind, [(key, changed)])[key][n] for n in REGISTRY[kind].merge},
            }
        assert store.load(kind, [(key, changed)]) == {key: changed}

    holds()


def test_every_shape_of_the_drivers_is_known_and_has_its_tables() -> None:
    import importlib
    import pkgutil

    from keystone_viaduct.cassandra import drivers, schema

    modules = [
        importlib.import_module(f"{drivers.__name__}.{m.name}")
        for m in pkgutil.iter_modules(drivers.__path__)
    ]
    declared = {
        value.kind for module in modules for value in vars(module).values() if isinstance(value, Shape)
    }
    assert declared == {shape.kind for shape in SHAPES}
    [folder] = schema.__path__
    text = "".join(path.read_text() for path in Path(folder).glob("*.cql"))
    for shape in SHAPES:
        assert f"CREATE TABLE IF NOT EXISTS {shape.kind} (" in text
        assert (f"CREATE TABLE IF NOT EXISTS {shape.kind}_listing (" in text) or not shape.listings
    covered = {each.shape.kind for each in layouts(Records(MemoryTables()), CIPHER).values()}
    assert {shape.kind for shape in SHAPES} - covered == {"lockout", "config_register"}, (
        "these stay where they are"
    )


def test_an_export_and_an_import_make_the_same_records_and_the_same_digests(tmp_path: Path) -> None:
    source, target = filled(), MemoryTables()
    folder = Folder(tmp_path / "export", CIPHER)
    made = move.export(store_of(source), folder, silent)
    result = move.put_all(store_of(target, "other"), folder, silent)
    assert result.equal and not result.refused
    for place, stored in source.partitions.items():
        if place[0] != "credential":  # encrypted anew, and told by its document
            assert decode(target.partitions[place]) == decode(stored)
    assert source.partitions.keys() == target.partitions.keys()
    again = move.export(store_of(target, "other"), Folder(tmp_path / "again", CIPHER), silent)
    assert {kind: (k.count, k.digest) for kind, k in made.kinds.items()} == {
        kind: (k.count, k.digest) for kind, k in again.kinds.items()
    }


def test_files_are_for_their_owner_alone_and_hold_no_plain_credential(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "export", CIPHER)
    move.export(store_of(filled()), folder, silent)
    for path in (folder.path, *folder.path.iterdir()):
        assert os.stat(path).st_mode & 0o077 == 0
    [line, *_] = (folder.path / "credential.jsonl").read_text().splitlines()
    _, document = one("credential")
    assert str(document["blob"]) not in line and json.loads(line)[1]["blob"].startswith("gAAAA")


class Broken(Exception):
    """The process died here."""


class Fragile(RecordStore):
    """Dies once, at the page or batch of that number."""

    def __init__(self, of: RecordStore, at: int) -> None:
        vars(self).update(vars(of))
        self._left = at

    def _live(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise Broken

    def pages(self, kind: str, after: str | None) -> Iterator[Page]:
        for page in super().pages(kind, after):
            self._live()
            yield page

    def put(self, kind: str, items: Sequence[Item]) -> list[Refusal]:
        found = super().put(kind, items)
        self._live()
        return found


def many() -> MemoryTables:
    """Users, of whom a page has a few."""
    tables = filled()
    _, user = one("user")
    items: list[Item] = []
    for number in range(50):
        key = f"{number:064d}"
        document = {**user, "id": key, "local.name": f"n{number}", "federated": []}
        document.pop("nonlocal.name", None)
        items.append((key, document))
    assert store_of(tables).put("user", items) == []
    return tables


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that there are many."""
    monkeypatch.setattr("keystone_viaduct.cassandra.transfer.of_records.PAGE", 7)
    monkeypatch.setattr(move, "BATCH", 7)


@pytest.mark.usefixtures("small_pages")
def test_an_export_that_is_broken_off_at_any_page_goes_on_and_has_each_record_once(tmp_path: Path) -> None:
    tables = many()
    whole = move.export(store_of(tables), Folder(tmp_path / "whole", CIPHER), silent)
    broken = 0
    for at in range(1, 200):
        folder = Folder(tmp_path / str(at), CIPHER)
        try:
            move.export(Fragile(store_of(tables), at), folder, silent)
        except Broken:
            broken += 1
            with pytest.raises(TransferRefused, match="broken off"):
                move.put_all(store_of(MemoryTables()), folder, silent)
            with (folder.path / "user.jsonl").open("ab") as out:  # what was written and not noted
                out.write(b'["half')
        else:
            break
        made = move.export(store_of(tables), folder, silent)
        assert {k: (n.count, n.digest) for k, n in made.kinds.items()} == {
            k: (n.count, n.digest) for k, n in whole.kinds.items()
        }
        items = [item for item, _ in folder.items("user", made.kinds["user"])]
        assert summed(Known().digest, "user", items) == made.kinds["user"].digest
    assert broken > 30


@pytest.mark.usefixtures("small_pages")
def test_an_import_that_is_broken_off_at_any_batch_goes_on_to_the_same_end(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "export", CIPHER)
    move.export(store_of(many()), folder, silent)
    broken = 0
    for at in range(2, 200):
        target = MemoryTables()
        try:
            move.put_all(Fragile(store_of(target, f"t{at}"), at), folder, silent)
        except Broken:
            broken += 1
        else:
            break
        if not any(stored.alive for stored in target.partitions.values()):
            continue  # it died while it looked whether anything is there
        assert move.put_all(store_of(target, f"t{at}"), folder, silent).equal
    assert broken > 30


def test_what_stands_in_the_way_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "export", CIPHER)
    with pytest.raises(TransferRefused, match="has no export"):
        move.put_all(store_of(MemoryTables()), folder, silent)
    move.export(store_of(filled(), "east"), folder, silent)
    with pytest.raises(TransferRefused, match="an export of east, and this is west"):
        move.export(store_of(filled(), "west"), folder, silent)
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    with pytest.raises(TransferRefused, match="not empty"):
        move.export(store_of(filled()), Folder(other, CIPHER), silent)
    target = MemoryTables()
    store_of(target).put("region", items_of("region"))
    before = dict(target.partitions)
    with pytest.raises(TransferRefused, match="records of its own, of kind region"):
        move.put_all(store_of(target, "grown"), folder, silent)
    assert target.partitions == before


def test_records_that_are_refused_missing_different_or_too_many_are_named(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "export", CIPHER)
    manifest = move.export(store_of(filled()), folder, silent)
    target = MemoryTables()
    move.put_all(store_of(target), folder, silent)
    store = store_of(target)
    key, role = items_of("role")[0]
    store.put(
        "role", [(key, {**role, "description": "another"}), ("more", {**role, "id": "more", "name": "more"})]
    )
    lost, _ = items_of("group")[0]
    Records(target, backoff=patient()).change(
        next(s for s in SHAPES if s.kind == "group"), lost, lambda _: None
    )
    found = move.compare(store, folder, manifest)
    assert (found["role"].different, found["role"].more, found["role"].missing) == (1, 1, 0)
    assert found["role"].named == [f"role/{key} differs in description"]
    assert (found["group"].missing, found["group"].named) == (1, [f"group/{lost} missing"])
    assert all(each.equal for kind, each in found.items() if kind not in ("role", "group"))
    refused = store.put("role", [("twin", {**role, "id": "twin", "name": "more"})])
    assert [(each.key, "belongs to more" in each.why) for each in refused] == [("twin", True)]


def test_a_revocation_that_no_token_is_left_of_is_left_out_and_not_missed(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "export", CIPHER)
    made = move.export(store_of(filled()), folder, silent)
    assert made.kinds["revocation_event"].count == 1
    later = MemoryTables()
    result = move.put_all(store_of(later, "later", NOW + LIFETIME * 1_000_000), folder, silent)
    assert result.equal and not later.happened


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "export", CIPHER)
    move.export(store_of(filled()), folder, silent)
    path = folder.path / "user.jsonl"
    path.write_bytes(b"x" + path.read_bytes()[1:])
    with pytest.raises(TransferRefused, match=r"user.jsonl is damaged"):
        move.put_all(store_of(MemoryTables(), "x"), folder, silent)
