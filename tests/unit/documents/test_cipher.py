"""Credential keys: the same files, the same blobs as Keystone's own provider."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from keystone_viaduct.documents.cipher import NULL_KEY, KeyRepositoryCipher
from keystone_viaduct.errors import CredentialUnreadable

pytest.importorskip("keystone")
import keystone.conf
from keystone.credential.providers.fernet.core import Provider


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that Keystone is configured to use, with a staged and a primary key."""
    keystone.conf.configure()
    folder = tmp_path / "credential-keys"
    folder.mkdir(mode=0o700)
    for name in ("0", "1"):
        (folder / name).write_bytes(Fernet.generate_key())
    keystone.conf.CONF([], project="keystone", default_config_files=[])
    keystone.conf.CONF.set_override("key_repository", str(folder), "credential")
    return folder


def test_keystone_opens_what_we_close_and_finds_its_own_key_hash(repository: Path) -> None:
    blob, key_hash = KeyRepositoryCipher(repository).encrypt("sécret")
    assert Provider().decrypt(blob) == "sécret"
    assert key_hash == Provider().encrypt("x")[1]


def test_we_open_what_keystone_closed(repository: Path) -> None:
    blob, _ = Provider().encrypt("sécret")
    assert KeyRepositoryCipher(repository).decrypt(blob.decode()) == "sécret"


def test_a_key_that_is_placed_counts_at_once(repository: Path) -> None:
    cipher = KeyRepositoryCipher(repository)
    old, old_hash = cipher.encrypt("a")
    (repository / "10").write_bytes(Fernet.generate_key())
    assert cipher.encrypt("a")[1] != old_hash
    assert cipher.encrypt("a")[1] == Provider().encrypt("a")[1]
    assert cipher.decrypt(old) == "a"


def test_names_that_are_no_numbers_and_empty_files_are_ignored(repository: Path) -> None:
    cipher = KeyRepositoryCipher(repository)
    _, key_hash = cipher.encrypt("a")
    (repository / "7.tmp").write_bytes(b"half a key")
    (repository / "8").write_bytes(b"")
    assert cipher.encrypt("a")[1] == key_hash


def test_without_a_repository_the_null_key_is_used(tmp_path: Path) -> None:
    cipher = KeyRepositoryCipher(tmp_path / "missing")
    blob, _ = cipher.encrypt("a")
    assert Fernet(NULL_KEY).decrypt(blob.encode()) == b"a"
    assert cipher.decrypt(blob) == "a"


def test_a_blob_that_no_key_opens_is_an_error_that_does_not_show_it(repository: Path) -> None:
    blob = Fernet(Fernet.generate_key()).encrypt(b"a").decode()
    with pytest.raises(CredentialUnreadable, match="delete the credential") as caught:
        KeyRepositoryCipher(repository).decrypt(blob)
    assert blob not in str(caught.value)
