"""The hub's records as they are and as they will be, as far as a rule may look at them.

A rule asks for one record after the other. To read each when it is asked for would cost some statements for
each record of a page, so what is not known yet is noted and :class:`Unread` raised: whoever judges lets every
change of the page ask, has all of it read at once (``delegation.pageworld``), and asks again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from keystone_viaduct.kinds.hashing import Hashing
from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.kinds.reference import ALTERNATIVES
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Document, Ref

#: What gives its user or group a right.
RIGHTS = frozenset({"assignment", "system_assignment", "membership", "expiring_membership", "trust"})
#: So many of a kind are looked at for one question at most.
MOST = 1000
IMPLIED, PROTOCOLS = frozenset({"implied_role"}), frozenset({"federation_protocol"})
#: Roles on projects and domains. The key of one says all of it, so its row is not read where only they count.
GRANTS = frozenset({"assignment"})


class Unread(Exception):
    """What was asked for has not been read yet; it is noted."""


class World(Protocol):
    """What a rule may look at."""

    def before(self, ref: Ref) -> Document | None:
        """The record as the hub has it."""

    def after(self, ref: Ref) -> Document | None:
        """The record as it will be if nothing more is refused."""

    def past_scope(self, ref: Ref) -> str | None:
        """The domain of a record that was deleted, while its tombstone is kept."""

    def outside(self, ref: Ref) -> frozenset[str]:
        """The domains of an owner without a row, by the records that are looked at."""

    def dependents(self, ref: Ref) -> list[tuple[Ref, Mode]]:
        """The hub's records that go, or lose a field, when this one is deleted; as they are now."""

    def referrers(self, ref: Ref, kinds: frozenset[str]) -> list[Ref]:
        """The hub's records of these kinds that refer to this one, before anything is changed."""

    def claimed(self, ref: Ref, kinds: frozenset[str]) -> list[Ref]:
        """What records of these kinds that come in this page refer to this one."""

    def holder(self, kind: str, constraint: str, values: tuple[object, ...]) -> Ref | None:
        """The hub's record that has this name."""

    def all_of(self, kind: str) -> list[Ref] | None:
        """The hub's records of a kind; None where they are too many to look at."""

    def crossing(self, domain: str) -> list[Ref] | None:
        """What gives rights and belongs to this domain and another one; None where they are too many."""

    def strong_in(self, domain: str, grantable: Callable[[str], bool]) -> list[Ref] | None:
        """Grants that belong to this domain alone, of roles that are not ``grantable``, with perhaps some of
        others; None where they are too many.
        """

    def hashing(self) -> Hashing:
        """The most that the hub may be made to pay for comparing a password."""

    def latest(self) -> int:
        """The latest time (microseconds) that anything may be dated."""


def named_by(ref: Ref, content: Document) -> list[Ref]:
    """What a content refers to, under each kind that it may be."""
    found = REGISTRY[ref.kind].references_of(content)
    kinds = [(r.key, (r.kind, *(r.alternatives or ALTERNATIVES.get(r.kind, ())))) for r in found]
    return [Ref(kind, key) for key, names in kinds for kind in names]
