"""Keystone's folders of JWS keys on disk (``token/providers/jws/core.py``).

For each token Keystone lists the folder of public keys and then reads every file in it, whatever its name. So
a file appears there in one step, complete, and none is ever removed or written in place: a key that is to go
gives its file to another key that is there anyway. What this product has written is named ``viaduct-*.pem``;
all others are the site's own.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from keystone_viaduct.errors import BadRequest, KeyRepositoryError
from keystone_viaduct.sync.keyset.public import HeldPublic, by_fingerprint, checked_pem

PREFIX = "viaduct-"


class JwsRepository:
    """The two folders. Files are made in the private one, where Keystone reads one only, and moved."""

    def __init__(self, public: str | os.PathLike[str], private: str | os.PathLike[str]) -> None:
        self.public = Path(public)
        self.private = Path(private)

    def held(self) -> HeldPublic:
        """What is there. Raises KeyRepositoryError."""
        given, own = self._files()
        own_keys = by_fingerprint([*own.values(), *self._signing()])
        return HeldPublic(own_keys, frozenset(own_keys) | frozenset(by_fingerprint(given.values())))

    def given(self) -> list[str]:
        """The keys that were given to the site. Raises KeyRepositoryError."""
        return list(self._files()[0].values())

    def take(self, keys: Iterable[str]) -> None:
        """Have these beside the site's own, and no others. Raises KeyRepositoryError."""
        given, own = self._files()
        others = [pem for pem in dict.fromkeys(keys) if pem not in own.values()]
        spare, kept = [], set()
        for name, pem in sorted(given.items()):
            if pem in others and pem not in kept:
                kept.add(pem)
            else:
                spare.append(name)
        for pem in others:
            if pem not in kept:
                self._write(spare.pop(0) if spare else self._free(given), pem)
                given, _ = self._files()
        filler = next(iter([*own.values(), *others]), None)
        for name in spare:
            if filler is not None and given[name] != filler:
                self._write(name, filler)

    def _files(self) -> tuple[dict[str, str], dict[str, str]]:
        """File -> key: what was given to the site, and its own."""
        try:
            found = {path.name: path.read_text("ascii") for path in self.public.iterdir()}
        except (OSError, UnicodeDecodeError) as error:
            raise KeyRepositoryError(
                f"the folder of public keys {self.public} can't be read: {error}",
                hint="`keystone-manage create_jws_keypair` makes a pair; Keystone's user must own the folder",
            ) from error
        keys = {name: self._checked(name, text) for name, text in found.items()}
        given = {name: pem for name, pem in keys.items() if name.startswith(PREFIX)}
        return given, {name: pem for name, pem in keys.items() if name not in given}

    def _checked(self, name: str, text: str) -> str:
        try:
            return checked_pem(text, name)
        except BadRequest as error:
            raise KeyRepositoryError(
                f"{self.public / name} is no public key for JWS",
                hint="Keystone reads every file there: take it away",
            ) from error

    def _signing(self) -> list[str]:
        """The public half of the key that the site signs with."""
        file = self.private / "private.pem"
        try:
            key = load_pem_private_key(file.read_bytes(), None)
            pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
            return [checked_pem(pem, "private.pem")]
        except (OSError, ValueError, TypeError, BadRequest) as error:
            raise KeyRepositoryError(
                f"the private key {file} can't be read: {error}",
                hint="`keystone-manage create_jws_keypair` makes a pair; Keystone's user must own it",
            ) from error

    def _free(self, given: Mapping[str, str]) -> str:
        number = 1
        while f"{PREFIX}{number:04}.pem" in given:
            number += 1
        return f"{PREFIX}{number:04}.pem"

    def _write(self, name: str, pem: str) -> None:
        try:
            descriptor, temporary = tempfile.mkstemp(dir=self.private, prefix=".new-")
            try:
                with os.fdopen(descriptor, "w", encoding="ascii") as file:
                    file.write(pem + "\n")
                    file.flush()
                    os.fchmod(file.fileno(), 0o644)
                    os.fsync(file.fileno())
                os.replace(temporary, self.public / name)
            except BaseException:
                os.unlink(temporary)
                raise
        except OSError as error:
            raise KeyRepositoryError(
                f"a public key can't be written to {self.public}: {error}",
                hint="Keystone's user needs to write there and to the folder of the private key, both on one "
                "file system",
            ) from error
