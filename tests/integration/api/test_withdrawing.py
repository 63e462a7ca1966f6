"""What a limited site has made, and might not make today, is taken back when an operator says so."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from keystone_viaduct.clock import SystemClock
from keystone_viaduct.errors import Refused
from keystone_viaduct.sync.api.conflicts import ConflictsService
from keystone_viaduct.sync.api.withdrawal import _GOING
from keystone_viaduct.sync.model import JUDGED, Conflict, Document, Ref
from keystone_viaduct.sync.site import Site
from keystone_viaduct.sync.site.delegation.ways import WAYS_OF
from keystone_viaduct.sync.store import SqlStore
from tests.integration.api.everything import service, store
from tests.unit.documents.world import items_of

__all__ = ["service", "store"]


@pytest.fixture(scope="module", autouse=True)
def numbered(store: SqlStore) -> None:
    """What is there is known to the hub."""
    Site(store, SystemClock()).state()


def _content(store: SqlStore, ref: Ref) -> Document | None:
    return store.run(lambda tx: tx.documents([ref])).get(ref)


def _judged(store: SqlStore, ref: Ref, *fields: str, sort: str = JUDGED) -> str:
    """A row that waits for an operator."""
    identifier = f"{sort}-{ref.kind}-{ref.key[:8]}-{'-'.join(fields)}"
    row = Conflict(identifier, ref, sort, "rule", "why", fields, "west", 1, {}, open=True)
    store.run(lambda tx: tx.add_conflicts([row]))
    return identifier


def _first(kind: str, having: str = "") -> Ref:
    return next(Ref(kind, key) for key, item in items_of(kind) if not having or item.get(having))


@pytest.mark.parametrize("kind", sorted(_GOING - {"access_rule", "application_credential"}))
def test_what_is_only_a_way_to_act_as_somebody_goes(
    kind: str, store: SqlStore, service: ConflictsService
) -> None:
    ref = _first(kind)
    assert _content(store, ref) is not None
    found = service.resolve(_judged(store, ref), "withdraw").conflict
    assert (found.open, found.resolution) == (False, "restored") and _content(store, ref) is None
    assert store.run(lambda tx: tx.records([ref]))[ref].deleted


def test_a_user_loses_what_the_site_has_set_and_nothing_else(
    store: SqlStore, service: ConflictsService
) -> None:
    ref = _first("user", "passwords")
    before = _content(store, ref)
    assert before is not None and before["passwords"] and before.get("local.name")
    service.resolve(_judged(store, ref, "passwords", "local.name"), "withdraw")
    after = _content(store, ref)
    assert after is not None and not after["passwords"]
    assert {**after, "passwords": 0} == {**before, "passwords": 0}


@pytest.mark.parametrize("kind", ["user", "project", "domain"])
def test_what_was_disabled_is_enabled(kind: str, store: SqlStore, service: ConflictsService) -> None:
    ref = next(Ref(kind, key) for key, item in items_of(kind) if item.get("enabled") is not None)
    table = "user" if kind == "user" else "project"
    statement = sa.text(f'UPDATE "{table}" SET enabled = 0 WHERE id = :id')
    store.run(lambda tx: tx.connection.execute(statement, {"id": ref.key}))
    service.resolve(_judged(store, ref, "enabled"), "withdraw")
    after = _content(store, ref)
    assert after is not None and after["enabled"] is True


def test_an_identity_provider_is_switched_off(store: SqlStore, service: ConflictsService) -> None:
    ref = _first("identity_provider", "enabled")
    service.resolve(_judged(store, ref, "remote_ids"), "withdraw")
    after = _content(store, ref)
    assert after is not None and after["enabled"] is False


@pytest.mark.parametrize("kind", ["mapping", "federation_protocol", "revocation_event", "group"])
def test_of_what_nobody_knows_how_it_was_before_it_is_said_what_to_do(
    kind: str, store: SqlStore, service: ConflictsService
) -> None:
    ref = Ref(kind, store.run(lambda tx: tx.row_keys(kind, "", 1))[0])
    before = _content(store, ref)
    identifier = _judged(store, ref, "name")
    with pytest.raises(Refused, match="can't be taken back by itself") as refused:
        service.resolve(identifier, "withdraw")
    assert "--keep" in refused.value.hint and _content(store, ref) == before
    assert service.resolve(identifier, "keep").conflict.resolution == "kept"


def test_what_others_need_stays_until_they_are_gone(store: SqlStore, service: ConflictsService) -> None:
    """An access rule that an application credential uses."""
    key, found = next((key, item) for key, item in items_of("application_credential") if item["access_rules"])
    rules = found["access_rules"]
    assert isinstance(rules, list)
    rule, using = Ref("access_rule", str(rules[0])), Ref("application_credential", key)
    identifier = _judged(store, rule)
    with pytest.raises(Refused, match="1 records need access_rule/"):
        service.resolve(identifier, "withdraw")
    service.resolve(_judged(store, using), "withdraw")
    service.resolve(identifier, "withdraw")
    assert _content(store, rule) is None and _content(store, using) is None


def test_only_what_was_judged_again_is_withdrawn_and_only_what_was_lost_restored(
    store: SqlStore, service: ConflictsService
) -> None:
    ref = _first("user", "passwords")
    with pytest.raises(Refused, match="is about what was lost"):
        service.resolve(_judged(store, ref, "x", sort="concurrent"), "withdraw")
    with pytest.raises(Refused, match=r"nothing of .* was lost: west has made it"):
        service.resolve(_judged(store, ref, "y"), "restore")


def test_what_is_gone_already_is_closed(store: SqlStore, service: ConflictsService) -> None:
    found = service.resolve(_judged(store, Ref("credential", "gone")), "withdraw").conflict
    assert found.resolution == "restored"


def test_each_kind_on_the_list_of_ways_is_taken_back_or_said_not_to_be() -> None:
    tried = _GOING | {"user", "project", "domain", "identity_provider"}
    assert WAYS_OF.keys() == tried | {"mapping", "federation_protocol", "revocation_event", "group"}
