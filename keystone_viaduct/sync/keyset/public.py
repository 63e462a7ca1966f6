"""Public keys by which sites know each other's JWS tokens; no I/O.

Each site signs with a private key of its own, which never leaves it; every other site needs the public one.
A key is known everywhere before its site signs with it, and for as long as a token lives after its site has
taken it away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from keystone_viaduct.errors import BadRequest
from keystone_viaduct.sync.keyset.model import HeldKeys, fingerprint
from keystone_viaduct.sync.statement import Statement

#: Under this name the hub keeps them among its keysets, and who has them.
JWS = "jws"
#: Characters of a key (the largest curve needs some 270), and how many one site may have.
LONGEST, MOST = 2000, 20


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key in PEM, and a site that has it as its own ('' where that is not known).

    ``since`` (microseconds): from when on the site did not have it any more; None while it does.
    """

    pem: str
    site: str
    since: int | None = None


@dataclass(frozen=True, slots=True)
class PublicFleet:
    """What the hub says of the fleet's public keys.

    ``keys``: fingerprint -> PEM; ``owners``: fingerprint -> site -> since (see :class:`PublicKey`); ``sites``
    shall have them all, ``trusted`` are those of them whose own count, ``confirmed`` those that were seen to
    have them, and when (microseconds). ``statement``: with which the hub has signed them.
    """

    keys: Mapping[str, str]
    owners: Mapping[str, Mapping[str, int | None]]
    sites: tuple[str, ...]
    trusted: frozenset[str]
    confirmed: Mapping[str, int]
    statement: Statement | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """The sites that lack a key, or have one too many."""
        return tuple(site for site in self.sites if site not in self.confirmed)

    def of(self, site: str) -> frozenset[str]:
        """Fingerprints of the keys that a site has as its own."""
        return frozenset(f for f, owners in self.owners.items() if owners.get(site, 0) is None)


@dataclass(frozen=True, slots=True)
class HeldPublic:
    """What a site has: its ``own`` keys (fingerprint -> PEM), and fingerprints of all that are ``held``.

    ``fleet`` is there at the hub.
    """

    own: Mapping[str, str]
    held: frozenset[str]
    fleet: PublicFleet | None = None


def checked_pem(value: Any, where: str) -> str:
    """A public key as Keystone makes them, in one form whatever line ends it had. Raises BadRequest."""
    if isinstance(value, str) and len(value) <= LONGEST:
        try:
            key = load_pem_public_key(value.encode("ascii"))
        except ValueError:  # also what is not ASCII
            key = None
        if isinstance(key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
            return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode().strip()
    raise BadRequest(f"{where} is no public key for JWS", hint="an EC or Ed25519 key in PEM", where=where)


def by_fingerprint(pems: Iterable[str]) -> dict[str, str]:
    """Fingerprint -> PEM."""
    return {fingerprint(pem): pem for pem in pems}


def digest_of(fingerprints: Iterable[str]) -> str:
    """One digest; equal for equal sets."""
    return hashlib.sha256(" ".join(sorted(fingerprints)).encode()).hexdigest()[:32]


def whole_digest(pems: Iterable[str]) -> str:
    """A digest of the keys themselves, to be signed: fingerprints are for reading, and short."""
    return hashlib.sha256("\n\n".join(sorted(set(pems))).encode()).hexdigest()


def gathered(keys: Collection[PublicKey], site: str, own: Collection[str], now: int) -> tuple[PublicKey, ...]:
    """The keys with those that ``site`` has as its own now."""
    known = {key.pem for key in keys if key.site == site}
    kept = [replace(key, since=_since(key, own, now)) if key.site == site else key for key in keys]
    return (*kept, *(PublicKey(pem, site) for pem in own if pem not in known))


def _since(key: PublicKey, own: Collection[str], now: int) -> int | None:
    if key.pem in own:
        return None
    return now if key.since is None else key.since


def pruned(
    keys: Iterable[PublicKey],
    trusted: Collection[str],
    registered: Collection[str],
    *,
    now: int,
    lifetime: int,
) -> tuple[PublicKey, ...]:
    """Without keys that no living token was signed with, and those of a site that is not trusted any more.

    The tokens of a site that was retired live on as others do.
    """
    found = [
        replace(key, since=now) if key.since is None and key.site not in registered else key
        for key in keys
        if key.site in trusted or key.site not in registered
    ]
    return tuple(key for key in found if key.since is None or now - key.since < lifetime)


def public_to_json(keys: Iterable[PublicKey]) -> list[list[Any]]:
    """To be stored."""
    return [[key.pem, key.site, key.since] for key in keys]


def public_from_json(value: Iterable[Any]) -> tuple[PublicKey, ...]:
    """The opposite of :func:`public_to_json`, for what was checked before it was stored."""
    return tuple(PublicKey(*entry) for entry in value)


class SiteKeys(NamedTuple):
    """What a site tells of its keys: Fernet repositories by name, ``public`` where it issues JWS tokens."""

    repositories: Mapping[str, HeldKeys]
    public: HeldPublic | None = None
