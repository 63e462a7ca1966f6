"""What is changed where no trigger sees it, while pages go on being applied."""

from __future__ import annotations

import pytest

from keystone_viaduct.sync.charter import Charter, Coverage, Delegation
from keystone_viaduct.sync.link.compare import Comparison
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.ports import Write
from keystone_viaduct.sync.site.guard import Guard
from keystone_viaduct.testing.simulation.memory import MemoryDatabase
from tests.simulation.scene import Scene


def by_hand(scene: Scene, site: str, *writes: Write) -> None:
    """Rows change with triggers and foreign keys off."""
    store = scene.store(site)
    assert isinstance(store, MemoryDatabase)
    store.by_hand(writes)


def change(scene: Scene, site: str, ref: Ref, **fields: object) -> None:
    """A row is changed, or made, by hand."""
    old = scene.row(site, ref)
    new = {**(old or {"id": ref.key}), **{name.replace("__", "."): v for name, v in fields.items()}}
    by_hand(scene, site, Write(ref, old, new))
    scene.fleet.ledger.wrote(0, site, ref, old, new, {})


def lose(scene: Scene, site: str, *refs: Ref) -> None:
    """Rows vanish."""
    by_hand(scene, site, *(Write(ref, scene.row(site, ref), None) for ref in refs))


def delete(scene: Scene, site: str, ref: Ref) -> None:
    """A row is deleted by hand and alone, and a trigger sees it."""
    row = scene.row(site, ref)
    lose(scene, site, ref)
    scene.fleet.ledger.wrote(0, site, ref, row, None, {})
    scene.store(site).run(lambda tx: tx.add_marks([ref], scene.clock.now()))


def sweep(scene: Scene, site: str) -> None:
    """One whole round."""
    while scene.site(site).sweep(50).kind:
        pass


def compare(scene: Scene, spoke: str) -> None:
    """What the agent does now and then."""
    found = Comparison(scene.site("hub"), scene.site(spoke))
    found.find()
    for _ in found.showing(found.missed):
        pass


def users(scene: Scene, *names: str) -> list[Ref]:
    """Users, everywhere."""
    found = [scene.user("hub", name, name) for name in names]
    scene.sync()
    return found


@pytest.mark.parametrize("site", ["west", "hub"])
def test_an_unseen_edit_is_not_overwritten_by_a_page(scene: Scene, site: str) -> None:
    """No sweep has come by yet; the page changes another field."""
    (ref,) = users(scene, "ada")
    change(scene, site, ref, extra__phone="by hand")
    scene.put("hub" if site == "west" else "west", "user", "ada", extra__email="elsewhere")
    scene.equal()
    for name in ("hub", "west", "south"):
        row = scene.row(name, ref) or {}
        assert (row["extra.phone"], row["extra.email"]) == ("by hand", "elsewhere")


def test_a_row_without_a_record_does_not_stop_the_page_that_brings_its_record(scene: Scene) -> None:
    """Put back from a dump at both sites, say: the same user by the same id."""
    (ref,) = users(scene, "ada")
    row = scene.row("hub", ref) or {}
    scene.delete("hub", ref)
    scene.sync()
    change(scene, "west", ref, **{k.replace(".", "__"): v for k, v in row.items()})
    scene.put("hub", "user", "ada", **{k.replace(".", "__"): v for k, v in row.items()})
    scene.equal()
    assert scene.row("west", ref) == row


@pytest.mark.parametrize("site", ["west", "hub"])
def test_a_name_that_a_row_without_a_record_holds_is_settled_at_the_hub(scene: Scene, site: str) -> None:
    other = "hub" if site == "west" else "west"
    mine = {"domain_id": "default", "local__domain_id": "default", "enabled": True}
    change(scene, site, Ref("user", "made"), local__name="ada", **mine)
    scene.user(other, "u", "ada")
    scene.sync_some()
    sweep(scene, site)
    scene.equal()
    names = {scene.row("south", Ref("user", key))["local.name"] for key in ("made", "u")}  # type: ignore[index]
    assert "ada" in names and len(names) == 2


def test_what_needs_a_held_row_waits_and_is_not_deleted(scene: Scene) -> None:
    """The hub's users are gone, and a person has to say whether that was meant; a grant comes meanwhile."""
    found = users(scene, "ada", "bob", "cyd")
    scene.project("hub", "p", "web")
    scene.sync()
    lose(scene, "hub", *found)
    sweep(scene, "hub")
    grant = scene.grant("west", "ada", "p")
    scene.sync_some()
    assert scene.row("hub", grant) is None and scene.row("west", grant) is not None
    assert scene.site("hub").discard() == 3
    compare(scene, "west")
    scene.equal()
    assert scene.row("south", grant) is not None
    assert not scene.conflicts


def test_what_needs_a_held_row_waits_at_a_spoke(scene: Scene) -> None:
    """Its page would otherwise be refused by the database, and block all that could bring the row back."""
    found = users(scene, "ada", "bob", "cyd")
    scene.project("hub", "p", "web")
    scene.sync()
    lose(scene, "west", *found)
    sweep(scene, "west")
    grant = scene.grant("hub", "ada", "p")
    later = scene.project("hub", "later", "later")
    scene.sync_some()
    assert scene.row("west", later) is not None
    assert scene.row("west", grant) is None
    assert scene.site("west").discard() == 3
    compare(scene, "west")
    scene.equal()
    assert scene.row("west", grant) is not None


@pytest.mark.parametrize("deletes", [False, True])
def test_an_edit_of_what_the_hub_has_lost_waits_for_the_sweep(scene: Scene, deletes: bool) -> None:
    """Nobody knows yet what the hub holds: there is nothing to decide between."""
    ref, *_ = users(scene, "ada", "bob", "cyd")
    scene.put("hub", "user", "ada", extra__email="hub")
    scene.site("hub").state()
    if deletes:
        scene.delete("west", ref)
    else:
        scene.put("west", "user", "ada", extra__phone="west")
    row = scene.row("hub", ref)
    lose(scene, "hub", ref)
    scene.send("west", "hub")
    assert scene.row("hub", ref) is None
    assert [entry.reason for entry in scene.store("hub").data.pending.values()] == ["lost"]
    by_hand(scene, "hub", Write(ref, None, row))
    scene.equal()
    if deletes:
        assert scene.row("south", ref) == row
        assert [conflict.ref for conflict in scene.conflicts] == [ref]
    else:
        assert scene.row("south", ref) == {**(row or {}), "extra.phone": "west"}


def test_what_was_lost_comes_back_from_a_site_that_was_never_read(scene: Scene) -> None:
    """West has them from the hub itself, at positions that the hub has not reached: no feed shows them."""
    found = users(scene, "ada", "bob", "cyd")
    scene.site("hub").forget("west")
    scene.store("hub").data.checkpoints.pop("south")
    lose(scene, "hub", *found)
    sweep(scene, "hub")
    assert scene.site("hub").discard() == 3
    compare(scene, "west")
    scene.equal()
    assert all(scene.row("hub", ref) for ref in found)


def test_rows_that_a_page_brings_back_are_not_held_any_more(scene: Scene) -> None:
    found = users(scene, "ada", "bob", "cyd")
    lose(scene, "west", *found)
    sweep(scene, "west")
    scene.put("hub", "user", "ada", extra__email="news")
    scene.send("hub", "west")
    assert set(scene.store("west").data.held) == set(found[1:])


def test_a_limited_spoke_that_shows_what_the_hub_has_lost_deletes_nothing(scene: Scene) -> None:
    """It may not make users of that domain; but these were the hub's."""
    found = users(scene, "ada", "bob", "cyd")
    charter = scene.site("hub").charter()
    limited = {"west": Delegation(domains=frozenset({"elsewhere"}))}
    scene.site("hub").write_charter(Charter(delegations=limited), charter.edition)
    scene.sync()
    lose(scene, "hub", *found)
    sweep(scene, "hub")
    scene.site("hub").discard()
    compare(scene, "west")
    scene.talk("west")
    scene.sync()
    assert all(scene.row(site, ref) for ref in found for site in ("hub", "west", "south"))


def test_an_edit_that_its_site_has_forgotten_with_the_row_is_not_taken_for_replaced(scene: Scene) -> None:
    """West has an older version of it, and the hub edits that before south shows what it has."""
    found = users(scene, "ada", "bob", "cyd")
    scene.put("hub", "user", "ada", extra__email="new")
    scene.send("hub", "south")
    lose(scene, "hub", *found)
    sweep(scene, "hub")
    scene.site("hub").discard()
    scene.talk("west")
    assert "extra.email" not in (scene.row("hub", found[0]) or {"extra.email": "not back"})
    scene.put("hub", "user", "ada", extra__phone="1")
    scene.equal()
    row = scene.row("west", found[0]) or {}
    assert (row["extra.email"], row["extra.phone"]) == ("new", "1") and not scene.conflicts


def test_what_a_page_left_out_is_sent_when_its_source_is_put_back_to_a_backup(scene: Scene) -> None:
    """In the backup the row is there, where the reader has been."""
    ref = scene.user("hub", "ada", "ada")
    scene.site("hub").state()
    data = scene.store("hub").data.copy()
    lose(scene, "hub", ref)
    scene.site("west").apply(scene.read("hub", "west"))
    assert scene.row("west", ref) is None
    scene.put_back("hub", data)
    scene.sync()
    assert scene.row("west", ref) is not None


def test_whoever_reads_on_after_deletions_were_discarded_brings_the_records_back(scene: Scene) -> None:
    """No operator compares, and the one site that has the latest of it may have been away."""
    found = users(scene, "ada", "bob", "cyd")
    scene.put("south", "user", "ada", extra__email="seen by the hub alone")
    scene.send("south", "hub")
    lose(scene, "hub", *found)
    sweep(scene, "hub")
    assert scene.site("hub").discard() == 3
    scene.sync()
    assert all(scene.row(site, ref) for ref in found for site in ("hub", "west", "south"))
    assert (scene.row("west", found[0]) or {})["extra.email"] == "seen by the hub alone"


def test_a_table_from_a_dump_with_as_many_rows_too_many_as_missing_is_held(scene: Scene) -> None:
    """Counting records and rows would not show it; the sweep goes in small steps."""
    found = users(scene, *(f"u{n}" for n in range(10)))
    lose(scene, "west", *found[:5])
    fields = {"domain_id": "default", "local__domain_id": "default", "enabled": True}
    for n in range(5):
        change(scene, "west", Ref("user", f"old{n}"), local__name=f"old {n}", **fields)
    while scene.site("west").sweep(1).kind:
        pass
    assert set(scene.store("west").data.held) == set(found[:5])
    assert Guard().stops(5, 10)


def test_an_edit_of_what_lies_in_a_domain_that_was_deleted_by_hand(scene: Scene) -> None:
    """Neither the edit nor what the hub has of the record can stay."""
    domain = scene.put("hub", "domain", "acme", name="acme", enabled=True)
    ref = scene.user("hub", "ada", "ada", domain_id="acme", local__domain_id="acme")
    scene.sync()
    delete(scene, "hub", domain)
    scene.put("west", "user", "ada", extra__email="west")
    scene.send("west", "hub")
    scene.equal()
    assert scene.row("west", ref) is None
    (lost,) = [conflict.lost for conflict in scene.conflicts if conflict.ref == ref]
    assert lost["extra.email"] == "west"


def test_what_is_refused_of_what_lies_in_a_domain_that_was_deleted_by_hand(scene: Scene) -> None:
    """West may not edit it, so the hub's own would stay; but that has no domain any more."""
    domain = scene.put("hub", "domain", "acme", name="acme", enabled=True)
    ref = scene.user("hub", "ada", "ada", domain_id="acme", local__domain_id="acme")
    charter = scene.site("hub").charter()
    limited = Charter(delegations={"west": Delegation(domains=frozenset({"default"}))})
    scene.site("hub").write_charter(limited, charter.edition)
    scene.sync()
    delete(scene, "hub", domain)
    scene.put("west", "user", "ada", extra__email="west")
    scene.send("west", "hub")
    scene.equal()
    assert scene.row("west", ref) is None
    assert {conflict.sort for conflict in scene.conflicts if conflict.ref == ref} == {"refused", "dangling"}


def test_what_the_page_itself_says_of_a_dependent_is_listed_with_it(scene: Scene) -> None:
    """West has deleted the domain by hand, and before that changed what lies in it."""
    domain = scene.put("hub", "domain", "acme", name="acme", enabled=True)
    ref = scene.project("hub", "p", "web", domain_id="acme", parent_id="acme")
    scene.sync()
    scene.put("west", "project", "p", description="west")
    delete(scene, "west", domain)
    scene.equal()
    assert scene.row("hub", ref) is None
    (lost,) = [conflict.lost for conflict in scene.conflicts if conflict.ref == ref]
    assert lost["description"] == "west"


def test_an_unseen_edit_of_what_leaves_a_site_is_shown_to_the_hub_first(scene: Scene) -> None:
    (ref,) = users(scene, "ada")
    change(scene, "west", ref, extra__phone="by hand")
    charter = scene.site("hub").charter()
    wanted = Charter(coverages={"west": Coverage(domains=frozenset())})
    scene.site("hub").write_charter(wanted, charter.edition)
    scene.sync()
    assert scene.row("west", ref) is None
    assert (scene.row("south", ref) or {})["extra.phone"] == "by hand"
