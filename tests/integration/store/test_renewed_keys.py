"""A site's own keys are renewed: everything that it keeps closed opens with the new ones alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from keystone_viaduct.errors import SealingError
from keystone_viaduct.sync.keyset.model import Keyset, new_key
from keystone_viaduct.sync.model import Change, Conflict, Dot, Pending, Record, Ref, Version, life
from keystone_viaduct.sync.sealing import KeyRing, add_keys, create_keys, drop_old_keys, key_stamp, seal
from keystone_viaduct.sync.store import SqlStore, SqlTransaction
from keystone_viaduct.sync.store.reclose import reclose
from keystone_viaduct.sync.store.tables import site_table

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb")

DOT = Dot("west#1", 1)
REF = Ref("user", "u1")
FIELDS = {"@deleted": life(1, DOT, deleted=False)}


def fill(tx: SqlTransaction) -> None:
    """One secret of each sort."""
    version = Version({DOT.origin: 1})
    tx.save_records([Record(REF, 1, version, DOT, FIELDS, unknown={"new_field": "carried"})])
    change = Change(REF, 1, version, DOT, FIELDS, {"extra.x": "waiting"})
    tx.save_pending("west", [Pending("west", change, "reference")], [])
    tx.add_conflicts([Conflict("c1", REF, "concurrent", "hub", "why", ("x",), "west", 1, {"x": "lost"})])
    tx.save_keyset("tokens", Keyset(1, new_key(), new_key()))


def test_what_is_closed_opens_with_the_new_keys_alone(site: SqlStore, tmp_path: Path) -> None:
    create_keys(tmp_path)
    state = site.run(lambda tx: tx.state())
    site.ring = KeyRing.load(tmp_path)
    site.run(lambda tx: tx.connection.execute(site_table.delete()))
    site.run(lambda tx: tx.create_state(state))
    site.run(fill)
    before = key_stamp(tmp_path)
    add_keys(tmp_path)
    assert key_stamp(tmp_path) != before
    site.ring = KeyRing.load(tmp_path)
    assert site.run(lambda tx: reclose(tx, 1)) == 1  # interrupted, and taken up
    assert site.run(reclose) == 3
    assert site.run(reclose) == 0
    assert len(drop_old_keys(tmp_path)) == 2
    site.ring = KeyRing.load(tmp_path)
    assert site.run(lambda tx: tx.records([REF]))[REF].unknown == {"new_field": "carried"}
    assert site.run(lambda tx: tx.pending("west"))[0].change.document == {"extra.x": "waiting"}
    found = site.run(lambda tx: tx.conflict("c1"))
    assert found is not None and found.lost == {"x": "lost"}
    assert site.run(lambda tx: tx.keyset("tokens")) is not None
    assert site.run(lambda tx: tx.state()).fleet_secret


def test_what_was_sealed_for_the_old_key_opens_until_it_is_dropped(tmp_path: Path) -> None:
    create_keys(tmp_path)
    sealed = seal(KeyRing.load(tmp_path).public_key, b"secret")
    add_keys(tmp_path)
    ring = KeyRing.load(tmp_path)
    assert ring.open_sealed(sealed) == b"secret"
    assert ring.open_sealed(seal(ring.public_key, b"new")) == b"new"
    drop_old_keys(tmp_path)
    with pytest.raises(SealingError):
        KeyRing.load(tmp_path).open_sealed(sealed)


def test_a_site_that_becomes_the_hub_again_goes_by_no_keys_of_its_earlier_term(site: SqlStore) -> None:
    """They may have been rotated away since; nobody has confirmed anything in the new term."""
    own, heard = Keyset(7, new_key(), new_key(), promoted_at=4), Keyset(2, new_key(), new_key(), heard=True)
    site.run(lambda tx: tx.save_keyset("tokens", own))
    site.run(lambda tx: tx.save_keyset("receipts", heard))
    site.run(lambda tx: tx.save_public_keys([]))
    site.run(lambda tx: tx.save_confirmation("tokens", "west", "ab" * 16, 5))
    site.run(lambda tx: tx.doubt_keysets())
    assert site.run(lambda tx: tx.keyset("tokens")) == replace(own, heard=True)
    assert site.run(lambda tx: tx.keyset("receipts")) == heard
    assert site.run(lambda tx: (tx.public_keys(), tx.confirmations("tokens"))) == (None, {})
