"""A site's Fernet key repositories over HTTP: :class:`keystone_viaduct.sync.ports.KeyPort`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from keystone_viaduct.sync.client.transport import Transport
from keystone_viaduct.sync.keyset.public import SiteKeys
from keystone_viaduct.sync.statement import Statement, statement_to_json
from keystone_viaduct.sync.wire import checks
from keystone_viaduct.sync.wire.keys import held_from_json
from keystone_viaduct.sync.wire.publickeys import public_held_from_json
from keystone_viaduct.sync.wire.values import bytes_from_json, key_to_json

_SEALED = 64 * 1024


class HttpKeys:
    """Keys pass through it sealed only."""

    def __init__(self, name: str, transport: Transport) -> None:
        self._name = name
        self._transport = transport

    @property
    def name(self) -> str:
        """The site's name."""
        return self._name

    def held_keys(self) -> SiteKeys:
        """What each repository holds, and the public keys of JWS tokens."""
        body = self._transport.call("GET", "/keys")
        return self._transport.understood(lambda: SiteKeys(held_from_json(body), public_held_from_json(body)))

    def sealed_keys(self, repository: str, reader: str) -> bytes:
        """The keys, sealed for ``reader``. Raises Refused."""
        body = self._transport.call("GET", _path(repository), query={"reader": reader})
        return self._transport.understood(
            lambda: bytes_from_json(
                checks.member(checks.mapping(body, "keys"), "sealed", ""), "sealed", _SEALED
            )
        )

    def take_keys(self, repository: str, sealed: bytes) -> float:
        """A step towards the hub's keys; the seconds to wait before the next one, 0.0 when done."""
        body = self._transport.call("PUT", _path(repository), content={"sealed": key_to_json(sealed)})
        return self._transport.understood(lambda: _seconds(body))

    def rotate_keys(self, repository: str) -> None:
        """At the hub: have the keys rotated as soon as every site is ready."""
        self._act(repository, action="rotate")

    def confirm_keys(self, repository: str, site: str, digest: str) -> None:
        """At the hub: that site was seen to hold just that."""
        self._act(repository, action="confirm", site=site, digest=digest)

    def import_keys(self, repository: str, site: str, sealed: bytes) -> None:
        """At the hub: keep the keys that a site uses or has used."""
        self._act(repository, action="import", site=site, sealed=key_to_json(sealed))

    def advance_keys(self, repository: str) -> float:
        """At the hub: go a step further if every site is ready; seconds until there is more to do, or 0.0."""
        body = self._act(repository, action="advance")
        return self._transport.understood(lambda: _seconds(body))

    def take_public(self, keys: Sequence[str], told: Statement | None = None) -> None:
        """Have these public keys beside the site's own; ``told``: with which the hub has signed them."""
        signed = {"statement": statement_to_json(told)} if told is not None else {}
        self._transport.call("PUT", "/public-keys", content={"keys": list(keys), **signed})

    def collect_public(self, site: str, own: Mapping[str, str], held: Sequence[str]) -> None:
        """At the hub: that site was seen to have these as its own, and to hold those."""
        content = {"action": "collect", "site": site, "own": list(own.values()), "held": list(held)}
        self._transport.call("POST", "/public-keys", content=content)

    def advance_public(self) -> None:
        """At the hub: take in its own public keys, and drop what nobody needs any more."""
        self._transport.call("POST", "/public-keys", content={"action": "advance"})

    def _act(self, repository: str, **content: str) -> Any:
        return self._transport.call("POST", _path(repository), content=content)


def _path(repository: str) -> str:
    return f"/keys/{quote(repository, safe='')}"


def _seconds(value: Any) -> float:
    wait = checks.member(checks.mapping(value, "keys"), "wait", "")
    if isinstance(wait, bool) or not isinstance(wait, int | float) or not 0 <= wait <= 3600:
        raise checks.bad("wait", "is not from 0 to 3600 seconds")
    return float(wait)
