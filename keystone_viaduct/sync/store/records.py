"""The tables of the site and its records behind :class:`keystone_viaduct.sync.ports.Records`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from keystone_viaduct.errors import NotInitialised
from keystone_viaduct.sync.charter import (
    Coverage,
    charter_from_json,
    charter_to_json,
    coverage_from_json,
    coverage_to_json,
)
from keystone_viaduct.sync.model import (
    CARRIED_REASONS,
    Bucket,
    Carried,
    Entry,
    Record,
    Ref,
    SiteState,
    Tally,
    bucket_of,
    fingerprint,
)
from keystone_viaduct.sync.naming import targets_of
from keystone_viaduct.sync.sealing import seal
from keystone_viaduct.sync.store import queries as q
from keystone_viaduct.sync.store.base import Held, Part, keys_by_kind
from keystone_viaduct.sync.store.encoding import (
    from_json,
    pack_carried,
    pack_document,
    pack_dot,
    pack_exceptions,
    pack_externals,
    pack_fields,
    pack_lineage,
    pack_version,
    to_json,
    unpack_carried,
    unpack_document,
    unpack_dot,
    unpack_exceptions,
    unpack_externals,
    unpack_fields,
    unpack_lineage,
    unpack_version,
)
from keystone_viaduct.sync.store.picking import of_scopes, perhaps_inside
from keystone_viaduct.sync.store.picking import outside as picking_outside

_HALF = 2**32 - 1
#: Below every position; there are negative ones.
_FIRST = -(2**62)
#: With more buckets of a kind than so many, its index is read as a whole.
SCATTERED = 64


def _tally(count: Any, low: Any, high: Any) -> Tally:
    """Some engines sum integers to decimals."""
    return Tally(int(count), (int(low) + (int(high) << 32)) % 2**64)


class RecordsPart(Part):
    """The site's row and its records."""

    _opened: tuple[bytes, bytes] | None = (
        None  # the sealed fleet secret, and opened: one public-key operation less
    )
    _stored: SiteState | None = None
    _carries: bool | None = None

    def state(self) -> SiteState:
        """The site's row, locked until this transaction ends; not if it only looks. Raises NotInitialised.

        Raises Held where another transaction has it, and this one is not to wait.
        """
        if self.at_once and self.connection.execute(q.TRY_SITE).first() is None and self.has_state():
            raise Held
        return self.known_state(lock=not self.looks_only)

    def known_state(self, *, lock: bool = False) -> SiteState:
        """The site's row, not locked unless asked for. Raises NotInitialised."""
        state = self.peek_state(lock=lock)
        if state is None:
            raise NotInitialised("this database belongs to no site yet", hint="run `viaduct init`")
        return state

    def peek_state(self, *, lock: bool = False) -> SiteState | None:
        """The site's row, not locked unless asked for; None before ``viaduct init``."""
        row = self.connection.execute(q.LOCK_SITE if lock else q.GET_SITE).first()
        if row is None:
            return None
        self._stored = SiteState(
            site=row.site,
            incarnation=row.incarnation,
            hub=row.hub,
            term=row.term,
            head=row.head,
            nonce=row.nonce,
            knowledge=unpack_version(row.knowledge),
            fleet_secret=self._open_fleet_secret(bytes(row.fleet_secret)),
            purged=row.purged,
            cuts=from_json(row.cuts),
            charter=charter_from_json(from_json(row.charter)),
            coverage=coverage_from_json(from_json(row.coverage)),
            covered=coverage_from_json(from_json(row.covered)),
            swept=row.swept,
            release=row.release,
            former=row.former,
            caught_up=row.caught_up,
            exceptions=unpack_exceptions(row.exceptions),
            lineage=unpack_lineage(row.lineage),
        )
        return self._stored

    def has_state(self) -> bool:
        """Whether this database belongs to a site; needs no keys."""
        return self.connection.execute(q.GET_SITE).first() is not None

    def _open_fleet_secret(self, sealed: bytes) -> bytes:
        if not sealed:
            return b""
        if self._opened is None or self._opened[0] != sealed:
            self._opened = (sealed, self.ring.open_sealed(sealed))
        return self._opened[1]

    def _seal_fleet_secret(self, secret: bytes) -> bytes:
        if not secret:
            return b""
        if self._opened is None or self._opened[1] != secret:
            self._opened = (seal(self.ring.public_key, secret), secret)
        return self._opened[0]

    def reseal(self) -> None:
        """Seal the fleet's secret for the present exchange key."""
        state = self.known_state(lock=True)
        self._opened = None
        self.save_state(state)

    def create_state(self, state: SiteState) -> None:
        """Store the site's first row."""
        self.connection.execute(q.INSERT_SITE, {"id": 1, **self._site_row(state)})
        self._add_batch(state)

    def save_state(self, state: SiteState) -> None:
        """Store the row; a changed ``nonce`` makes a new batch that ends at ``head``."""
        before = self._stored or self.state()
        row = self._site_row(state)
        if state.lineage == before.lineage:  # kilobytes that hardly ever change
            del row["lineage"]
        self.connection.execute(q.UPDATE_SITE, row)
        if state.nonce != before.nonce:
            self._add_batch(state)
        self._stored = state

    def _site_row(self, state: SiteState) -> dict[str, Any]:
        return {
            "site": state.site,
            "incarnation": state.incarnation,
            "hub": state.hub,
            "term": state.term,
            "head": state.head,
            "nonce": state.nonce,
            "knowledge": pack_version(state.knowledge),
            "fleet_secret": self._seal_fleet_secret(state.fleet_secret),
            "purged": state.purged,
            "cuts": to_json(dict(state.cuts)),
            "charter": to_json(charter_to_json(state.charter)),
            "coverage": to_json(coverage_to_json(state.coverage)),
            "covered": to_json(coverage_to_json(state.covered)),
            "swept": state.swept,
            "release": state.release,
            "former": state.former,
            "caught_up": state.caught_up,
            "exceptions": pack_exceptions(state.exceptions),
            "lineage": pack_lineage(state.lineage),
        }

    def _add_batch(self, state: SiteState) -> None:
        self.connection.execute(q.DELETE_BATCH, {"p_seq": state.head})
        self.connection.execute(q.INSERT_BATCH, {"last_seq": state.head, "nonce": state.nonce})

    def nonce_at(self, seq: int) -> str | None:
        """Nonce of the batch that holds this feed position; None when there is none, '' when forgotten."""
        nonce: str | None = self.connection.execute(q.NONCE_AT, {"p_seq": seq}).scalar()
        return nonce

    def old_batches(self, upto: int, limit: int) -> list[tuple[int, str]]:
        """Last position and nonce of batches that end at or before a position, oldest first."""
        rows = self.connection.execute(q.OLD_BATCHES, {"p_upto": upto, "p_limit": limit})
        return [(row.last_seq, row.nonce) for row in rows]

    def drop_batches(self, upto: int) -> None:
        """Forget the nonces of batches that end at or before this one's last position."""
        self.connection.execute(q.DELETE_BATCHES, {"p_upto": upto})
        self.connection.execute(q.INSERT_BATCH, {"last_seq": upto, "nonce": ""})

    def has_batch(self, nonce: str) -> bool:
        """Whether some batch of this site's has that nonce."""
        return self.connection.execute(q.HAS_BATCH, {"p_nonce": nonce}).first() is not None

    def records(self, refs: Sequence[Ref]) -> dict[Ref, Record]:
        """The records that are there (tombstones too)."""
        found: dict[Ref, Record] = {}
        for kind, keys in keys_by_kind(refs).items():
            for part in q.chunks(keys):
                for row in self.connection.execute(q.RECORDS, {"p_kind": kind, "p_keys": part}):
                    record = self._record(row)
                    found[record.ref] = record
        return found

    def save_records(self, records: Sequence[Record]) -> None:
        """Insert or replace; of two with the same address the last counts."""
        latest = {record.ref: record for record in records}
        statement = q.REPLACE_RECORDS.get(self.connection.dialect.name)
        if statement is None:
            self.drop_records(list(latest))
            statement = q.INSERT_RECORDS
        if latest:
            self.connection.execute(statement, [self._record_row(record) for record in latest.values()])
            self._note_names([record for record in latest.values() if record.carried is not None])

    def _note_names(self, records: Sequence[Record]) -> None:
        """What these name that are only carried. Of what is not carried any more it stays for a while."""
        for kind, keys in keys_by_kind([record.ref for record in records]).items():
            for part in q.chunks(keys):
                self.connection.execute(q.DELETE_CARRIED, {"p_kind": kind, "p_keys": part})
        rows = [
            {"target": target, "kind": record.ref.kind, "key": record.ref.key}
            for record in records
            for target in sorted(targets_of(record))
        ]
        if rows:
            self.connection.execute(q.INSERT_CARRIED, rows)
            self._carries = True

    def carries(self) -> bool:
        """Whether something may be carried; asked once in a transaction."""
        if self._carries is None:
            self._carries = self.connection.execute(q.ANY_CARRIED).first() is not None
        return self._carries

    def carried_naming(self, targets: Sequence[str]) -> list[Record]:
        """Records of which something is carried that may name one of these."""
        found: dict[Ref, Record] = {}
        for part in q.chunks(list(dict.fromkeys(targets))) if self.carries() else ():
            rows = self.connection.execute(q.CARRIED_NAMING, {"p_targets": part})
            found.update((record.ref, record) for record in map(self._record, rows))
        return sorted(found.values(), key=lambda record: record.seq)

    def forget_names(self) -> None:
        """Drop what was noted of records that are not carried any more."""
        self.connection.execute(q.FORGET_CARRIED)

    def drop_records(self, refs: Sequence[Ref]) -> None:
        """Forget these records."""
        for kind, keys in keys_by_kind(refs).items():
            for part in q.chunks(keys):
                self.connection.execute(q.DELETE_RECORDS, {"p_kind": kind, "p_keys": part})

    def tombstones(self, upto: int, limit: int, after: int = 0) -> list[Record]:
        """Tombstones at feed positions after ``after`` up to ``upto``, in feed order."""
        rows = self.connection.execute(q.TOMBSTONES, {"p_after": after, "p_upto": upto, "p_limit": limit})
        return [self._record(row) for row in rows]

    def scopes(self, refs: Sequence[Ref]) -> dict[Ref, str | None]:
        """The scopes of those records that are there (tombstones too)."""
        found: dict[Ref, str | None] = {}
        for kind, keys in keys_by_kind(refs).items():
            for part in q.chunks(keys):
                for key, scope in self.connection.execute(q.SCOPES, {"p_kind": kind, "p_keys": part}):
                    found[Ref(kind, key)] = scope
        return found

    def feed(
        self, after: int, limit: int, not_learned_from: str | None, coverage: Coverage | None = None
    ) -> list[Record]:
        """Records in feed order after a position, without those that the given origin itself has sent."""
        parameters: dict[str, Any] = {"p_after": after, "p_limit": limit}
        statement = q.FEED
        if not_learned_from is not None:
            statement, parameters["p_reader"] = q.FEED_FOR, not_learned_from
        if coverage is not None and not coverage.is_full:
            statement, more = perhaps_inside(statement, coverage)
            parameters |= more
        return [self._record(row) for row in self.connection.execute(statement, parameters)]

    def outside(self, after: int, upto: int, limit: int, coverage: Coverage) -> list[Record]:
        """Living records that are not part of ``coverage``, in feed order, after a position up to another."""
        found = picking_outside(self.connection, after, upto, limit, coverage)
        return [self._record(row) for row in itertools.islice(found, limit)]

    def evicted(self, limit: int, after: int | None = None) -> list[Record]:
        """Records of which only the version is left, by position."""
        bounds = {"p_after": _FIRST if after is None else after, "p_limit": limit}
        return [self._record(row) for row in self.connection.execute(q.EVICTED, bounds)]

    def carrying(self, after: int, limit: int) -> list[Record]:
        """Records with fields that this release can't store, in feed order after a position."""
        rows = self.connection.execute(q.CARRYING, {"p_after": after, "p_limit": limit})
        return [self._record(row) for row in rows]

    def carried(self, after: int, limit: int, reasons: frozenset[str] | None = None) -> list[Record]:
        """Records that this site's tables can't hold, in feed order after a position."""
        wanted = sorted(CARRIED_REASONS if reasons is None else reasons)
        parameters = {"p_reasons": wanted, "p_after": after, "p_limit": limit}
        return [self._record(row) for row in self.connection.execute(q.CARRIED, parameters)]

    def tallies(
        self, within: Sequence[Bucket] | None, coverage: Coverage | None = None
    ) -> dict[Bucket, Tally]:
        """The buckets one digit below each of these that hold records; None: all kinds.

        Only of records that are part of ``coverage``.
        """
        if coverage is None or coverage.is_full:
            return self._tallies(within)
        if coverage.domains is not None:
            return self._scoped(within, coverage)
        found = self._tallies(within)
        return {bucket: tally for bucket, tally in found.items() if coverage.holds(bucket.kind, None)}

    def _scoped(self, within: Sequence[Bucket] | None, coverage: Coverage) -> dict[Bucket, Tally]:
        """The sums of the scopes that are part of it, added up."""
        found: dict[Bucket, Tally] = {}
        for bucket, (*sums, scope) in self._summed(within, q.SCOPED_KINDS, q.SCOPED_BUCKETS, coverage):
            if coverage.holds(bucket.kind, scope):
                more, known = _tally(*sums), found.get(bucket, Tally(0, 0))
                found[bucket] = Tally(known.number + more.number, (known.total + more.total) % 2**64)
        return found

    def _tallies(self, within: Sequence[Bucket] | None) -> dict[Bucket, Tally]:
        found = self._summed(within, q.TALLY_KINDS, q.TALLY_BUCKETS, Coverage())
        return {bucket: _tally(*sums) for bucket, sums in found}

    def _summed(
        self, within: Sequence[Bucket] | None, kinds: Any, buckets: Mapping[int, Any], coverage: Coverage
    ) -> Iterator[tuple[Bucket, Sequence[Any]]]:
        """What the database has summed up below these buckets; there may be some too many scopes."""
        if within is None:
            statement, parameters = of_scopes(kinds, coverage)
            rows = self.connection.execute(statement, parameters)
            yield from ((Bucket(kind), sums) for kind, *sums in rows)
            return
        groups: dict[tuple[str, int], list[Bucket]] = {}
        for bucket in within:
            groups.setdefault((bucket.kind, len(bucket.prefix) + 1), []).append(bucket)
        for (kind, digits), parents in groups.items():
            ranges = parents if len(parents) <= SCATTERED else [Bucket(kind)]
            wanted = {parent.prefix for parent in parents}
            statement, parameters = of_scopes(buckets[digits], coverage)
            for place in ranges:
                limits = {"p_kind": kind, "p_first": place.first, "p_last": place.last}
                for number, *sums in self.connection.execute(statement, {**parameters, **limits}):
                    prefix = f"{number:0{digits}x}"
                    if prefix[:-1] in wanted:
                        yield Bucket(kind, prefix), sums

    def entries(self, within: Bucket, coverage: Coverage | None = None) -> list[Entry]:
        """The records of a bucket that are part of ``coverage``."""
        limits = {"p_kind": within.kind, "p_first": within.first, "p_last": within.last}
        return [
            Entry(
                Ref(within.kind, row.key),
                row.low + (row.high << 32),
                row.seq,
                unpack_version(row.version) if row.deleted else None,
            )
            for row in self.connection.execute(q.ENTRIES, limits)
            if coverage is None or coverage.holds(within.kind, row.scope)
        ]

    def _record(self, row: Any) -> Record:
        kind, key, seq, version, birth, fields, _, _, scope, unknown, learned_from, former = row[:12]
        external = row.external_owners
        return Record(
            ref=Ref(kind, key),
            seq=seq,
            version=unpack_version(version),
            birth=unpack_dot(birth),
            fields=unpack_fields(fields),
            scope=scope,
            unknown=unpack_document(self.ring.decrypt(bytes(unknown), f"{kind}/{key}")) if unknown else {},
            learned_from=learned_from,
            former=tuple(from_json(former)) if former else (),
            carried=self._opened_carried(kind, key, row.carried) if row.carried else None,
            external=unpack_externals(from_json(external)) if external else (),
        )

    def _record_row(self, record: Record) -> dict[str, Any]:
        kind, key = record.ref
        digest = record.digest
        found = fingerprint(record.ref, record.version, digest)
        return {
            "kind": kind,
            "key": key,
            "seq": record.seq,
            "version": pack_version(record.version),
            "birth": pack_dot(record.birth),
            "fields": pack_fields(record.fields),
            "deleted": record.deleted,
            "digest": digest,
            "scope": record.scope,
            "unknown": self._closed(record),
            "learned_from": record.learned_from,
            "former": to_json(list(record.former)) if record.former else None,
            "external_owners": pack_externals(record.external),
            "evicted": record.evicted,
            "bucket": q.NO_BUCKET if record.evicted else bucket_of(record.ref),
            "low": found & _HALF,
            "high": found >> 32,
            "waits": record.carried.reason if record.carried is not None else None,
            "rowless": record.rowless,
            "carried": self._closed_carried(record),
        }

    def _closed(self, record: Record) -> bytes | None:
        """Unknown fields may be secrets."""
        return self.ring.encrypt(pack_document(record.unknown), str(record.ref)) if record.unknown else None

    def _closed_carried(self, record: Record) -> bytes | None:
        """A whole document: it may hold secrets."""
        if record.carried is None:
            return None
        return self.ring.encrypt(pack_carried(record.carried), f"carried:{record.ref}")

    def _opened_carried(self, kind: str, key: str, closed: Any) -> Carried:
        return unpack_carried(self.ring.decrypt(bytes(closed), f"carried:{kind}/{key}"))
