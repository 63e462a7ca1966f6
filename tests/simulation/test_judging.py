"""What limited sites have made is judged again when somebody is given more: over a fleet in memory."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from keystone_viaduct.sync.charter import Charter, Delegation
from keystone_viaduct.sync.model import JUDGED, Conflict, Ref
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site import Site, judging, made
from keystone_viaduct.testing.simulation.crashing import Unforeseen
from tests.simulation.hostile.acting import CIRCLE, WHO, circle_nothing, circle_system, circled, on_the_system
from tests.simulation.hostile.stage import LIMITED, Stage, grant, staged
from tests.simulation.scene import Scene

ANN = Ref("user", "ann")
LIMITED_THERE = Delegation(domains=frozenset({"default"}), roles=frozenset({"member"}))


@pytest.fixture
def s() -> Iterator[Stage]:
    with staged(LIMITED) as stage:
        yield stage


def _rows(s: Stage, site: str = "hub") -> list[Conflict]:
    return [row for row in s.store(site).data.conflicts if row.sort == JUDGED]


def _password(s: Stage, key: str = "ann", value: str = "known to west") -> None:
    s.set("user", key, passwords=[{"hash": value}])
    s.sync()


def _close(s: Stage, identifier: str, resolution: str = "kept") -> None:
    def work(tx: Transaction) -> None:
        tx.close_conflicts([identifier], resolution)

    s.store("hub").run(work)


def test_it_says_who_has_made_what_and_why_it_might_not_today(s: Stage) -> None:
    _password(s)
    grant(s, "hub", "UserProject", "ann", "vault", "member")
    s.sync()
    (row,) = _rows(s)
    assert (row.ref, row.site, row.fields, row.open, row.lost) == (ANN, "west", ("passwords",), True, {})
    assert row.explanation.startswith("west has made this, and might not today: user ann holds more")
    assert s.row("hub", ANN) == s.row("west", ANN) and s.row("hub", ANN)


def test_what_somebody_else_has_written_since_is_not_that_sites(s: Stage) -> None:
    _password(s)
    s.put("hub", "user", "ann", passwords=[{"hash": "known to the hub"}])
    grant(s, "hub", "UserProject", "ann", "vault", "member")
    s.sync()
    assert _rows(s) == []


def test_a_row_that_waits_is_not_repeated_and_one_that_was_kept_only_for_another_reason(s: Stage) -> None:
    _password(s)
    grant(s, "hub", "UserProject", "ann", "vault", "member")
    s.sync()
    grant(s, "hub", "UserDomain", "ann", "d2", "admin")
    s.sync()
    (row,) = _rows(s)
    _close(s, row.id)
    s.delegate(s.site("hub").charter().delegations["west"])
    grant(s, "hub", "UserProject", "ann", "sub", "member")
    s.sync()
    assert len(_rows(s)) == 1
    _password(s, value="another one")  # refused: nothing new of west's is there
    grant(s, "hub", "UserDomain", "ann", "d2", "reader")
    s.sync()
    assert len(_rows(s)) <= 2 and {found.ref for found in _rows(s)} == {ANN}


def test_a_group_gives_to_all_who_are_in_it(s: Stage) -> None:
    circled(s, "")
    circle_nothing(s)
    s.sync()
    _password(s)
    _password(s, WHO)
    circle_system(s)
    s.sync()
    assert [row.ref for row in _rows(s)] == [ANN]
    s.put("hub", "membership", f"{WHO}/{CIRCLE}", user_id=WHO, group_id=CIRCLE)
    s.sync()
    assert sorted(row.ref for row in _rows(s)) == [ANN, Ref("user", WHO)]


def test_in_the_smallest_batches_nothing_is_left_out(s: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "BATCH", 1)
    monkeypatch.setattr(judging, "LOOKED_AT", 1)
    _password(s)
    for number in range(4):
        s.set("credential", f"k{number}", user_id="ann", type="totp", blob=f"{number}")
    s.sync()
    s.delegate(LIMITED.__class__(domains=frozenset({"d2"}), roles=LIMITED.roles))
    while s.site("hub").judge():
        pass
    assert sorted(row.ref.key for row in _rows(s)) == ["ann", "k0", "k1", "k2", "k3"]


def test_beyond_what_a_person_can_look_at_the_rest_waits(s: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "BATCH", 1)
    monkeypatch.setattr(judging, "MOST_UNSEEN", 2)
    for number in range(3):
        s.set("credential", f"k{number}", user_id="ann", type="totp", blob=f"{number}")
    s.sync()
    grant(s, "hub", "UserProject", "ann", "vault", "member")
    s.sync()
    assert [row.ref.key for row in _rows(s)] == ["k0", "k1"] and not s.site("hub").judge()
    _close(s, _rows(s)[0].id)
    s.sync()
    while s.site("hub").judge():
        pass
    assert [row.ref.key for row in _rows(s)] == ["k0", "k1", "k2"]


def test_a_record_that_can_not_be_judged_is_listed_and_stops_no_other(
    s: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = made.act_of

    def act_of(site: str, names: Any, record: Any, content: Any) -> Any:
        if record.ref.key == "odd":
            raise Unforeseen("nobody has foreseen this")
        return honest(site, names, record, content)

    for key in ("k0", "odd", "k1"):
        s.set("credential", key, user_id="ann", type="totp", blob=key)
    s.sync()
    monkeypatch.setattr("keystone_viaduct.sync.site.judging.act_of", act_of)
    grant(s, "hub", "UserProject", "ann", "vault", "member")
    s.sync()
    rows = {row.ref.key: row.explanation for row in _rows(s)}
    assert rows.keys() == {"k0", "odd", "k1"} and "could not be judged again (Unforeseen)" in rows["odd"]
    assert s.store("hub").data.due == {}


def test_the_next_hub_judges_what_the_lost_one_had_still_to_judge(
    s: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    _password(s)
    with monkeypatch.context() as patched:
        patched.setattr(Site, "judge", lambda self: False)
        grant(s, "hub", "UserProject", "ann", "vault", "member")
        s.sync()
    assert _rows(s) == []
    s.site("south").promote()
    s.fleet.elect()
    s.sync()
    assert s.fleet.hub == "south" and [row.ref for row in _rows(s, "south")] == [ANN]


def test_what_is_gone_or_given_back_is_nobodys_way(s: Stage) -> None:
    s.set("credential", "k", user_id="ann", type="totp", blob="x")
    s.sync()
    s.delete("hub", Ref("credential", "k"))
    given = grant(s, "hub", "UserProject", "ann", "vault", "member")
    s.delete("hub", given)
    s.sync()
    assert _rows(s) == [] and s.store("hub").data.due == {}


def test_a_fleet_without_limited_sites_notes_nothing() -> None:
    with staged(LIMITED.__class__()) as s:
        _password(s)
        on = partial(on_the_system, s)
        s.user("hub", WHO, WHO)
        on()
        s.sync()
        data = s.store("hub").data
        assert not data.due and not data.made and not _rows(s)


def test_what_another_hub_has_admitted_is_judged_when_it_comes_from_there(scene: Scene) -> None:
    """The old hub took west's credential for ada while she held nothing; at the new one she holds more."""
    hub = scene.site("hub")
    scene.user("hub", "ada", "ada")
    scene.project("hub", "p", "web")
    hub.write_charter(Charter(delegations={"west": LIMITED_THERE}), hub.charter().edition)
    scene.sync()
    secret = scene.credential("west", "c", "ada")
    scene.talk("west")
    assert scene.row("hub", secret) is not None
    scene.site("south").promote()
    scene.fleet.elect()
    scene.put("south", "role", "admin", name="admin", domain_id=None)
    scene.grant("south", "ada", "p", "admin")
    south = scene.site("south")
    scene.read("south", "west")
    while south.judge():
        pass
    scene.talk("hub")
    while south.judge():
        pass
    scene.equal()
    assert [(row.ref, row.site) for row in scene.conflicts if row.sort == JUDGED] == [(secret, "west")]
