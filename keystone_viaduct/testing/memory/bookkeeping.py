"""Checkpoints, what waits, conflicts and peers, in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from keystone_viaduct.sync.model import Checkpoint, Conflict, Peer, Pending, Ref
from keystone_viaduct.testing.memory.part import Part


class BookkeepingPart(Part):
    """``ports.Bookkeeping``."""

    def checkpoint(self, source: str) -> Checkpoint | None:
        """How far the feed of ``source`` was applied."""
        return self.data.checkpoints.get(source)

    def save_checkpoint(self, source: str, checkpoint: Checkpoint | None) -> None:
        """Store it."""
        if checkpoint is None:
            self.data.checkpoints.pop(source, None)
        else:
            self.data.checkpoints[source] = checkpoint

    def parts_had(self, source: str) -> tuple[str, int]:
        """Of which record, and how many."""
        subject, parts = self.data.parts.get(source, ("", ()))
        return subject, len(parts)

    def parts(self, source: str) -> list[bytes]:
        """In their order."""
        return list(self.data.parts.get(source, ("", ()))[1])

    def save_part(self, source: str, subject: str, number: int, data: bytes) -> None:
        """One more, or the first of another."""
        known, parts = self.data.parts.get(source, ("", ()))
        self.data.parts[source] = subject, (*(parts if known == subject else ()), data)

    def drop_parts(self, source: str) -> None:
        """Forget them."""
        self.data.parts.pop(source, None)

    def pending(self, source: str) -> list[Pending]:
        """In the source's feed order."""
        found = [waiting for (site, _), waiting in self.data.pending.items() if site == source]
        return sorted(found, key=lambda waiting: waiting.change.seq)

    def waiting_count(self, source: str) -> int:
        """A scan."""
        return len(self.pending(source))

    def pending_active(self, source: str) -> list[Pending]:
        """A scan."""
        return [entry for entry in self.pending(source) if not entry.lacks]

    def pending_lacking(self, source: str, targets: Collection[str]) -> list[Pending]:
        """A scan."""
        return [entry for entry in self.pending(source) if not set(targets).isdisjoint(entry.lacks)]

    def pending_about(self, refs: Sequence[Ref]) -> list[Pending]:
        """A scan."""
        wanted = set(refs)
        found = [entry for (_, ref), entry in self.data.pending.items() if ref in wanted]
        return sorted(found, key=lambda entry: (entry.source, entry.change.seq))

    def save_pending(self, source: str, waiting: Sequence[Pending], done: Iterable[Ref]) -> None:
        """Replace and forget."""
        for ref in done:
            self.data.pending.pop((source, ref), None)
        for entry in waiting:
            self.data.pending[source, entry.change.ref] = entry

    def add_conflicts(self, conflicts: Sequence[Conflict]) -> None:
        """Append."""
        self.data.conflicts = [*self.data.conflicts, *conflicts]

    def conflicts_between(self, after: int, upto: int, limit: int) -> list[Conflict]:
        """By position."""
        found = [row for row in self.data.conflicts if after < row.seq <= upto]
        return sorted(found, key=lambda row: row.seq)[:limit]

    def known_conflicts(self, ids: Sequence[str]) -> dict[str, Conflict]:
        """By id."""
        return {row.id: row for row in self.data.conflicts if row.id in ids}

    def choices(self, site: str) -> Mapping[Ref, str]:
        """What was chosen for a site that joins."""
        return self.data.choices.get(site, {})

    def save_choices(self, site: str, choices: Mapping[Ref, str]) -> None:
        """Replace it."""
        self.data.choices[site] = dict(choices)

    def aliases(self, refs: Sequence[Ref]) -> dict[Ref, str]:
        """A scan."""
        wanted = set(refs)
        rows = sorted(self.data.conflicts, key=lambda row: (row.at, row.id))
        return {row.ref: row.into for row in rows if row.is_alias and row.ref in wanted}

    def conflict_ids(self) -> list[str]:
        """All."""
        return [row.id for row in sorted(self.data.conflicts, key=lambda row: (row.at, row.id))]

    def place_conflicts(self, positions: Mapping[str, int]) -> None:
        """Move them."""
        self.data.conflicts = [
            replace(row, seq=positions.get(row.id, row.seq)) for row in self.data.conflicts
        ]

    def close_conflicts(self, ids: Sequence[str], resolution: str) -> None:
        """They are not open any more."""
        self.data.conflicts = [
            replace(row, open=False, resolution=resolution) if row.id in ids else row
            for row in self.data.conflicts
        ]

    def drop_conflicts(self, before: int, upto: int, limit: int) -> int:
        """The oldest of them."""
        closed = [row for row in self.data.conflicts if not row.open and not row.into]
        old = sorted((row for row in closed if row.at < before and row.seq <= upto), key=lambda row: row.at)
        gone = {row.id for row in old[:limit]}
        self.data.conflicts = [row for row in self.data.conflicts if row.id not in gone]
        return len(gone)

    def forget_lost(self, before: int) -> int:
        """Of closed ones."""
        old = {c.id for c in self.data.conflicts if c.at < before and not c.open and c.lost}
        self.data.conflicts = [replace(c, lost={}) if c.id in old else c for c in self.data.conflicts]
        return len(old)

    def peers(self) -> Mapping[str, Peer]:
        """By site."""
        return dict(self.data.peers)

    def save_peer(self, peer: Peer) -> None:
        """Insert or replace."""
        self.data.peers[peer.site] = peer

    def drop_peer(self, site: str) -> None:
        """Forget it."""
        self.data.peers.pop(site, None)
