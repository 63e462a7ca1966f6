"""What a fleet's keys are, and what a site has of them; no I/O."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from keystone_viaduct.errors import BadRequest

_KEY = 32


def new_key() -> str:
    """A fresh Fernet key: 32 random bytes in URL-safe base64, as ``cryptography.fernet`` makes them."""
    return base64.urlsafe_b64encode(os.urandom(_KEY)).decode()


def checked_key(value: Any, where: str) -> str:
    """A Fernet key from outside. Raises BadRequest, which never shows the value."""
    if isinstance(value, str) and len(value) == 44:
        try:
            if len(base64.urlsafe_b64decode(value)) == _KEY:
                return value
        except ValueError:
            pass
    raise BadRequest(f"{where} is no Fernet key", hint="32 bytes in URL-safe base64", where=where)


def fingerprint(key: str) -> str:
    """What may be shown of a key (hex, 8 bytes): the key itself is too random to be found from it."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class State:
    """Fingerprints of what a key repository holds: the key that comes next, the one in use, all others."""

    staged: str
    primary: str
    others: frozenset[str]

    @property
    def digest(self) -> str:
        """One digest; equal for equal contents."""
        text = " ".join([self.staged, self.primary, *sorted(self.others)])
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def all(self) -> frozenset[str]:
        """Every key."""
        return self.others | {self.staged, self.primary}


@dataclass(frozen=True, slots=True)
class Retired:
    """A key that new tokens are not made with any more.

    ``since`` (microseconds): from when on no site used it, None while some site may still.
    """

    key: str
    since: int | None = None


@dataclass(frozen=True, slots=True)
class Keyset:
    """The keys that every site shall hold; ``generation`` rises with each change.

    ``wanted``: a rotation was asked for. ``promoted_at`` in microseconds, 0 for never. ``heard``: another hub
    has said so, and what this site's own repository holds counts.
    """

    generation: int
    staged: str
    primary: str
    others: tuple[Retired, ...] = ()
    wanted: bool = False
    promoted_at: int = 0
    heard: bool = False

    @property
    def state(self) -> State:
        """As fingerprints."""
        return State(
            fingerprint(self.staged),
            fingerprint(self.primary),
            frozenset(fingerprint(other.key) for other in self.others) - self._main,
        )

    @property
    def whole(self) -> str:
        """A digest of the keys themselves, to be signed: fingerprints are for reading, and short."""
        text = " ".join([self.staged, self.primary, *sorted(other.key for other in self.others)])
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def _main(self) -> frozenset[str]:
        return frozenset((fingerprint(self.staged), fingerprint(self.primary)))

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key once: the staged one, the one in use, then the others."""
        return tuple(dict.fromkeys((self.staged, self.primary, *(other.key for other in self.others))))


def keyset_to_json(keyset: Keyset) -> dict[str, Any]:
    """With its keys: to be sealed before it goes anywhere."""
    return {
        "generation": keyset.generation,
        "staged": keyset.staged,
        "primary": keyset.primary,
        "others": [[other.key, other.since] for other in keyset.others],
        "wanted": keyset.wanted,
        "promoted_at": keyset.promoted_at,
        "heard": keyset.heard,
    }


def keyset_from_json(body: Mapping[str, Any]) -> Keyset:
    """The opposite of :func:`keyset_to_json`. Raises BadRequest."""
    try:
        others = tuple(Retired(checked_key(key, "others"), since) for key, since in body["others"])
        return Keyset(
            int(body["generation"]),
            checked_key(body["staged"], "staged"),
            checked_key(body["primary"], "primary"),
            others,
            bool(body["wanted"]),
            int(body["promoted_at"]),
            bool(body.get("heard")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadRequest("that is no set of keys", hint="let the hub seal its own") from error


def from_slots(slots: Mapping[int, str]) -> Keyset:
    """The first keyset of a fleet: what the hub's own repository holds (number -> key; 0: staged)."""
    primary = slots[max(slots)]
    staged = slots.get(0) or new_key()
    others = [key for number, key in sorted(slots.items()) if key not in (primary, staged)]
    return Keyset(1, staged, primary, tuple(Retired(key) for key in dict.fromkeys(others)))


def taken_over(slots: Mapping[int, str], heard: Keyset | None) -> Keyset:
    """As :func:`from_slots`, at a hub that was promoted: with the times that the hub before it has told of
    these keys.
    """
    first = from_slots(slots)
    if heard is None:
        return first
    since = {other.key: other.since for other in heard.others}
    return replace(
        first,
        generation=heard.generation if first.whole == heard.whole else heard.generation + 1,
        others=tuple(replace(other, since=since.get(other.key)) for other in first.others),
        promoted_at=heard.promoted_at if first.primary == heard.primary else 0,
    )


def with_imported(keyset: Keyset, keys: Iterable[str]) -> Keyset:
    """The keyset with keys that a site used before it joined, so that its tokens are valid everywhere."""
    known = set(keyset.keys)
    news = [key for key in dict.fromkeys(keys) if key not in known]
    if not news:
        return keyset
    others = keyset.others + tuple(Retired(key) for key in news)
    return Keyset(
        keyset.generation + 1, keyset.staged, keyset.primary, others, keyset.wanted, keyset.promoted_at
    )


@dataclass(frozen=True, slots=True)
class FleetKeys:
    """What the hub says of the fleet's keys: ``known`` are fingerprints, ``sites`` who shall hold them.

    ``confirmed``: site -> when it was seen to hold them (microseconds); ``retired``: fingerprint -> from when
    on no site uses it, None while one may. ``limited``: the sites that are given none, and have their own.
    """

    generation: int
    digest: str
    known: frozenset[str]
    sites: tuple[str, ...]
    confirmed: Mapping[str, int]
    wanted: bool
    promoted_at: int
    retired: Mapping[str, int | None]
    limited: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """The sites that have not confirmed them."""
        return tuple(site for site in self.sites if site not in self.confirmed)


@dataclass(frozen=True, slots=True)
class HeldKeys:
    """What one repository of a site holds; ``fleet`` is there at the hub."""

    state: State
    fleet: FleetKeys | None = None
