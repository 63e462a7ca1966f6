"""From an engine to a folder, and from a folder to an engine; each goes on where it was broken off."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from keystone_viaduct.cassandra.transfer.folder import Folder, Known, Manifest, summed
from keystone_viaduct.cassandra.transfer.ports import Comparison, Item, Refusal, Store
from keystone_viaduct.errors import TransferRefused
from keystone_viaduct.kinds import raw
from keystone_viaduct.kinds.reference import Reference
from keystone_viaduct.kinds.registry import REGISTRY

BATCH = 200
"""Records that are put at once."""
NAMED = 20
"""Records that are named one by one."""

Say = Callable[[str], None]


def export(store: Store, folder: Folder, say: Say) -> Manifest:
    """Write all records of an engine down. Records that change meanwhile are in it as they were or are."""
    manifest = folder.begin(store.name, folds_names=store.folds_names)
    for kind in store.kinds:
        manifest.kinds.setdefault(kind, Known())
    for kind, known in manifest.kinds.items():
        if known.complete:
            continue
        for page in store.pages(kind, known.after):
            folder.append(kind, known, page.items)
            known.after = page.after
            folder.save(manifest)
        known.complete = True
        folder.save(manifest)
        say(f"{kind}: {known.count}")
    return manifest


@dataclass
class Imported:
    """What became of an import."""

    put: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    named: list[str] = field(default_factory=list)
    compared: dict[str, Comparison] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Whether the engine now has what the folder has."""
        return all(each.equal for each in self.compared.values())


def put_all(store: Store, folder: Folder, say: Say) -> Imported:
    """Bring all records of a folder to an engine that has none, and compare."""
    manifest = folder.manifest()
    _check_complete(manifest)
    progress = _Progress(folder, store)
    if progress.is_new:
        _check_empty(store)
        progress.begin()
    result = Imported()
    for kind in (each for each in REGISTRY if each in manifest.kinds):
        known = manifest.kinds[kind]
        if not known.count:
            continue
        if kind not in store.kinds:
            result.refused[kind] = known.count
            result.named.append(f"{kind}: {store.name} has no place for this kind")
            continue
        for number, change in enumerate(_passes(store, kind)):
            for items, at in _batches(folder.items(kind, known, progress.at(kind, number))):
                refused = store.put(kind, [(key, change(document)) for key, document in items])
                _count(result, kind, refused)
                progress.reached(kind, number, at)
        result.put[kind] = known.count
        say(f"{kind}: {known.count}")
    result.compared = compare(store, folder, manifest)
    return result


def compare(store: Store, folder: Folder, manifest: Manifest) -> dict[str, Comparison]:
    """How an engine differs from a folder, by kind: by digest first, record by record where that differs."""
    found: dict[str, Comparison] = {}
    for kind, known in manifest.kinds.items():
        if kind not in store.kinds:
            found[kind] = Comparison(missing=known.count)
            continue
        count, digest = 0, Known().digest
        for page in store.pages(kind, None):
            count += len(page.items)
            digest = summed(digest, kind, page.items)
        same = (count, digest) == (known.count, known.digest)
        found[kind] = Comparison() if same else _look(store, folder, kind, known, count)
    return found


def _look(store: Store, folder: Folder, kind: str, known: Known, count: int) -> Comparison:
    """Record by record."""
    result, there = Comparison(), 0
    for items, _at in _batches(folder.items(kind, known)):
        loaded = store.load(kind, items)
        for key, document in items:
            if key not in loaded:
                if store.passes_by(kind, document):
                    continue
                result.missing += 1
                what = "missing"
            else:
                there += 1
                if raw.same_documents(loaded[key], document):
                    continue
                result.different += 1
                what = f"differs in {', '.join(sorted(raw.differing(loaded[key], document)))}"
            if len(result.named) < NAMED:
                result.named.append(f"{kind}/{key} {what}")
    result.more = max(0, count - there)
    return result


def _check_complete(manifest: Manifest) -> None:
    unfinished = [kind for kind, known in manifest.kinds.items() if not known.complete]
    if unfinished or not manifest.kinds:
        raise TransferRefused(
            f"the export of {manifest.source} was broken off",
            hint="run the export again, it goes on where it stopped",
        )


def _check_empty(store: Store) -> None:
    for kind in store.kinds:
        if any(page.items for page in itertools.islice(store.pages(kind, None), 1000)):
            raise TransferRefused(
                f"{store.name} has records of its own, of kind {kind} for one",
                hint="import into a Keystone that was made by init (or db_sync) and not yet bootstrapped",
            )


Change = Callable[[Any], Any]


def _passes(store: Store, kind: str) -> list[Change]:
    """What is done to each document, pass by pass.

    Where the engine wants what a record refers to, and that is of the same kind, all are put at the top
    first.
    """
    within = [r for r in REGISTRY[kind].references if r.foreign_key and r.target == kind and r.acyclic]
    if not (store.checks_references and within):
        return [lambda document: document]
    return [lambda document: _at_top(document, within), lambda document: document]


def _at_top(document: Any, within: list[Reference]) -> Any:
    return {**document, **{each.field: each.top(document) for each in within}}


def _batches(items: Iterator[tuple[Item, int]]) -> Iterator[tuple[list[Item], int]]:
    while some := list(itertools.islice(items, BATCH)):
        yield [item for item, _ in some], some[-1][1]


def _count(result: Imported, kind: str, refused: list[Refusal]) -> None:
    if refused:
        result.refused[kind] = result.refused.get(kind, 0) + len(refused)
    room = NAMED - len(result.named)
    result.named += [f"{kind}/{each.key}: {each.why}" for each in refused[: max(0, room)]]


class _Progress:
    """How far an import into one engine is, in the folder; what is put twice is as once."""

    def __init__(self, folder: Folder, store: Store) -> None:
        self._folder = folder
        self._name = f"import-{hashlib.sha256(store.name.encode()).hexdigest()[:16]}.json"
        found = folder.read(self._name)
        self.is_new = found is None
        self._found: dict[str, dict[str, int]] = found or {}

    def begin(self) -> None:
        """Note that what will be there is of this import."""
        self._folder.write(self._name, self._found)

    def at(self, kind: str, number: int) -> int:
        """The byte of the file of a kind from which a pass goes on."""
        return self._found.get(kind, {}).get(str(number), 0)

    def reached(self, kind: str, number: int, at: int) -> None:
        """All before that byte is put."""
        self._found.setdefault(kind, {})[str(number)] = at
        self._folder.write(self._name, self._found)
