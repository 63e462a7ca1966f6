"""Secrets are open to the receiver and to nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystone_viaduct.errors import SealingError
from keystone_viaduct.sync import sealing
from keystone_viaduct.sync.sealing import KeyRing, PageOpener, PageSealer, seal, verifies

json_values: st.SearchStrategy[Any] = st.none() | st.integers() | st.text() | st.lists(st.text())


@given(st.lists(json_values, max_size=4))
def test_a_page_is_opened_by_its_receiver(values: list[Any]) -> None:
    ring = KeyRing.generate()
    sealer = PageSealer(ring.public_key)
    sealed = [sealer.seal(value, f"user/{number}/passwords") for number, value in enumerate(values)]
    opener = PageOpener(ring, sealer.header)
    assert [opener.open(text, f"user/{number}/passwords") for number, text in enumerate(sealed)] == values


def test_another_site_can_not_open_it() -> None:
    sealer = PageSealer(KeyRing.generate().public_key)
    with pytest.raises(SealingError, match="another key"):
        PageOpener(KeyRing.generate(), sealer.header)


def test_a_secret_can_not_be_moved_to_another_record() -> None:
    ring = KeyRing.generate()
    sealer = PageSealer(ring.public_key)
    sealed = sealer.seal("hash", "user/mallory/passwords")
    with pytest.raises(SealingError, match="user/admin/passwords"):
        PageOpener(ring, sealer.header).open(sealed, "user/admin/passwords")


@pytest.mark.parametrize("text", ["", "?", "AAAA", "ü"])
def test_malformed_seals_are_refused(text: str) -> None:
    ring = KeyRing.generate()
    with pytest.raises(SealingError):
        PageOpener(ring, text)
    with pytest.raises(SealingError):
        PageOpener(ring, PageSealer(ring.public_key).header).open(text, "c")


def test_what_is_stored_is_not_readable_and_bound_to_its_place() -> None:
    ring = KeyRing.generate()
    closed = ring.encrypt(b"secret", "user/a")
    assert b"secret" not in closed and ring.decrypt(closed, "user/a") == b"secret"
    with pytest.raises(SealingError):
        ring.decrypt(closed, "user/b")
    with pytest.raises(SealingError, match="not in the key repository"):
        ring.decrypt(b"\0\0\0\7" + closed[4:], "user/a")


def test_a_public_key_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(SealingError):
        seal(b"short", b"x")


def test_keys_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    assert sealing.missing_keys(folder) == ["exchange", "storage"]
    made = sealing.create_keys(folder)
    assert [path.relative_to(folder).as_posix() for path in made] == ["exchange/1", "storage/1"]
    assert sealing.exposed_keys(folder) == [] and sealing.missing_keys(folder) == []
    before = KeyRing.load(folder).public_key
    assert sealing.create_keys(folder) == []
    assert KeyRing.load(folder).public_key == before
    (folder / "storage" / "1").chmod(0o644)
    assert sealing.exposed_keys(folder) == [folder / "storage" / "1"]


def test_the_highest_number_is_used_and_all_can_open(tmp_path: Path) -> None:
    sealing.create_keys(tmp_path)
    old = KeyRing.load(tmp_path)
    closed, sealed = old.encrypt(b"x"), seal(old.public_key, b"y")
    for series in sealing.SERIES:
        sealing._place_key(tmp_path / series, 2)
    ring = KeyRing.load(tmp_path)
    assert ring.public_key != old.public_key
    assert (ring.decrypt(closed), ring.open_sealed(sealed)) == (b"x", b"y")
    with pytest.raises(SealingError):
        old.decrypt(ring.encrypt(b"z"))


@pytest.mark.parametrize("content", [b"", b"not base64!", b"AAAA"])
def test_a_broken_key_file_is_named(tmp_path: Path, content: bytes) -> None:
    sealing.create_keys(tmp_path)
    (tmp_path / "exchange" / "1").write_bytes(content)
    with pytest.raises(SealingError, match="exchange"):
        KeyRing.load(tmp_path)


def test_a_missing_repository_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SealingError) as caught:
        KeyRing.load(tmp_path / "none")
    assert "viaduct init" in caught.value.hint


def test_a_new_public_key_is_proven_by_who_has_the_one_before_and_by_nobody_else() -> None:
    """For one receiver, and for that site and key only."""
    old, new, hub = b"o" * 32, b"n" * 32, KeyRing({1: b"h" * 32, 2: b"i" * 32}, {1: b"s" * 32})
    before, after = KeyRing({1: old}, {1: b"s" * 32}), KeyRing({1: old, 2: new}, {1: b"s" * 32})
    for receiver in (hub.public_key, KeyRing({1: b"h" * 32}, {1: b"s" * 32}).public_key):
        proofs = after.proofs(receiver, "west")
        assert hub.is_proven(before.public_key, "west", after.public_key, proofs)
        assert not hub.is_proven(before.public_key, "south", after.public_key, proofs)
        assert not hub.is_proven(before.public_key, "west", hub.public_key, proofs)
        assert not hub.is_proven(after.public_key, "west", after.public_key, proofs)
    stranger = KeyRing.generate()
    forged = KeyRing({1: b"x" * 32, 2: new}, {1: b"s" * 32}).proofs(hub.public_key, "west")
    assert not hub.is_proven(before.public_key, "west", after.public_key, forged)
    assert not stranger.is_proven(
        before.public_key, "west", after.public_key, after.proofs(hub.public_key, "west")
    )
    assert not hub.is_proven(before.public_key, "west", after.public_key, [b"", b"x" * 100])
    assert not hub.is_proven(
        before.public_key, "west", before.public_key, before.proofs(hub.public_key, "west")
    )


def test_a_new_key_for_signatures_is_proven_by_who_has_the_public_key_before_it_or_the_present_one() -> None:
    old, new = b"o" * 32, b"n" * 32
    hub, after = KeyRing.generate(), KeyRing({1: old, 2: new}, {1: b"s" * 32})
    proofs, signing = after.proofs(hub.public_key, "west"), after.signer.keys[0]
    for known in (KeyRing({1: old}, {1: b"s" * 32}).public_key, after.public_key):
        assert hub.is_proven(known, "west", after.public_key, proofs, signing)
        assert not hub.is_proven(known, "west", after.public_key, proofs, hub.signer.keys[0])
        assert not hub.is_proven(known, "south", after.public_key, proofs, signing)


def test_a_text_is_signed_with_each_key_that_is_left_and_with_no_other() -> None:
    before = KeyRing({1: b"o" * 32}, {1: b"s" * 32})
    after = KeyRing({1: b"o" * 32, 2: b"n" * 32}, {1: b"s" * 32})
    (old,), (new, kept) = before.signer.keys, after.signer.keys
    assert kept == old
    found = after.signer.sign("text")
    assert verifies(old, "text", found[old]) and verifies(new, "text", found[new])
    assert not verifies(old, "text", found[new])
    assert not verifies(old, "another", found[old])
    assert not any(verifies(key, "text", found[old]) for key in ("", "zz", "00" * 32, "ab"))
    assert not any(verifies(old, "text", bad) for bad in ("", "!", found[old][:-4], found[old] + "AAAA"))
