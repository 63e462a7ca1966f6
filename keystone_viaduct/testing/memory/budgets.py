"""What a site costs, and what is to be judged again, in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from keystone_viaduct.sync.charter import domains_of
from keystone_viaduct.sync.model import (
    JUDGED,
    REFUSED,
    THING,
    Conflict,
    Document,
    Due,
    Ref,
    Volume,
)
from keystone_viaduct.testing.memory.bookkeeping import BookkeepingPart
from keystone_viaduct.testing.memory.data import in_tables


class BudgetsPart(BookkeepingPart):
    """``ports.Budgets`` and ``ports.Judging``."""

    def waiting_volume(self, source: str) -> Volume:
        """By what it would take as text."""
        return _volume([entry.change.document for entry in self.pending(source)])

    def _unseen(self, site: str) -> list[Conflict]:
        found = [c for c in self.data.conflicts if c.site == site and c.sort == REFUSED]
        return sorted((c for c in found if not c.resolution), key=lambda row: row.at)

    def refused_volume(self, site: str) -> Volume:
        """By what it would take as text."""
        return _volume([row.lost for row in self._unseen(site)])

    def count_listed(self, site: str, most: int) -> int:
        """A scan."""
        return min(most, sum(row.site == site and not row.resolution for row in self.data.conflicts))

    def refused_ids(self, site: str, limit: int) -> list[str]:
        """By time."""
        return [row.id for row in self._unseen(site)][:limit]

    def listed_refusals(self, site: str, refs: Sequence[Ref], limit: int) -> list[Conflict]:
        """The latest first."""
        return [row for row in reversed(self._unseen(site)) if row.ref in refs][:limit]

    def crossing(self, kinds: Collection[str], domain: str, limit: int) -> list[Ref]:
        """By their scopes."""
        found = [
            record.ref
            for record in self.data.records.values()
            if record.ref.kind in kinds and in_tables(record) and "/" in (record.scope or "")
            if domain in domains_of(record.scope)
        ]
        return sorted(found)[:limit]

    def grants_within(self, domain: str, roles: Collection[str], limit: int) -> list[Ref]:
        """By their scopes and keys."""
        found = [
            record.ref
            for record in self.data.records.values()
            if record.ref.kind == "assignment" and in_tables(record) and record.scope == domain
            if record.ref.key.split("/")[3] not in roles
        ]
        return sorted(found)[:limit]

    def note_made(self, found: Mapping[Ref, Collection[str]]) -> None:
        """Add them."""
        self.data.made.update(((target, ref), None) for ref, targets in found.items() for target in targets)

    def forget_made(self) -> None:
        """By the records."""
        alive = {record.ref for record in self.data.records.values() if not record.deleted}
        self.data.made = {pair: None for pair in self.data.made if pair[1] in alive}

    def due(self, limit: int) -> list[Due]:
        """By age, sort, kind and key."""
        return sorted(self.data.due, key=lambda due: (self.data.due[due], due))[:limit]

    def add_due(self, found: Sequence[Due], at: int) -> None:
        """Those that are not there."""
        there = {due[:3] for due in self.data.due}
        for due in found:
            if due[:3] not in there:
                self.data.due[due._replace(place="")] = at

    def add_due_made(self, concerned: Collection[str], at: int) -> None:
        """A scan."""
        self.add_due([Due(THING, *ref) for target, ref in self.data.made if target in concerned], at)

    def go_on(self, due: Due, place: str) -> None:
        """The same with another place."""
        self.data.due = {
            found._replace(place=place) if found[:3] == due[:3] else found: at
            for found, at in self.data.due.items()
        }

    def drop_due(self, found: Sequence[Due]) -> None:
        """Wherever they have come to."""
        gone = {due[:3] for due in found}
        self.data.due = {due: at for due, at in self.data.due.items() if due[:3] not in gone}

    def judged(self, refs: Sequence[Ref]) -> list[Conflict]:
        """A scan."""
        return [row for row in self.data.conflicts if row.sort == JUDGED and row.ref in refs]

    def count_unseen(self) -> int:
        """A scan."""
        return sum(row.sort == JUDGED and row.open for row in self.data.conflicts)


def _volume(contents: Sequence[Document]) -> Volume:
    return Volume(len(contents), sum(len(repr(content)) for content in contents))
