"""Credential blobs: opened with this site's credential keys, closed again with its primary one.

The repository is Keystone's (keystone.common.fernet_utils, keystone.credential.providers.fernet): a folder
of files named by integers, a Fernet key in each; the highest is the primary, every one decrypts, and the null
key comes last. Keystone reads it for every operation, so a key that is placed there counts at once; here the
files are read again when the folder has changed.
"""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Protocol

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from keystone_viaduct.errors import CredentialUnreadable

NULL_KEY = base64.urlsafe_b64encode(b"\0" * 32)
"""What Keystone encrypts with while there is no repository."""


class CredentialCipher(Protocol):
    """Opens and closes a credential's blob."""

    def decrypt(self, blob: str) -> str:
        """The plain text; raises CredentialUnreadable."""

    def encrypt(self, text: str) -> tuple[str, str]:
        """(encrypted blob, key hash) as Keystone stores them."""


class KeyRepositoryCipher:
    """A CredentialCipher over ``[credential] key_repository``."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        self._seen: object = None
        self._fernet = MultiFernet([Fernet(NULL_KEY)])
        self._key_hash = ""

    def decrypt(self, blob: str) -> str:
        """The plain text; raises CredentialUnreadable when no key of the repository fits."""
        self._refresh()
        try:
            return self._fernet.decrypt(blob.encode("utf-8")).decode("utf-8")
        except (InvalidToken, ValueError):
            raise CredentialUnreadable(
                "a credential can't be decrypted",
                hint=f"bring the key that encrypted it back to {self._folder}, or delete the credential",
            ) from None

    def encrypt(self, text: str) -> tuple[str, str]:
        """Encrypted with the primary key, so that ``credential_rotate`` is not blocked by the row."""
        self._refresh()
        return self._fernet.encrypt(text.encode("utf-8")).decode("ascii"), self._key_hash

    def _refresh(self) -> None:
        state = self._state()
        if state == self._seen:
            return
        keys = [key for _, key in sorted(self._keys().items(), reverse=True)]
        keys.append(NULL_KEY)
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._key_hash = hashlib.sha1(keys[0], usedforsecurity=False).hexdigest()
        self._seen = state

    def _state(self) -> object:
        try:
            with os.scandir(self._folder) as entries:
                return sorted((e.name, (s := e.stat()).st_mtime_ns, s.st_size, s.st_ino) for e in entries)
        except FileNotFoundError:
            return None

    def _keys(self) -> dict[int, bytes]:
        """Number -> key; other names and empty files don't count."""
        found: dict[int, bytes] = {}
        if not self._folder.is_dir():
            return found
        for path in self._folder.iterdir():
            try:
                number = int(path.name)
            except ValueError:
                continue
            key = path.read_bytes()
            if key:
                found[number] = key
        return found
