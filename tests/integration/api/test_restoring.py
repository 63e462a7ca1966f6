"""What was lost comes back under another name where its own is taken: of every kind that has one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from keystone_viaduct.errors import BadDocument, BadRequest, Refused
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.shape import Rename
from keystone_viaduct.sync.api.conflicts import ConflictsService, renamed
from keystone_viaduct.sync.model import DELETED, Conflict, Ref
from keystone_viaduct.sync.store import SqlStore
from tests.integration.api.everything import service, store
from tests.unit.documents.world import items_of

NAMED = [kind.name for kind in REGISTRY.values() if isinstance(kind.rename, Rename)]


__all__ = ["service", "store"]


def lost(store: SqlStore, kind: str, key: str) -> tuple[Ref, str, dict[str, Any]]:
    """A record of which a conflict row alone is left, and whose name another has by now."""
    rename = REGISTRY[kind].rename
    assert isinstance(rename, Rename)
    document = next(dict(item) for _, item in items_of(kind) if item.get(rename.field) is not None)
    document["id"] = key
    document.pop("federated", None)  # what an identity provider calls a user is no name to change
    ref, identifier = Ref(kind, key), f"{key[:8]}-{kind}"
    fields = (*sorted(document), DELETED)
    row = Conflict(identifier, ref, "clash", "rule", "its name is taken", fields, "west", 1, document)
    store.run(lambda tx: tx.add_conflicts([row]))
    return ref, identifier, document


def test_all_kinds_with_a_name_of_their_own_are_there() -> None:
    assert set(NAMED) == {"user", "group", "project", "domain", "role", "application_credential"}


@pytest.mark.parametrize("kind", NAMED)
def test_a_taken_name_is_refused_and_another_taken(
    kind: str, store: SqlStore, service: ConflictsService
) -> None:
    ref, identifier, document = lost(store, kind, str(NAMED.index(kind)) * 32)
    with pytest.raises(Refused) as refused:
        service.resolve(identifier, "restore")
    assert "--as NAME" in refused.value.hint
    assert not store.read(lambda tx: tx.documents([ref]))
    assert service.resolve(identifier, "restore", name="another").conflict.resolution == "restored"
    found = store.read(lambda tx: tx.documents([ref]))[ref]
    rename = REGISTRY[kind].rename
    assert rename is not None and found[rename.field] == "another"
    same = {name: value for name, value in document.items() if name != rename.field}
    assert same.items() <= found.items(), "its secrets too"
    with pytest.raises(Refused, match="already"):
        service.resolve(identifier, "restore", name="again")


def test_a_name_that_is_taken_too_or_too_long_changes_nothing(
    store: SqlStore, service: ConflictsService
) -> None:
    _, identifier, document = lost(store, "group", "x" * 32)
    row = store.read(lambda tx: tx.conflict(identifier))
    with pytest.raises(Refused):
        service.resolve(identifier, "restore", name=str(document["name"]))
    with pytest.raises(BadDocument):
        service.resolve(identifier, "restore", name="n" * 65)
    assert store.read(lambda tx: tx.conflict(identifier)) == row


@pytest.mark.parametrize("kind", sorted(set(REGISTRY) - set(NAMED)))
def test_what_has_no_name_to_change_is_refused(kind: str) -> None:
    key, document = items_of(kind)[0]
    with pytest.raises(BadRequest, match="no name"):
        renamed(Ref(kind, key), document, "another")


def test_another_name_is_not_proposed_where_it_would_not_help(
    store: SqlStore, service: ConflictsService
) -> None:
    ref, identifier, document = lost(store, "user", "y" * 32)
    known = next(item for _, item in items_of("user") if item.get("federated"))
    row = store.read(lambda tx: tx.conflict(identifier))
    assert row is not None
    other = replace(row, id="federated", lost={**document, "federated": known["federated"]})
    store.run(lambda tx: tx.add_conflicts([other]))
    with pytest.raises(Refused, match="federated") as refused:
        service.resolve("federated", "restore", name="a third")
    assert "--as" not in refused.value.hint
    assert not store.read(lambda tx: tx.documents([ref]))
