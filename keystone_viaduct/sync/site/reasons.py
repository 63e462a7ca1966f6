"""Why a change waits, beside the reasons that ``sync.model`` has: who tries it again, and when."""

from __future__ import annotations

from keystone_viaduct.sync.model import CONFLICT, UNTRIED

REFERRED = "referred"
#: At the hub: another site has yet to show what a spoke tells of it; where it belongs is not known yet.
UNPROVEN, UNPLACED = "unproven", "unplaced"
#: Put aside by a start over, until the source shows it again or its head is reached without it.
ASIDE = "aside"
#: At the hub: its own row is gone where no trigger saw it, and nobody knows yet whether that was meant.
LOST = "lost"
_PASSIVE = UNTRIED | {ASIDE}


def passive(is_hub: bool) -> frozenset[str]:
    """Reasons of what is not tried anew with every page.

    What a spoke leaves to the hub is its own to decide once it is the hub.
    """
    return _PASSIVE if is_hub else _PASSIVE | {CONFLICT}
