"""How the agent reaches sites, and what is dangerous about it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from keystone_viaduct.errors import ConfigError
from keystone_viaduct.sync.client.login import CloudLogin


def open_roads(login: CloudLogin) -> list[str]:
    """The addresses at which others on the road read along: plain HTTP beyond this machine."""
    return [url for url in login.addresses if url.startswith("http://") and not _is_here(url)]


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_road(name: str, login: CloudLogin, *, plain_http: bool) -> None:
    """Raise ConfigError where a site is reached without TLS and nobody has said that this is meant."""
    found = open_roads(login)
    if found and not plain_http:
        raise ConfigError(
            f"{name} is reached by plain HTTP, {found[0]}: its administrator's token goes there readable",
            hint="use https; where the road itself is closed (a VPN), set `plain_http: true` under `agent:`",
            site=name,
        )


def doubts(logins: Mapping[str, CloudLogin]) -> Iterator[str]:
    """What an operator should know of the agent's ways to the sites."""
    for name, login in logins.items():
        for url in open_roads(login):
            yield f"{name} is reached by plain HTTP ({url}): who is on the road is an administrator there"
        if login.verify is False:
            yield f"the certificate of {name} is not checked (`verify: false`): anybody may answer for it"
    shared: dict[str, list[str]] = {}
    for name, login in logins.items():
        if login.secret:
            shared.setdefault(login.secret, []).append(name)
    for names in shared.values():
        if len(names) > 1:
            told = ", ".join(names)
            yield f"one password logs in at {told}: who runs one of these Keystones sees it, and may use it"
