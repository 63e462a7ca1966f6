"""Public keys of JWS tokens: whose they are, how long they are kept, and how a site's folder is changed."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from keystone_viaduct.errors import BadRequest, KeyRepositoryError
from keystone_viaduct.sync.keyset.jws import JwsRepository
from keystone_viaduct.sync.keyset.model import fingerprint
from keystone_viaduct.sync.keyset.public import (
    PublicKey,
    checked_pem,
    gathered,
    pruned,
    public_from_json,
    public_to_json,
)

LIFE = 100


def pair() -> tuple[str, str]:
    """A private and a public key in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return private, key.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    ).decode().strip()


@pytest.fixture
def site(tmp_path: Path) -> tuple[JwsRepository, str]:
    """A site with one key of its own, and that key."""
    private, public = pair()
    for name in ("public", "private"):
        (tmp_path / name).mkdir()
    (tmp_path / "private/private.pem").write_text(private)
    (tmp_path / "public/mine.pem").write_text(public + "\n")
    return JwsRepository(tmp_path / "public", tmp_path / "private"), public


def test_a_key_is_kept_for_as_long_as_a_token_lives_after_its_site_took_it_away() -> None:
    keys = gathered((), "west", ["a", "b"], 10)
    assert keys == (PublicKey("a", "west"), PublicKey("b", "west"))
    keys = gathered(keys, "west", ["b"], 20)
    assert keys == (PublicKey("a", "west", 20), PublicKey("b", "west"))
    assert gathered(keys, "west", ["b"], 30) == keys, "its time began once"
    assert gathered(keys, "west", ["a", "b"], 30)[0].since is None, "it is in use again"
    everybody = ["west", "hub"]
    assert pruned(keys, everybody, everybody, now=119, lifetime=LIFE) == keys
    assert pruned(keys, everybody, everybody, now=120, lifetime=LIFE) == keys[1:]
    assert public_from_json(public_to_json(keys)) == keys


def test_a_key_of_two_sites_stays_while_one_of_them_has_it() -> None:
    keys = gathered(gathered((), "west", ["a"], 1), "hub", ["a"], 1)
    keys = gathered(keys, "west", [], 5)
    assert pruned(keys, ["west", "hub"], ["west", "hub"], now=999, lifetime=LIFE) == (PublicKey("a", "hub"),)


def test_the_tokens_of_a_retired_site_live_on_those_of_one_that_is_not_trusted_end() -> None:
    keys = (PublicKey("a", "gone"), PublicKey("b", "limited"), PublicKey("c", "hub"))
    kept = pruned(keys, ["hub"], ["hub", "limited"], now=50, lifetime=LIFE)
    assert kept == (PublicKey("a", "gone", 50), PublicKey("c", "hub"))
    assert pruned(kept, ["hub"], ["hub", "limited"], now=150, lifetime=LIFE) == (PublicKey("c", "hub"),)


def test_only_public_keys_for_jws_are_taken() -> None:
    _, public = pair()
    assert checked_pem(public.replace("\n", "\r\n") + "\r\n", "key") == public
    edwards = ed25519.Ed25519PrivateKey.generate().public_key()
    assert checked_pem(
        edwards.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(), "key"
    ).startswith("-----BEGIN PUBLIC KEY")
    other = rsa.generate_private_key(65537, 2048).public_key()
    strange = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for bad in (strange, "", "key", public[:-40], pair()[0], 7, None, "\u00e9", public * 20):
        with pytest.raises(BadRequest, match="no public key"):
            checked_pem(bad, "key")


def test_a_site_gets_keys_and_loses_them_without_losing_a_file(site: tuple[JwsRepository, str]) -> None:
    repository, own = site
    first, second, third = (pair()[1] for _ in range(3))
    repository.take([own, first, second])
    held = repository.held()
    assert held.held == {fingerprint(key) for key in (own, first, second)}
    assert held.own == {fingerprint(own): own}
    files = set(os.listdir(repository.public))
    repository.take([third])
    assert repository.held().held == {fingerprint(own), fingerprint(third)}
    assert set(os.listdir(repository.public)) == files, "no file goes, and none comes where one is free"
    assert sorted(repository.given()) == sorted([third, own])
    repository.take([])
    assert repository.held().held == {fingerprint(own)}
    assert os.listdir(repository.private) == ["private.pem"]


def test_the_key_that_a_site_signs_with_is_its_own_wherever_its_file_is(
    site: tuple[JwsRepository, str],
) -> None:
    repository, own = site
    private, public = pair()
    (repository.private / "private.pem").write_text(private)
    assert set(repository.held().own.values()) == {own, public}


def test_a_reader_never_meets_half_a_file_or_one_that_is_gone(site: tuple[JwsRepository, str]) -> None:
    """As Keystone reads: it lists the folder, then opens every file in it."""
    repository, own = site
    keys = [pair()[1] for _ in range(6)]
    ended, seen, failures = threading.Event(), [0], []

    def read() -> None:
        while not ended.is_set():
            try:
                for name in os.listdir(repository.public):
                    checked_pem((repository.public / name).read_text(), name)
                seen[0] += 1
            except (OSError, BadRequest) as error:
                failures.append(repr(error))

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(30):
        repository.take([own, *keys[turn % 6 :], *keys[: turn % 3]])
    ended.set()
    reader.join()
    assert not failures and seen[0] > 0


@pytest.mark.parametrize("what", ["public/strange.pem", "private/private.pem"])
def test_what_is_no_key_is_named(site: tuple[JwsRepository, str], what: str) -> None:
    repository, _ = site
    (repository.public.parent / what).write_text("nothing")
    with pytest.raises(KeyRepositoryError, match=what):
        repository.held()
