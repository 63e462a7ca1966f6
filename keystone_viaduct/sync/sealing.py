"""Keeps secrets closed: on their way to one site, and at rest in our own tables.

A site has an exchange key pair (X25519; others seal for its public half) and storage keys (symmetric; close
what our tables hold). A page of changes is sealed with a random page key of its own, which alone is sealed
for the receiver, so that a page costs one public-key operation however many secrets it carries.

The key repository is a folder with two numbered series, as in Keystone's Fernet repositories: ``exchange/1``
and ``storage/1``; the highest number is used for new secrets, all can open. One key per file, 32 bytes in
base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import stat
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nacl.exceptions import CryptoError
from nacl.public import Box, PrivateKey, PublicKey, SealedBox
from nacl.secret import Aead
from nacl.signing import SigningKey, VerifyKey
from nacl.utils import random

from keystone_viaduct.errors import SealingError
from keystone_viaduct.kinds.raw import dumps, parse

EXCHANGE = "exchange"
STORAGE = "storage"
SERIES = (EXCHANGE, STORAGE)
KEY_BYTES = 32
#: What is derived, and what is signed, is good for nothing else.
_SIGNING, _SIGNED = b"viaduct signing", b"viaduct statement\n"
_NUMBER = re.compile(r"[0-9]{1,9}\Z")


class KeyRing:
    """A site's keys. ``exchange`` and ``storage``: number -> 32 bytes; the highest number is current."""

    def __init__(self, exchange: Mapping[int, bytes], storage: Mapping[int, bytes]) -> None:
        if not exchange or not storage:
            raise SealingError("the key ring is empty", hint="run `viaduct init`")
        self._exchange = {number: PrivateKey(key) for number, key in sorted(exchange.items(), reverse=True)}
        self._secrets = dict(storage)
        current = [key for _, key in sorted(exchange.items(), reverse=True)]
        self.signer = Signer([hmac.new(key, _SIGNING, hashlib.sha256).digest() for key in current])
        self._storage = {number: Aead(key) for number, key in sorted(storage.items(), reverse=True)}

    @classmethod
    def generate(cls) -> KeyRing:
        """A fresh ring that is not stored anywhere."""
        return cls({1: random(KEY_BYTES)}, {1: random(KEY_BYTES)})

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> KeyRing:
        """Read a key repository. Raises SealingError if a key is missing or unreadable."""
        return cls(*(_read_series(Path(folder), series) for series in SERIES))

    @property
    def public_key(self) -> bytes:
        """What others seal for this site with (32 bytes)."""
        return bytes(next(iter(self._exchange.values())).public_key)

    @property
    def storage_number(self) -> int:
        """Number of the storage key that new secrets are closed with."""
        return next(iter(self._storage))

    def derived(self, use: str) -> bytes:
        """A key of 32 bytes that nobody but this site can make, for one use; it changes with the keys."""
        number = self.storage_number
        return hmac.new(self._secrets[number], f"viaduct {use}".encode(), hashlib.sha256).digest()

    def open_sealed(self, sealed: bytes) -> bytes:
        """Open what was sealed for this site by :func:`seal`, with any exchange key that is still here."""
        for key in self._exchange.values():
            try:
                return SealedBox(key).decrypt(sealed)
            except (CryptoError, ValueError, TypeError):
                continue
        raise SealingError(
            "a secret was sealed for another key than this site has",
            hint="the peer knows an old public key of this site: register it anew",
        )

    def proofs(self, receiver: bytes, site: str) -> list[bytes]:
        """That the present public keys are this site's: closed with each key of it, for one receiver.

        Its own public key is shown by the older ones, and once more together with the key for signatures.
        """
        key, signing = self.public_key, self.signer.keys[0]
        told = [_statement(site, key), _statement(site, key, signing)]
        found = [(own, one) for own in self._exchange.values() for one in told]
        return [bytes(Box(own, PublicKey(receiver)).encrypt(one)) for own, one in found[1:]]

    def is_proven(
        self, known: bytes, site: str, public_key: bytes, proofs: Sequence[bytes], signing_key: str = ""
    ) -> bool:
        """Whether whoever has the private half of ``known`` says that these are that site's keys now."""
        told = _statement(site, public_key, signing_key)
        return any(_opened(key, known, proof) == told for proof in proofs for key in self._exchange.values())

    def encrypt(self, plain: bytes, context: str = "") -> bytes:
        """Close something for our own tables; ``context`` is where it stands, and needed again to open it."""
        number, box = next(iter(self._storage.items()))
        return number.to_bytes(4, "big") + bytes(box.encrypt(plain, context.encode()))

    def decrypt(self, closed: bytes, context: str = "") -> bytes:
        """The opposite of :meth:`encrypt`. Raises SealingError."""
        number = int.from_bytes(closed[:4], "big")
        box = self._storage.get(number)
        if box is None:
            raise SealingError(
                f"storage key {number} is not in the key repository",
                hint="restore it from the backup of the host",
            )
        try:
            return bytes(box.decrypt(closed[4:], context.encode()))
        except (CryptoError, ValueError) as error:
            raise SealingError(
                "a stored secret can't be opened",
                hint="its storage key was replaced, or the row was changed by hand",
            ) from error


class Signer:
    """A site's keys for signatures (Ed25519), the present one first. They are derived from its exchange keys:
    they are renewed, kept and dropped together, and there is no other file to lose.
    """

    def __init__(self, seeds: Sequence[bytes]) -> None:
        found = [SigningKey(seed) for seed in seeds]
        self._keys = {bytes(key.verify_key).hex(): key for key in found}

    @property
    def keys(self) -> tuple[str, ...]:
        """The public halves, in hexadecimal."""
        return tuple(self._keys)

    def sign(self, text: str) -> dict[str, str]:
        """One signature with each: who has not heard of the present key yet checks an older one."""
        plain = _SIGNED + text.encode()
        return {
            name: base64.b64encode(bytes(key.sign(plain).signature)).decode()
            for name, key in self._keys.items()
        }


def verifies(key: str, text: str, signature: str) -> bool:
    """Whether the holder of a public key has signed the text; False for what is no key or no signature."""
    try:
        plain = _SIGNED + text.encode()
        VerifyKey(bytes.fromhex(key)).verify(plain, base64.b64decode(signature, validate=True))
        return True
    except (CryptoError, ValueError, TypeError):
        return False


def _statement(site: str, public_key: bytes, signing_key: str = "") -> bytes:
    return b"viaduct public key\n" + site.encode() + b"\n" + public_key + bytes.fromhex(signing_key)


def _opened(own: PrivateKey, theirs: bytes, closed: bytes) -> bytes:
    try:
        return bytes(Box(own, PublicKey(theirs)).decrypt(closed))
    except (CryptoError, ValueError, TypeError):
        return b""


def key_fingerprint(public_key: bytes) -> str:
    """What people compare: the first 32 hexadecimal digits of a digest."""
    return hashlib.sha256(public_key).hexdigest()[:32]


def is_public_key(key: bytes) -> bool:
    """Whether something can be sealed for it: some points of the curve, such as zero, are nobody's."""
    try:
        return bool(SealedBox(PublicKey(key)).encrypt(b""))
    except (CryptoError, ValueError, TypeError):
        return False


def seal(public_key: bytes, plain: bytes) -> bytes:
    """Close something so that only the holder of that exchange key can open it."""
    if len(public_key) != KEY_BYTES:
        raise SealingError(
            f"a public key has {KEY_BYTES} bytes, not {len(public_key)}", hint="register that site anew"
        )
    return bytes(SealedBox(PublicKey(public_key)).encrypt(plain))


def _context(place: str) -> bytes:
    """The name of a field may have half of a surrogate pair."""
    return place.encode("utf-8", "surrogatepass")


class PageSealer:
    """Seals the secret fields of one page for one receiver. ``header`` travels with the page."""

    def __init__(self, receiver_public_key: bytes) -> None:
        key = random(KEY_BYTES)
        self._box = Aead(key)
        self.header = base64.b64encode(seal(receiver_public_key, key)).decode()

    def seal(self, value: Any, context: str) -> str:
        """One value as text; ``context`` (``kind/key/field``) binds it to its place in the page."""
        return self.close(dumps(value, compact=True).encode(), context)

    def close(self, plain: bytes, context: str) -> str:
        """The same with any bytes."""
        return base64.b64encode(bytes(self._box.encrypt(plain, _context(context)))).decode()


class PageOpener:
    """Opens what a :class:`PageSealer` has sealed. Raises SealingError."""

    def __init__(self, ring: KeyRing, header: str) -> None:
        try:
            self._box = Aead(ring.open_sealed(base64.b64decode(header, validate=True)))
        except (binascii.Error, ValueError, TypeError) as error:
            raise SealingError(
                "the page's sealing header is malformed", hint="is it a Viaduct that sends it?"
            ) from error

    def open(self, sealed: str, context: str) -> Any:
        """The value."""
        try:
            return parse(self.unclose(sealed, context).decode())
        except ValueError as error:
            raise SealingError(
                f"the secret of {context} is no value", hint="is it a Viaduct that sends it?", context=context
            ) from error

    def unclose(self, sealed: str, context: str) -> bytes:
        """What :meth:`PageSealer.close` has closed."""
        try:
            return bytes(self._box.decrypt(base64.b64decode(sealed, validate=True), _context(context)))
        except (binascii.Error, CryptoError, ValueError, TypeError) as error:
            raise SealingError(
                f"the secret of {context} can't be opened",
                hint="it was changed on its way, or sealed for another place",
                context=context,
            ) from error


def create_keys(folder: str | os.PathLike[str], owner: tuple[int, int] | None = None) -> list[Path]:
    """Make what a key repository lacks (folders 0700, files 0600); returns the new files. Idempotent.

    ``owner``: the user and group that what is made shall belong to; only root can give it away.
    """
    made: list[Path] = []
    for place in (Path(folder), *(Path(folder) / series for series in SERIES)):
        if not place.is_dir():
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if owner is not None and os.geteuid() == 0:
                os.chown(place, *owner)
    for series in SERIES:
        place = Path(folder) / series
        if not _numbered(place):
            made.append(_place_key(place, 1))
    return made


def add_keys(folder: str | os.PathLike[str]) -> list[Path]:
    """A further key in each series, for new secrets from now on; the older ones go on opening theirs."""
    made: list[Path] = []
    for series in SERIES:
        place = Path(folder) / series
        made.append(_place_key(place, max(_numbered(place), default=0) + 1))
    return made


def old_keys(folder: str | os.PathLike[str]) -> list[Path]:
    """All but the current key of each series."""
    found: list[Path] = []
    for series in SERIES:
        numbered = _numbered(Path(folder) / series)
        found += [path for number, path in sorted(numbered.items()) if number != max(numbered)]
    return found


def drop_old_keys(folder: str | os.PathLike[str]) -> list[Path]:
    """Remove all but the current key of each series; what they alone could open is closed for good."""
    gone = old_keys(folder)
    for path in gone:
        path.unlink()
    return gone


def key_stamp(folder: str | os.PathLike[str]) -> tuple[int, ...]:
    """Changes when a key was added or removed (nanoseconds, 0 where nothing is); no key is read for it."""
    places = [Path(folder) / series for series in SERIES]
    return tuple(place.stat().st_mtime_ns if place.is_dir() else 0 for place in places)


def missing_keys(folder: str | os.PathLike[str]) -> list[str]:
    """The series of a key repository that have no key yet."""
    return [series for series in SERIES if not _numbered(Path(folder) / series)]


def exposed_keys(folder: str | os.PathLike[str]) -> list[Path]:
    """Files and folders of a key repository that others than their owner may touch."""
    places = [Path(folder) / series for series in SERIES]
    found = [place for place in places if place.exists()]
    found += [path for place in found for path in _numbered(place).values()]
    return [path for path in found if stat.S_IMODE(path.stat().st_mode) & 0o077]


def owned_by_others(folder: str | os.PathLike[str], uid: int) -> list[Path]:
    """Files and folders of a key repository that belong to another user than that one."""
    places = [Path(folder), *(Path(folder) / series for series in SERIES)]
    found = [place for place in places if place.is_dir()]
    found += [path for place in found[1:] for path in _numbered(place).values()]
    return [path for path in found if path.stat().st_uid != uid]


def _numbered(place: Path) -> dict[int, Path]:
    if not place.is_dir():
        return {}
    return {int(path.name): path for path in place.iterdir() if _NUMBER.match(path.name) and path.is_file()}


def _read_series(folder: Path, series: str) -> dict[int, bytes]:
    try:
        files = _numbered(folder / series)
        keys = {number: base64.b64decode(path.read_bytes(), validate=True) for number, path in files.items()}
    except (OSError, binascii.Error) as error:
        raise SealingError(
            f"a key in {folder / series} can't be read: {error}", hint="run as the user that runs Keystone"
        ) from error
    if not keys:
        raise SealingError(
            f"the key repository {folder} has no {series} key",
            hint="run `viaduct init`, or set [viaduct] key_repository",
            folder=str(folder),
        )
    for number, key in keys.items():
        if len(key) != KEY_BYTES:
            raise SealingError(
                f"{folder / series / str(number)} is not a key of {KEY_BYTES} bytes",
                hint="restore it from the backup of the host",
            )
    return keys


def _place_key(place: Path, number: int) -> Path:
    """Write a key beside its name and link it there: never half a file, never over an existing key. It
    belongs to whom the folder belongs to, also when root makes it.
    """
    target, owner = place / str(number), place.stat()
    descriptor, temporary = tempfile.mkstemp(dir=place, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(random(KEY_BYTES)))
            file.flush()
            os.fsync(file.fileno())
        if os.geteuid() == 0 and owner.st_uid != 0:
            os.chown(temporary, owner.st_uid, owner.st_gid)
        os.link(temporary, target)
    except FileExistsError:
        return target
    finally:
        os.unlink(temporary)
    return target
