"""The ``agent.dashboard`` section of ``viaduct.yaml``: where the dashboard is served, and who may look."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from keystone_viaduct.sync.agent.places import Located

ANYONE, ACCOUNT, ADMINISTRATOR = "anyone", "account", "administrator"
_PLACE = ("agent", "dashboard")


@dataclass(frozen=True)
class DashboardSettings:
    """``look`` is who may see the pages: anyone, whoever has an account, administrators of the system only.
    What records contain is read with the account of who is logged in, whatever ``look`` says.

    ``url``: what browsers call it by, where a proxy with TLS stands before it. ``certificate`` and ``key``:
    PEM files, where it does TLS itself. ``roads``: a socket that cuts and heals the roads of a demo.
    """

    listen: tuple[str, int] = ("127.0.0.1", 7789)
    look: str = ANYONE
    url: str = ""
    certificate: Path | None = None
    key: Path | None = None
    roads: Path | None = None


def read_dashboard(found: Located, value: Any) -> DashboardSettings | None:
    """Left out, or ``false``: none, and nothing listens. Raises ConfigError."""
    default = DashboardSettings()
    if value is None or value is False:
        return None
    if isinstance(value, str):
        value = {"listen": value}
    known = ("listen", "look", "url", "certificate", "key", "roads")
    options = found.section(value, _PLACE, known)
    listen = found.address(options["listen"], (*_PLACE, "listen")) if "listen" in options else default.listen
    if listen is None:
        return None
    settings = replace(
        default,
        listen=listen,
        look=_look(found, options.get("look"), listen[0]),
        url=_url(found, options.get("url")),
        certificate=_file(found, options.get("certificate"), "certificate"),
        key=_file(found, options.get("key"), "key"),
        roads=_file(found, options.get("roads"), "roads"),
    )
    if (settings.certificate is None) != (settings.key is None):
        raise found.bad(_PLACE, "has a certificate without its key, or a key alone", "give both, or neither")
    return settings


def is_this_machine(host: str) -> bool:
    """Whether only programs of this machine reach what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _look(found: Located, value: Any, host: str) -> str:
    if value is None:
        return ANYONE if is_this_machine(host) else ADMINISTRATOR
    if value not in (ANYONE, ACCOUNT, ADMINISTRATOR):
        raise found.bad((*_PLACE, "look"), f"is {value}", f"it is {ANYONE}, {ACCOUNT} or {ADMINISTRATOR}")
    return str(value)


def _url(found: Located, value: Any) -> str:
    url = found.text(value, (*_PLACE, "url"), "-")
    if url == "-":
        return ""
    if not url.startswith(("https://", "http://")):
        raise found.bad((*_PLACE, "url"), f"is {url}", "it begins with https://")
    return url.rstrip("/")


def _file(found: Located, value: Any, name: str) -> Path | None:
    if value is None:
        return None
    path = found.file.parent / Path(found.text(value, (*_PLACE, name))).expanduser()
    if not path.exists():
        raise found.bad((*_PLACE, name), f"is {path}, which is not there", "correct the name")
    return path
