"""Checkpoints, waiting changes, conflicts, peers behind :class:`keystone_viaduct.sync.ports.Bookkeeping`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from keystone_viaduct.sync.model import Checkpoint, Conflict, Document, Peer, Pending, Ref
from keystone_viaduct.sync.store import queries as q
from keystone_viaduct.sync.store.base import Part, keys_by_kind
from keystone_viaduct.sync.store.encoding import (
    from_json,
    pack_change,
    pack_document,
    to_json,
    unpack_change,
    unpack_document,
)

_REASON = 255


class BookkeepingPart(Part):
    """Documents that stand here (of waiting changes, lost in conflicts) are encrypted: they hold secrets."""

    def checkpoint(self, source: str) -> Checkpoint | None:
        """How far this site has applied the feed of ``source``."""
        row = self.connection.execute(q.GET_CHECKPOINT, {"p_source": source}).first()
        return None if row is None else Checkpoint(row.incarnation, row.seq, row.nonce)

    def checkpoints(self) -> dict[str, Checkpoint]:
        """All of them by source."""
        rows = self.connection.execute(q.ALL_CHECKPOINTS)
        return {row.source: Checkpoint(row.incarnation, row.seq, row.nonce) for row in rows}

    def save_checkpoint(self, source: str, checkpoint: Checkpoint | None) -> None:
        """Store it (None: start over)."""
        self.connection.execute(q.DELETE_CHECKPOINT, {"p_source": source})
        if checkpoint is not None:
            self.connection.execute(q.INSERT_CHECKPOINT, {"source": source, **checkpoint._asdict()})

    def parts_had(self, source: str) -> tuple[str, int]:
        """Of which record from there parts are here, and how many; ('', 0) for none."""
        row = self.connection.execute(q.PARTS_HAD, {"p_source": source}).first()
        return ("", 0) if row is None else (str(row[0]), int(row[1]))

    def parts(self, source: str) -> list[bytes]:
        """Those parts, in their order."""
        rows = self.connection.execute(q.PARTS, {"p_source": source})
        return [self.ring.decrypt(bytes(row.data), f"part:{source}:{row.subject}") for row in rows]

    def save_part(self, source: str, subject: str, number: int, data: bytes) -> None:
        """Keep one more; what is kept of another subject is dropped."""
        self.connection.execute(q.DELETE_OTHER_PARTS, {"p_source": source, "p_subject": subject})
        closed = self.ring.encrypt(data, f"part:{source}:{subject}")
        row = {"source": source, "number": number, "subject": subject, "data": closed}
        self.connection.execute(q.INSERT_PART, row)

    def drop_parts(self, source: str) -> None:
        """Drop all of them."""
        self.connection.execute(q.DELETE_PARTS, {"p_source": source})

    def pending(self, source: str) -> list[Pending]:
        """Changes from there that wait, in the source's feed order."""
        return [self._pending(row) for row in self.connection.execute(q.GET_PENDING, {"p_source": source})]

    def waiting_count(self, source: str) -> int:
        """How many they are."""
        return int(self.connection.execute(q.WAITING_COUNT, {"p_source": source}).scalar() or 0)

    def pending_active(self, source: str) -> list[Pending]:
        """Those of them that lack nothing."""
        return [self._pending(row) for row in self.connection.execute(q.ACTIVE_PENDING, {"p_source": source})]

    def pending_lacking(self, source: str, targets: Collection[str]) -> list[Pending]:
        """Those of them that lack one of these."""
        found = {
            (row.kind, row.key): row
            for part in q.chunks(list(targets))
            for row in self.connection.execute(q.LACKING_PENDING, {"p_source": source, "p_targets": part})
        }
        return [self._pending(row) for row in sorted(found.values(), key=lambda row: row.seq)]

    def pending_about(self, refs: Sequence[Ref]) -> list[Pending]:
        """What waits of these records, from any source."""
        return [
            self._pending(row)
            for kind, keys in keys_by_kind(refs).items()
            for part in q.chunks(keys)
            for row in self.connection.execute(q.PENDING_ABOUT, {"p_kind": kind, "p_keys": part})
        ]

    def _pending(self, row: Any) -> Pending:
        place = f"{row.source}:{row.kind}/{row.key}"
        change = unpack_change(self.ring.decrypt(bytes(row.change), place))
        lacks = tuple(row.lacks.split())
        return Pending(row.source, change, row.reason, row.why or "", row.since, lacks)

    def save_pending(self, source: str, waiting: Sequence[Pending], done: Iterable[Ref]) -> None:
        """Store what waits (replacing an older one of the same record) and forget what is done."""
        latest = {item.change.ref: item for item in waiting}
        for kind, keys in keys_by_kind([*latest, *done]).items():
            for part in q.chunks(keys):
                which = {"p_source": source, "p_kind": kind, "p_keys": part}
                self.connection.execute(q.DELETE_PENDING, which)
                self.connection.execute(q.DELETE_LACKED, which)
        if latest:
            rows = [self._pending_row(source, item) for item in latest.values()]
            self.connection.execute(q.INSERT_PENDING, rows)
        lacked = [
            {"source": source, "target": target, "kind": ref.kind, "key": ref.key}
            for ref, item in latest.items()
            for target in item.lacks
        ]
        if lacked:
            self.connection.execute(q.INSERT_LACKED, lacked)

    def _pending_row(self, source: str, item: Pending) -> dict[str, Any]:
        ref = item.change.ref
        return {
            "source": source,
            "kind": ref.kind,
            "key": ref.key,
            "seq": item.change.seq,
            "reason": item.reason[:_REASON],
            "change": self.ring.encrypt(pack_change(item.change), f"{source}:{ref}"),
            "why": item.why or None,
            "since": item.since,
            "lacks": " ".join(item.lacks),
        }

    def add_conflicts(self, conflicts: Sequence[Conflict]) -> None:
        """Append to the list of conflicts."""
        if conflicts:
            self.connection.execute(q.INSERT_CONFLICTS, [self._conflict_row(item) for item in conflicts])

    def conflicts(
        self,
        limit: int,
        *,
        open_only: bool = False,
        kind: str = "",
        key: str = "",
        site: str = "",
        sort: str = "",
        marker: Conflict | None = None,
    ) -> list[Conflict]:
        """Those that fit, the latest first, after ``marker``."""
        place = None if marker is None else (marker.at, marker.id)
        wanted = q.conflicts_that(open_only=open_only, kind=kind, key=key, site=site, sort=sort, marker=place)
        return [self._conflict(row) for row in self.connection.execute(wanted, {"p_limit": limit})]

    def conflict_ids_like(self, prefix: str, limit: int) -> list[str]:
        """Ids that begin so, up to ``limit``."""
        bounds = {"p_prefix": prefix, "p_beyond": prefix + "~", "p_limit": limit}
        return list(self.connection.execute(q.CONFLICT_IDS_LIKE, bounds).scalars())

    def conflict(self, identifier: str) -> Conflict | None:
        """One conflict (locked), or None."""
        row = self.connection.execute(q.LOCK_CONFLICT, {"p_id": identifier}).first()
        return None if row is None else self._conflict(row)

    def close_conflicts(self, ids: Sequence[str], resolution: str) -> None:
        """An operator has looked at them."""
        for part in q.chunks(ids):
            self.connection.execute(q.CLOSE_CONFLICTS, {"p_ids": part, "p_resolution": resolution})

    def conflicts_between(self, after: int, upto: int, limit: int) -> list[Conflict]:
        """Those at feed positions after one up to another, in feed order."""
        bounds = {"p_after": after, "p_upto": upto, "p_limit": limit}
        return [self._conflict(row) for row in self.connection.execute(q.CONFLICTS_BETWEEN, bounds)]

    def known_conflicts(self, ids: Sequence[str]) -> dict[str, Conflict]:
        """Those of them that are on the list."""
        rows = (
            row
            for part in q.chunks(ids)
            for row in self.connection.execute(q.KNOWN_CONFLICTS, {"p_ids": part})
        )
        return {row.id: self._conflict(row) for row in rows}

    def aliases(self, refs: Sequence[Ref]) -> dict[Ref, str]:
        """What those became that were merged, and not brought back since: the other record's key."""
        rows = (
            row
            for kind, keys in keys_by_kind(refs).items()
            for part in q.chunks(keys)
            for row in self.connection.execute(q.ALIASES, {"p_kind": kind, "p_keys": part})
        )
        return {Ref(row.kind, row.key): row.merged_into for row in rows}

    def conflict_ids(self) -> list[str]:
        """The whole list, in the order in which it was decided."""
        return [row.id for row in self.connection.execute(q.CONFLICT_IDS)]

    def place_conflicts(self, positions: Mapping[str, int]) -> None:
        """Give these conflicts new feed positions."""
        for part in q.chunks(list(positions.items())):
            self.connection.execute(q.place_conflicts(dict(part)))

    def _conflict_row(self, item: Conflict) -> dict[str, Any]:
        return {
            "id": item.id,
            "kind": item.ref.kind,
            "key": item.ref.key,
            "sort": item.sort,
            "decided": item.decided,
            "explanation": item.explanation,
            "fields": to_json(list(item.fields)),
            "site": item.site,
            "at": item.at,
            "lost": self.ring.encrypt(pack_document(item.lost), f"conflict:{item.id}"),
            "open": item.open,
            "resolution": item.resolution,
            "seq": item.seq,
            "merged_into": item.into,
        }

    def _conflict(self, row: Any) -> Conflict:
        return Conflict(
            id=row.id,
            ref=Ref(row.kind, row.key),
            sort=row.sort,
            decided=row.decided,
            explanation=row.explanation,
            fields=tuple(from_json(row.fields)),
            site=row.site,
            at=row.at,
            lost=self._lost(row),
            open=bool(row.open),
            resolution=row.resolution,
            seq=row.seq,
            into=row.merged_into,
        )

    def _lost(self, row: Any) -> Document:
        """Nothing once its time is over."""
        sealed = bytes(row.lost)
        return unpack_document(self.ring.decrypt(sealed, f"conflict:{row.id}")) if sealed else {}

    def drop_conflicts(self, before: int, upto: int, limit: int) -> int:
        """Forget closed conflicts that were decided before then, at feed positions up to ``upto``."""
        bounds = {"p_before": before, "p_upto": upto, "p_limit": limit}
        found = list(self.connection.execute(q.OLD_CONFLICTS, bounds).scalars())
        for part in q.chunks(found):
            self.connection.execute(q.DROP_CONFLICTS, {"p_ids": part})
        return len(found)

    def forget_lost(self, before: int) -> int:
        """Take what was lost out of closed conflicts that were decided before then; how many there were."""
        return int(self.connection.execute(q.FORGET_LOST, {"p_before": before}).rowcount)

    def peers(self) -> Mapping[str, Peer]:
        """The registered peers by site name."""
        return {row.site: _peer(row) for row in self.connection.execute(q.PEERS)}

    def drop_peer(self, site: str) -> None:
        """Forget that site; nothing happens if it is not there."""
        self.connection.execute(q.DELETE_PEER, {"p_site": site})

    def save_peer(self, peer: Peer) -> None:
        """Register a peer, or replace what is known of it."""
        self.connection.execute(q.DELETE_PEER, {"p_site": peer.site})
        capabilities = {name: list(values) for name, values in peer.capabilities.items()}
        self.connection.execute(
            q.INSERT_PEER,
            {
                "site": peer.site,
                "public_key": peer.public_key.hex(),
                "incarnation": peer.incarnation,
                "acknowledged": peer.acknowledged,
                "capabilities": to_json(capabilities),
                "live": peer.live,
                "seen": None if peer.seen is None else to_json(list(peer.seen)),
                "shown": peer.shown,
                "heard": peer.heard,
                "met": peer.met,
                "lives": to_json(sorted(peer.lives)) if peer.lives else None,
                "signing_key": peer.signing_key or None,
            },
        )


def _peer(row: Any) -> Peer:
    capabilities = {name: tuple(values) for name, values in from_json(row.capabilities).items()}
    return Peer(
        row.site,
        bytes.fromhex(row.public_key),
        row.incarnation,
        row.acknowledged,
        capabilities,
        bool(row.live),
        Checkpoint(*from_json(row.seen)) if row.seen else None,
        row.shown,
        row.heard,
        row.met,
        frozenset(from_json(row.lives) if row.lives else ()),
        row.signing_key or "",
    )
