"""What a site says of the public keys of JWS tokens, as JSON. They are no secret."""

from __future__ import annotations

from typing import Any

from keystone_viaduct.sync.keyset.public import (
    MOST,
    HeldPublic,
    PublicFleet,
    by_fingerprint,
    checked_pem,
)
from keystone_viaduct.sync.wire import checks
from keystone_viaduct.sync.wire.statement import statement_or_none

#: Keys of a whole fleet.
_ALL = 10_000


def pems_from_json(value: Any, where: str, most: int = MOST) -> list[str]:
    """Public keys. Raises BadRequest, TooLarge."""
    return [checked_pem(pem, f"{where}[]") for pem in checks.sequence(value, where, most)]


def fingerprints_from_json(value: Any, where: str) -> list[str]:
    """Fingerprints. Raises BadRequest, TooLarge."""
    return [checks.identifier(name, where, 32) for name in checks.sequence(value, where, _ALL)]


def all_from_json(value: Any, where: str) -> list[str]:
    """All public keys of a fleet. Raises BadRequest, TooLarge."""
    return pems_from_json(value, where, _ALL)


def public_held_from_json(value: Any) -> HeldPublic | None:
    """The part of an answer that speaks of public keys; None where the site issues no JWS tokens."""
    found = checks.mapping(value, "keys").get("public")
    if found is None:
        return None
    body = checks.mapping(found, "public")
    fleet = body.get("fleet")
    own = checks.mapping(checks.member(body, "own", "public"), "public.own", MOST)
    return HeldPublic(
        by_fingerprint(pems_from_json(list(own.values()), "public.own")),
        frozenset(fingerprints_from_json(checks.member(body, "held", "public"), "public.held")),
        None if fleet is None else _fleet(fleet, "public.fleet"),
    )


def _fleet(value: Any, where: str) -> PublicFleet:
    body = checks.mapping(value, where)

    def get(name: str) -> Any:
        return checks.member(body, name, where)

    keys = checks.mapping(get("keys"), f"{where}.keys", _ALL)
    owners = checks.mapping(get("owners"), f"{where}.owners", _ALL)
    confirmed = checks.mapping(get("confirmed"), f"{where}.confirmed", _ALL)
    return PublicFleet(
        by_fingerprint(all_from_json(list(keys.values()), f"{where}.keys")),
        {print_: _owners(found, f"{where}.owners") for print_, found in owners.items()},
        tuple(_sites(get("sites"), f"{where}.sites")),
        frozenset(_sites(get("trusted"), f"{where}.trusted")),
        {site: checks.integer(at, f"{where}.confirmed") for site, at in confirmed.items()},
        statement_or_none(body.get("statement"), f"{where}.statement"),
    )


def _owners(value: Any, where: str) -> dict[str, int | None]:
    found = checks.mapping(value, where, _ALL)
    return {
        checks.site_name(site, where): None if since is None else checks.integer(since, where)
        for site, since in found.items()
    }


def _sites(value: Any, where: str) -> list[str]:
    return [checks.site_name(site, where) for site in checks.sequence(value, where, _ALL)]
