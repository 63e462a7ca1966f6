"""Rows of the list of conflicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from keystone_viaduct.sync.model.record import Document
from keystone_viaduct.sync.version import Ref

#: What an operator may choose for a record where joining a site changes somebody's access: the hub's, the
#: site's, or (of grants) both.
JOIN_HUB, JOIN_SITE, JOIN_BOTH = "hub", "site", "both"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A decision that an operator may want to see: what clashed, who won and why, and what was lost.

    ``resolution`` is what an operator made of it: '' (nothing yet), ``kept`` or ``restored``. ``seq`` is its
    position in this site's own feed; 0 for one that was heard from the hub, and is not told on. ``into`` is
    the key of the record that this one was merged into ('' otherwise): such a row is an alias for ever.
    """

    id: str
    ref: Ref
    sort: str
    decided: str
    explanation: str
    fields: tuple[str, ...]
    site: str
    at: int
    lost: Document
    open: bool = False
    resolution: str = ""
    seq: int = 0
    into: str = ""

    @property
    def is_alias(self) -> bool:
        """Whether references to the record mean another one: it was merged, and not brought back."""
        return bool(self.into) and self.resolution != "restored"


#: The sort of what is listed where a site has shown something that it may not do.
REFUSED = "refused"
#: And of what a limited site has made when it might, and might not make today.
JUDGED = "judged"


class United(NamedTuple):
    """What became of a merge.

    ``conflict`` is the row of the list that is the alias. So many records were ``moved`` to the other one,
    were ``equal`` to one that it had already, or had to be ``given_up``.
    """

    conflict: Conflict
    moved: int
    equal: int
    given_up: int
