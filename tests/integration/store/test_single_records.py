"""Single records: what is tried leaves nothing, and what a site only carries of a record stays with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa

from keystone_viaduct.clock import ManualClock
from keystone_viaduct.errors import BadRequest, NotThere, Refused, Stale
from keystone_viaduct.sync.api.records import RecordsService
from keystone_viaduct.sync.api.service import Service, Surroundings
from keystone_viaduct.sync.model import Document, FieldState, Ref
from keystone_viaduct.sync.ports import Write
from keystone_viaduct.sync.site import Site
from keystone_viaduct.sync.site.content import digests
from keystone_viaduct.sync.store import SqlStore, SqlTransaction
from keystone_viaduct.sync.store.tables import commit
from keystone_viaduct.testing.conformance.samples import NOW

pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
REGION, BELOW = Ref("region", "r0"), Ref("region", "r1")
CONTENT: Document = {"id": "r0", "description": "it"}
#: A field of a later release: this one has no column for it.
LATER: Document = {"shiny": "very"}


@pytest.fixture
def service(site: SqlStore) -> Service:
    """A hub with a region that a later release has said more of, and one below it."""

    def fill(tx: SqlTransaction) -> None:
        rows = [(REGION.key, CONTENT), (BELOW.key, {"id": "r1", "parent_region_id": "r0"})]
        found = [(key, {**tx.defaults("region"), **content}) for key, content in rows]
        tx.codecs.insert_many(tx.connection, "region", found)

    def carry(tx: SqlTransaction) -> None:
        record = tx.records([REGION])[REGION]
        told = digests(tx.state().fleet_secret, "region", LATER)
        fields = {name: FieldState(NOW, record.birth, digest) for name, digest in told.items()}
        tx.save_records([replace(record, unknown=LATER, fields={**record.fields, **fields})])

    clock = ManualClock(NOW)
    site.run(fill)
    Site(site, clock).state()
    site.run(carry)
    written: list[Write] = []
    return Service(site, clock, Surroundings("30.0.0", {}, lambda writes, _: written.extend(writes)))


def test_an_edit_that_is_tried_says_what_it_would_write_and_leaves_nothing(service: Service) -> None:
    records = RecordsService(service)
    before = records.get(REGION)
    head = service.store.read(lambda tx: tx.known_state()).head
    tried = records.put(REGION, {**CONTENT, "description": "more"}, None, dry_run=True)
    (write,) = tried.writes
    assert (write.old or {})["description"] == "it" and (write.new or {})["description"] == "more"
    assert (write.new or {})["shiny"] == "very" and not tried.created
    assert records.put(REGION, CONTENT, None, dry_run=True).writes == ()
    made = records.put(Ref("region", "new"), {"id": "new"}, None, dry_run=True)
    assert made.created and made.writes[0].old is None
    (gone,) = records.delete(BELOW, None, dry_run=True).writes
    assert gone.new is None
    assert records.get(REGION) == before and records.get(BELOW).content
    assert service.store.read(lambda tx: tx.known_state()).head == head
    with pytest.raises(NotThere):
        records.get(Ref("region", "new"))


def test_a_record_is_read_without_a_write(service: Service) -> None:
    def tokens() -> list[object]:
        return list(service.store.read(lambda tx: tx.connection.execute(sa.select(commit)).all()))

    before = tokens()
    assert before and RecordsService(service).get(REGION).content
    assert tokens() == before


def test_what_a_site_only_carries_of_a_record_stays_with_it(service: Service) -> None:
    records = RecordsService(service)
    changed = records.put(REGION, {**CONTENT, "description": "more"}, None)
    assert changed.found is not None
    assert changed.found.content == {**CONTENT, **LATER, "description": "more"}
    assert changed.found.record.unknown == LATER


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda records, dry: records.put(REGION, {**CONTENT, "shiny": "?"}, None, dry_run=dry), BadRequest),
        (lambda records, dry: records.put(REGION, CONTENT, "another digest", dry_run=dry), Stale),
        (lambda records, dry: records.delete(REGION, "another digest", dry_run=dry), Stale),
        (lambda records, dry: records.delete(Ref("region", "none"), None, dry_run=dry), NotThere),
        (
            lambda records, dry: records.put(
                BELOW, {"id": "r1", "parent_region_id": "nowhere"}, None, dry_run=dry
            ),
            Refused,
        ),
    ],
)
def test_what_would_be_refused_is_refused_when_it_is_tried(
    act: Callable[[RecordsService, bool], object], error: type[Exception], service: Service
) -> None:
    for dry_run in (True, False):
        with pytest.raises(error):
            act(RecordsService(service), dry_run)
