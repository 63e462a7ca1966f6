"""Versions of the API as people and their tools call it (`OpenStack-API-Version: sync 1.N`).

They are apart from the version of the protocol that agents and sites speak (:data:`limits.VERSION`): who
names none gets 1.0, which is what every agent asks for.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from keystone_viaduct.errors import BadRequest, UnsupportedVersion

HEADER = "OpenStack-API-Version"
_SYNC = re.compile(r"\s*sync\s+(?:(\d{1,6})\.(\d{1,6})|latest)\s*")


class Microversion(NamedTuple):
    """Ordered as they came."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


EARLIEST, LATEST = Microversion(1, 0), Microversion(1, 2)
#: From here on changes can be tried (``dry_run``): an earlier site would overlook that word, and change.
DRY_RUN = Microversion(1, 1)
#: From here on also those of single records.
DRY_RUN_OF_RECORDS = Microversion(1, 2)


def negotiated(header: str | None) -> Microversion:
    """What a caller asks for. Raises BadRequest, UnsupportedVersion."""
    for part in (header or "").split(","):
        if not part.strip().startswith("sync"):
            continue
        found = _SYNC.fullmatch(part)
        if found is None:
            raise BadRequest(f"{HEADER} is malformed", hint=f"send `{HEADER}: sync {LATEST}`")
        asked = LATEST if found[1] is None else Microversion(int(found[1]), int(found[2]))
        if not EARLIEST <= asked <= LATEST:
            raise UnsupportedVersion(
                f"this site speaks versions {EARLIEST} to {LATEST} of the API, not {asked}",
                hint="ask for one of these, or upgrade the older end",
                versions=f"{EARLIEST} {LATEST}",
            )
        return asked
    return EARLIEST


def spoken(value: object) -> tuple[Microversion, ...]:
    """Those that a site tells in its capabilities; what is none is left out."""
    texts = value if isinstance(value, list | tuple) else ()
    found = (re.fullmatch(r"(\d{1,6})\.(\d{1,6})", text) for text in texts if isinstance(text, str))
    return tuple(Microversion(int(one[1]), int(one[2])) for one in found if one is not None)
