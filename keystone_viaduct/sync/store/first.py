"""What a site begins with."""

from __future__ import annotations

import re
import secrets

from keystone_viaduct.errors import ConfigError
from keystone_viaduct.sync.model import SiteState, Version

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


def check_site_name(name: str) -> str:
    """The name, if a site may have it; raises ConfigError. ``#`` and ``~`` have a meaning of their own."""
    if not _NAME.match(name):
        raise ConfigError(
            f"{name!r} can't be the name of a site",
            hint="letters, digits, dot, dash and underscore; 64 at most; the region's name is a good choice",
        )
    return name


def first_state(site: str, hub: str) -> SiteState:
    """The state of a site that has numbered nothing. The hub makes the fleet's secret; spokes get it."""
    return SiteState(
        site=check_site_name(site),
        incarnation=secrets.token_hex(4),
        hub=check_site_name(hub),
        term=1,
        head=0,
        nonce=secrets.token_hex(6),
        knowledge=Version(),
        fleet_secret=secrets.token_bytes(32) if site == hub else b"",
    )
