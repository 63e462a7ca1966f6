"""What a site says of its Fernet keys, as JSON: fingerprints only."""

from __future__ import annotations

from typing import Any

from keystone_viaduct.sync.keyset.model import FleetKeys, HeldKeys, State
from keystone_viaduct.sync.wire import checks, limits

_MOST = 1000


def held_from_json(value: Any) -> dict[str, HeldKeys]:
    """Repository name -> what it holds. Raises BadRequest."""
    body = checks.mapping(value, "keys")
    repositories = checks.mapping(checks.member(body, "repositories", ""), "repositories", 16)
    return {name: _held(entry, f"repositories.{name}") for name, entry in repositories.items()}


def _held(value: Any, where: str) -> HeldKeys:
    body = checks.mapping(value, where)
    state = State(
        _fingerprint(checks.member(body, "staged", where), f"{where}.staged"),
        _fingerprint(checks.member(body, "primary", where), f"{where}.primary"),
        frozenset(
            _fingerprint(other, f"{where}.others")
            for other in checks.sequence(checks.member(body, "others", where), f"{where}.others", _MOST)
        ),
    )
    fleet = body.get("fleet")
    return HeldKeys(state, None if fleet is None else _fleet(fleet, f"{where}.fleet"))


def _fleet(value: Any, where: str) -> FleetKeys:
    body = checks.mapping(value, where)

    def get(name: str) -> Any:
        return checks.member(body, name, where)

    others = checks.mapping(get("others"), f"{where}.others", _MOST)
    main = {_fingerprint(get(name), f"{where}.{name}") for name in ("staged", "primary")}
    confirmed = checks.mapping(get("confirmed"), f"{where}.confirmed", limits.PEERS)
    sites = checks.sequence(get("sites"), f"{where}.sites", limits.PEERS)
    limited = checks.sequence(body.get("limited", []), f"{where}.limited", limits.PEERS)
    return FleetKeys(
        generation=checks.integer(get("generation"), f"{where}.generation"),
        digest=checks.identifier(get("digest"), f"{where}.digest"),
        known=frozenset(_fingerprint(name, f"{where}.others") for name in others) | main,
        sites=tuple(checks.site_name(site, f"{where}.sites") for site in sites),
        confirmed={site: checks.integer(at, f"{where}.confirmed") for site, at in confirmed.items()},
        wanted=checks.flag(get("wanted"), f"{where}.wanted"),
        promoted_at=checks.integer(get("promoted_at"), f"{where}.promoted_at"),
        retired={
            name: None if since is None else checks.integer(since, f"{where}.others")
            for name, since in others.items()
        },
        limited=tuple(checks.site_name(site, f"{where}.limited") for site in limited),
    )


def _fingerprint(value: Any, where: str) -> str:
    return checks.identifier(value, where, 32)
