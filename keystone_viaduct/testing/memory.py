"""A whole site in memory: Keystone's tables and ours, behind the same ports as the SQL store.

It is as strict as a database: a duplicate unique value or a missing owning reference is an error, and a
failed transaction leaves nothing behind.
"""

from __future__ import annotations

import bisect
import copy
import functools
import hashlib
import json
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from keystone_viaduct.errors import KindError, StoreError, ViaductError
from keystone_viaduct.kinds.hashing import Hashing
from keystone_viaduct.kinds.local import is_local
from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.kinds.natural import NaturalKey
from keystone_viaduct.kinds.raw import dumps_members, same_documents
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.shape import Shape
from keystone_viaduct.sync.charter import UNKNOWN, Coverage, domains_of
from keystone_viaduct.sync.external import ExternalDrivers
from keystone_viaduct.sync.model import (
    JUDGED,
    REFUSED,
    THING,
    Bucket,
    Checkpoint,
    Conflict,
    Document,
    Due,
    Entry,
    Held,
    Mark,
    Peer,
    Pending,
    Reason,
    Record,
    Ref,
    SiteState,
    SweepState,
    Tally,
    Version,
    Volume,
    bucket_of,
)
from keystone_viaduct.sync.naming import targets_of
from keystone_viaduct.sync.ports import Claim, Write
from keystone_viaduct.sync.sealing import Signer, verifies
from keystone_viaduct.sync.site.claims import claims_of
from keystone_viaduct.sync.site.needs import Need, needs

T = TypeVar("T")
Fold = Callable[[str], str]
_KEY = "key"
LOST_COMMIT, LOST_ANSWER = "commit", "answer"


class Violation(StoreError):
    """A write that a database would have refused."""


@dataclass
class Data:
    """Everything that one site's database holds; a copy of it is a backup."""

    state: SiteState
    rows: dict[Ref, Document] = field(default_factory=dict)
    marks: dict[int, Mark] = field(default_factory=dict)
    next_mark: int = 1
    records: dict[Ref, Record] = field(default_factory=dict)
    batches: list[tuple[int, str]] = field(default_factory=list)
    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)
    pending: dict[tuple[str, Ref], Pending] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    peers: dict[str, Peer] = field(default_factory=dict)
    parts: dict[str, tuple[str, tuple[bytes, ...]]] = field(default_factory=dict)
    sweep: SweepState = field(default_factory=SweepState)
    held: dict[Ref, Held] = field(default_factory=dict)
    choices: dict[str, dict[Ref, str]] = field(default_factory=dict)
    made: dict[tuple[str, Ref], None] = field(default_factory=dict)
    due: dict[Due, int] = field(default_factory=dict)

    def copy(self) -> Data:
        """A copy whose containers are its own (the values are never changed in place)."""
        twin = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, dict | list):
                setattr(twin, name, value.copy())
        return twin


def empty(site: str, hub: str, *, incarnation: str, secret: bytes = b"fleet secret of a test") -> Data:
    """The data of a fresh site."""
    return Data(SiteState(site, incarnation, hub, 1, 0, "", Version(), secret))


@functools.lru_cache(maxsize=1024)
def signer_of(site: str) -> Signer:
    """The key for signatures of a site in memory."""
    return Signer([hashlib.sha256(site.encode()).digest()])


class MemoryStore:
    """``ports.Store`` over :class:`Data`.

    ``known`` limits the fields of a kind to those of an older release; ``unstorable`` are texts of which
    none may be in a value that this database holds; ``fold`` makes texts that it takes for equal the same
    (None: only equal ones are).
    ``drivers`` is what the site's configuration says of external drivers; ``directory`` are the users and
    groups that such drivers know: no database refuses a reference to them. ``signer`` is None at a site
    whose release does not sign.
    One transaction at a time is open, so threads may share it. ``faults`` come with the next commits: the
    connection is lost before it is done, or after it (:data:`LOST_COMMIT`, :data:`LOST_ANSWER`).
    """

    def __init__(self, data: Data, known: Mapping[str, frozenset[str]] | None = None) -> None:
        self.data = data
        self.known = dict(known or {})
        self.unstorable: frozenset[str] = frozenset()
        self.fold: Fold | None = None
        self.drivers = ExternalDrivers()
        self.directory: frozenset[Ref] = frozenset()
        self.signer: Signer | None = signer_of(data.state.site)
        self.faults: list[str] = []
        self.lock = threading.Lock()

    def run(self, work: Callable[[MemoryTransaction], T]) -> T:
        """Run ``work`` on a copy and keep it if nothing was raised; again where the commit was lost."""
        with self.lock:
            return self._run(work)

    def run_at_once(self, work: Callable[[MemoryTransaction], T]) -> T | None:
        """As :meth:`run`; None while another transaction is open."""
        if not self.lock.acquire(blocking=False):
            return None
        try:
            return self._run(work)
        finally:
            self.lock.release()

    def _run(self, work: Callable[[MemoryTransaction], T]) -> T:
        while True:
            tx = self._begin()
            result = work(tx)
            if self.faults and self.faults.pop(0) == LOST_COMMIT:
                continue
            self.data = tx.data
            return result

    def _begin(self) -> MemoryTransaction:
        return MemoryTransaction(
            self.data.copy(),
            self.known,
            self.unstorable,
            self.fold,
            self.drivers,
            self.directory,
            self.signer,
        )

    def look(self, work: Callable[[MemoryTransaction], T]) -> T:
        """Run ``work`` on a copy that is thrown away; no lock is waited for."""
        return work(self._begin())

    def may_be_a_record(self, error: Exception) -> bool:
        """What a database would refuse, and whatever has no name."""
        return isinstance(error, Violation | KindError) or not isinstance(error, ViaductError)

    def edit(self, writes: Sequence[Write], stamped_at: int) -> None:
        """What an application does in one transaction: write rows, leaving marks as triggers would."""

        def work(tx: MemoryTransaction) -> None:
            tx.write_documents(writes)
            tx.stamp(stamped_at)

        self.run(work)


class MemoryTransaction:
    """``ports.Transaction`` over a copy of the data."""

    def __init__(
        self,
        data: Data,
        known: Mapping[str, frozenset[str]],
        unstorable: frozenset[str] = frozenset(),
        fold: Fold | None = None,
        drivers: ExternalDrivers | None = None,
        directory: frozenset[Ref] = frozenset(),
        signer: Signer | None = None,
    ) -> None:
        self.data = data
        self._signer = signer
        self._drivers = drivers or ExternalDrivers()
        self._directory = directory
        self._unstorable = unstorable
        self._fold = fold
        self._known = known
        self._new_marks: list[int] = []

    # tables

    def known_fields(self, kind: str) -> frozenset[str]:
        """Everything, unless limited."""
        return self._known.get(kind, _Everything())

    def release(self) -> str:
        """All kinds; ``*`` stands for the fields of one that is not limited."""
        return _release(tuple(sorted(self._known.items())))

    def release_is_current(self) -> bool:
        """A store has one view of itself."""
        return True

    def defaults(self, kind: str) -> Document:
        """None: a document in memory lists only what it says."""
        return {}

    def refusals(self, kind: str, documents: Sequence[Document]) -> list[str | None]:
        """Nothing is too long for memory; ``unstorable`` stands for what a database would refuse."""
        return [self._refusal(kind, document) for document in documents]

    def _refusal(self, kind: str, document: Document) -> str | None:
        bad = [
            name for name, value in document.items() if any(text in str(value) for text in self._unstorable)
        ]
        if bad:
            return f"field {min(bad)} can't be stored here"
        field = self._indistinct(kind, document)
        return f"field {field} has two members that are the same here" if field else None

    def _indistinct(self, kind: str, document: Document) -> str | None:
        """A set with two members that this database takes for equal."""
        fold = self._fold
        if fold is None:
            return None
        for child in REGISTRY[kind].children:
            value = document.get(child.field)
            if child.shape is Shape.SET and isinstance(value, list):
                if len({fold(str(item)) for item in value}) < len(value):
                    return child.field
        return None

    def external_drivers(self) -> ExternalDrivers:
        """As the store was told."""
        return self._drivers

    def hashing(self) -> Hashing:
        """With Keystone's defaults."""
        return Hashing()

    def large(self, refs: Sequence[Ref], beyond: int) -> dict[Ref, int]:
        """By the texts of the rows."""
        sizes = {ref: len(dumps_members(self.data.rows[ref])) for ref in refs if ref in self.data.rows}
        return {ref: size for ref, size in sizes.items() if size > beyond}

    def documents(self, refs: Sequence[Ref]) -> dict[Ref, Document]:
        """Copies of the rows that are there."""
        there = {ref: self.data.rows[ref] for ref in refs if ref in self.data.rows}
        return {ref: dict(row) for ref, row in there.items() if not is_local(*ref, row)}

    def site_only(self, refs: Sequence[Ref]) -> set[Ref]:
        """By their ids."""
        return {ref for ref in refs if ref in self.data.rows and is_local(*ref, self.data.rows[ref])}

    def lock_documents(self, refs: Sequence[Ref]) -> set[Ref]:
        """Nothing else runs meanwhile."""
        return set(self.documents(refs))

    def write_documents(self, writes: Sequence[Write]) -> None:
        """Delete, then write; then check what a database's constraints would check."""
        for write in writes:
            current = self.data.rows.get(write.ref)
            if not same_documents(current, write.old):
                raise Violation(
                    f"{write.ref} is not what the writer believes", was=current, believed=write.old
                )
            if write.new is None:
                self.data.rows.pop(write.ref, None)
            elif why := self._refusal(write.ref.kind, write.new):
                raise Violation(f"{write.ref}: {why}")
            else:
                self.data.rows[write.ref] = dict(write.new)
            self._mark(write.ref)
        self._check(writes)

    def referrers(
        self, refs: Sequence[Ref], modes: frozenset[Mode], kinds: frozenset[str] | None = None
    ) -> dict[Ref, list[Ref]]:
        """A scan."""
        wanted = set(refs)
        found: dict[Ref, list[Ref]] = {}
        for ref, document in self.data.rows.items():
            if kinds is not None and ref.kind not in kinds:
                continue
            for reference in REGISTRY[ref.kind].references_of(document):
                target = Ref(reference.kind, reference.key)
                if target in wanted and reference.mode in modes:
                    found.setdefault(target, []).append(ref)
        return found

    def enforced(self, kind: str) -> list[NaturalKey]:
        """As declared; keys too where texts are folded."""
        declared = REGISTRY[kind]
        found = [natural for natural in declared.natural if natural.enforced]
        if self._fold is None or len(declared.key) != 1 or declared.rootless:
            return found
        if all(natural.fields != declared.key for natural in found):
            found.append(NaturalKey(_KEY, declared.key))
        return found

    def folded(self, claims: Sequence[Claim]) -> dict[Claim, Claim]:
        """Every text in them is folded."""
        fold = self._fold
        if fold is None:
            return {claim: claim for claim in claims}
        return {
            claim: claim._replace(
                values=tuple(fold(part) if isinstance(part, str) else part for part in claim.values)
            )
            for claim in claims
        }

    def holders(self, claims: Sequence[Claim]) -> dict[Claim, Ref]:
        """A scan of the kinds concerned."""
        held: dict[Claim, Ref] = {}
        for ref, mine in self._claimed({claim.kind for claim in claims}, code=True):
            held.update((claim, ref) for claim in mine)
        wanted = self.folded(claims)
        return {claim: held[folded] for claim, folded in wanted.items() if folded in held}

    def _claimed(self, kinds: Collection[str], *, code: bool = False) -> Iterator[tuple[Ref, list[Claim]]]:
        """What the rows of these kinds claim, folded."""
        for ref, document in self.data.rows.items():
            if ref.kind in kinds:
                yield ref, list(self.folded(claims_of(self, ref, document, code=code)).values())

    def _check(self, writes: Sequence[Write]) -> None:
        """As a database does: a reference is looked at when it is written, or when its target goes."""
        touched = [write.ref for write in writes]
        seen: dict[Claim, Ref] = {}
        for ref, mine in self._claimed({ref.kind for ref in touched}):
            for claim in mine:
                if seen.setdefault(claim, ref) != ref:
                    raise Violation(f"{ref} and {seen[claim]} both hold {claim}")
        for ref in touched:
            field = self._indistinct(ref.kind, self.data.rows.get(ref, {}))
            if field is not None:
                raise Violation(f"{ref} has two members in {field} that are the same")
        for ref, old, *_ in writes:
            before = needs(ref, old or {})
            for need in needs(ref, self.data.rows.get(ref, {})):
                if need not in before and not self._is_there(need):
                    raise Violation(f"{ref} refers to {need}, which is not there")
        gone = [ref for ref in touched if ref not in self.data.rows]
        for target, referring in self.referrers(gone, frozenset({Mode.OWNING})).items():
            if not (target in self._directory and all(map(self._may_be_external, referring))):
                raise Violation(f"{referring[0]} still refers to {target}")

    def _is_there(self, need: Need) -> bool:
        known_outside = need.may_be_external and need.any_of[0] in self._directory
        return need.unchecked or known_outside or any(target in self.data.rows for target in need.any_of)

    def _may_be_external(self, ref: Ref) -> bool:
        wanted = needs(ref, self.data.rows[ref])
        owners = [need for need in wanted if need.any_of[0] in self._directory]
        return all(need.may_be_external for need in owners)

    # marks

    def _mark(self, ref: Ref, stamped_at: int = 0) -> None:
        mark = Mark(self.data.next_mark, ref, stamped_at)
        self.data.marks[mark.id] = mark
        self.data.next_mark += 1
        self._new_marks.append(mark.id)

    def stamp(self, stamped_at: int) -> None:
        """Give the marks of this transaction their time."""
        for mark_id in self._new_marks:
            self.data.marks[mark_id] = self.data.marks[mark_id]._replace(stamped_at=stamped_at)

    def take_marks(self, limit: int, after: int = 0) -> list[Mark]:
        """Oldest first, with all other marks of the same records."""
        marks = [self.data.marks[mark_id] for mark_id in sorted(self.data.marks)]
        first = [mark for mark in marks if mark.id > after][:limit]
        refs, ids = {mark.ref for mark in first}, {mark.id for mark in first}
        return first + [mark for mark in marks if mark.ref in refs and mark.id not in ids]

    def marks_of(self, refs: Sequence[Ref]) -> list[Mark]:
        """All marks of these records."""
        wanted = set(refs)
        return [mark for mark in self.data.marks.values() if mark.ref in wanted]

    def drop_marks(self, ids: Sequence[int]) -> None:
        """Forget them."""
        for mark_id in ids:
            self.data.marks.pop(mark_id, None)

    def drop_own_marks(self, refs: Sequence[Ref]) -> None:
        """Every other time, as on databases that can and that can't tell whose a mark is."""
        wanted = set(refs)
        if self.data.next_mark % 2:
            there = (mark_id for mark_id in self._new_marks if mark_id in self.data.marks)
            own = [mark_id for mark_id in there if self.data.marks[mark_id].ref in wanted]
            self._new_marks = [mark_id for mark_id in self._new_marks if mark_id not in set(own)]
            self.drop_marks(own)

    def add_marks(self, refs: Sequence[Ref], stamped_at: int) -> None:
        """By hand."""
        for ref in refs:
            self._mark(ref, stamped_at)

    # records

    def state(self) -> SiteState:
        """The site's row."""
        return self.data.state

    def save_state(self, state: SiteState) -> None:
        """Store it; a new nonce closes a batch."""
        if state.nonce != self.data.state.nonce:
            self.data.batches = [batch for batch in self.data.batches if batch[0] != state.head]
            self.data.batches.append((state.head, state.nonce))
        self.data.state = state

    def nonce_at(self, seq: int) -> str | None:
        """The nonce of the first batch that reaches this position."""
        index = bisect.bisect_left(self.data.batches, (seq, ""))
        return self.data.batches[index][1] if index < len(self.data.batches) else None

    def old_batches(self, upto: int, limit: int) -> list[tuple[int, str]]:
        """Oldest first."""
        return [batch for batch in self.data.batches if batch[0] <= upto][:limit]

    def drop_batches(self, upto: int) -> None:
        """One forgotten batch stands for them."""
        self.data.batches = [(upto, ""), *(batch for batch in self.data.batches if batch[0] > upto)]

    def has_batch(self, nonce: str) -> bool:
        """A scan."""
        return any(batch[1] == nonce for batch in reversed(self.data.batches))

    def records(self, refs: Sequence[Ref]) -> dict[Ref, Record]:
        """Those that are there."""
        return {ref: self.data.records[ref] for ref in refs if ref in self.data.records}

    def save_records(self, records: Sequence[Record]) -> None:
        """Insert or replace."""
        for record in records:
            self.data.records[record.ref] = record

    def drop_records(self, refs: Sequence[Ref]) -> None:
        """Forget them."""
        for ref in refs:
            del self.data.records[ref]

    def tombstones(self, upto: int, limit: int, after: int = 0) -> list[Record]:
        """In feed order."""
        found = [r for r in self.data.records.values() if r.deleted and after < r.seq <= upto]
        return sorted(found, key=lambda record: record.seq)[:limit]

    def scopes(self, refs: Sequence[Ref]) -> dict[Ref, str | None]:
        """Of those that are there."""
        return {ref: record.scope for ref, record in self.records(refs).items()}

    def feed(
        self, after: int, limit: int, not_learned_from: str | None, coverage: Coverage | None = None
    ) -> list[Record]:
        """In feed order; as generous with what has moved as a database."""
        entries = [
            record
            for record in self.data.records.values()
            if record.seq > after
            and not record.evicted
            and (not_learned_from is None or record.learned_from != not_learned_from)
            and (coverage is None or _perhaps(coverage, record))
        ]
        return sorted(entries, key=lambda record: record.seq)[:limit]

    def outside(self, after: int, upto: int, limit: int, coverage: Coverage) -> list[Record]:
        """In feed order."""
        entries = [
            record
            for record in self.data.records.values()
            if after < record.seq <= upto
            and not record.evicted
            and not record.deleted
            and not coverage.holds(record.ref.kind, record.scope)
        ]
        return sorted(entries, key=lambda record: record.seq)[:limit]

    def carries(self) -> bool:
        """A scan."""
        return any(record.carried is not None for record in self.data.records.values())

    def carried_naming(self, targets: Sequence[str]) -> list[Record]:
        """A scan."""
        wanted = {*targets}
        found = [r for r in self.data.records.values() if wanted & targets_of(r)]
        return sorted(found, key=lambda record: record.seq)

    def forget_names(self) -> None:
        """Nothing is kept."""

    def tallies(
        self, within: Sequence[Bucket] | None, coverage: Coverage | None = None
    ) -> dict[Bucket, Tally]:
        """A scan."""
        wanted = None if within is None else set(within)
        found: dict[Bucket, Tally] = {}
        for ref, record in self.data.records.items():
            if record.evicted or not (coverage is None or coverage.holds(ref.kind, record.scope)):
                continue
            digits = f"{bucket_of(ref):04x}"
            for size in range(len(digits) + 1) if wanted is not None else (0,):
                if wanted is None or (size and Bucket(ref.kind, digits[: size - 1]) in wanted):
                    bucket = Bucket(ref.kind, digits[:size])
                    count, total = found.get(bucket, (0, 0))
                    found[bucket] = Tally(count + 1, (total + record.fingerprint) % 2**64)
        return found

    def entries(self, within: Bucket, coverage: Coverage | None = None) -> list[Entry]:
        """A scan."""
        return [
            Entry(ref, record.fingerprint, record.seq, record.version if record.deleted else None)
            for ref, record in self.data.records.items()
            if ref.kind == within.kind
            and within.first <= bucket_of(ref) <= within.last
            and not record.evicted
            and (coverage is None or coverage.holds(ref.kind, record.scope))
        ]

    def evicted(self, limit: int, after: int | None = None) -> list[Record]:
        """By position."""
        evicted = (record for record in self.data.records.values() if record.evicted)
        found = [record for record in evicted if after is None or record.seq > after]
        return sorted(found, key=lambda record: record.seq)[:limit]

    def carrying(self, after: int, limit: int) -> list[Record]:
        """In feed order."""
        found = self.feed(after, len(self.data.records), None)
        return [record for record in found if record.unknown][:limit]

    def carried(self, after: int, limit: int, reasons: frozenset[str] | None = None) -> list[Record]:
        """In feed order."""
        found = [
            record
            for record in self.data.records.values()
            if record.carried is not None and (reasons is None or record.carried.reason in reasons)
        ]
        return sorted((r for r in found if r.seq > after), key=lambda record: record.seq)[:limit]

    # bookkeeping

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

    def close_conflict(self, identifier: str, resolution: str) -> None:
        """It is not open any more."""
        self.data.conflicts = [
            replace(row, open=False, resolution=resolution) if row.id == identifier else row
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

    # budgets

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
            if record.ref.kind in kinds and _in_tables(record) and "/" in (record.scope or "")
            if domain in domains_of(record.scope)
        ]
        return sorted(found)[:limit]

    def grants_within(self, domain: str, roles: Collection[str], limit: int) -> list[Ref]:
        """By their scopes and keys."""
        found = [
            record.ref
            for record in self.data.records.values()
            if record.ref.kind == "assignment" and _in_tables(record) and record.scope == domain
            if record.ref.key.split("/")[3] not in roles
        ]
        return sorted(found)[:limit]

    # judging

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

    # sweeps

    def sweep_state(self) -> SweepState:
        """How far it is."""
        return self.data.sweep

    def save_sweep_state(self, state: SweepState) -> None:
        """Store it."""
        self.data.sweep = state

    def live_keys(self, kind: str, after: str, limit: int) -> list[str]:
        """By key."""
        living = (record.ref for record in self.data.records.values() if _in_tables(record))
        return sorted(ref.key for ref in living if ref.kind == kind and ref.key > after)[:limit]

    def row_keys(self, kind: str, after: str, limit: int) -> list[str]:
        """By key."""
        rows = self.data.rows.items()
        found = (ref.key for ref, row in rows if ref.kind == kind and not is_local(*ref, row))
        return sorted(key for key in found if key > after)[:limit]

    def unmarked(self, kind: str, keys: Sequence[str]) -> list[str]:
        """Neither marked nor recorded as living."""
        marked = {mark.ref for mark in self.data.marks.values()}
        living = {record.ref for record in self.data.records.values() if _in_tables(record)}
        return [key for key in keys if Ref(kind, key) not in marked | living]

    def count_live(self, kind: str) -> int:
        """A scan."""
        records = [record for record in self.data.records.values() if record.ref.kind == kind]
        return sum(map(_in_tables, records))

    def count_rows(self, kind: str) -> int:
        """A scan."""
        return sum(ref.kind == kind and not is_local(*ref, row) for ref, row in self.data.rows.items())

    def held(
        self, limit: int, after: Held | None = None, reasons: Collection[Reason] = tuple(Reason)
    ) -> list[Held]:
        """The oldest first."""

        def place(item: Held) -> tuple[int, Ref]:
            return item.found_at, item.ref

        wanted = [item for item in self.data.held.values() if item.reason in reasons]
        found = [item for item in wanted if after is None or place(item) > place(after)]
        return sorted(found, key=place)[:limit]

    def held_of(self, refs: Sequence[Ref]) -> dict[Ref, Held]:
        """Those of these records."""
        return {ref: self.data.held[ref] for ref in refs if ref in self.data.held}

    def hold(self, found: Sequence[Held]) -> None:
        """Each record once."""
        self.data.held.update((item.ref, item) for item in found)

    def let_go(self, refs: Sequence[Ref]) -> None:
        """Take from them."""
        for ref in refs:
            self.data.held.pop(ref, None)

    def peers(self) -> Mapping[str, Peer]:
        """By site."""
        return dict(self.data.peers)

    def save_peer(self, peer: Peer) -> None:
        """Insert or replace."""
        self.data.peers[peer.site] = peer

    def drop_peer(self, site: str) -> None:
        """Forget it."""
        self.data.peers.pop(site, None)

    # signatures

    def signing_keys(self) -> Sequence[str]:
        """Of the store's signer."""
        return self._signer.keys if self._signer is not None else ()

    def sign(self, text: str) -> Mapping[str, str]:
        """By the store's signer."""
        return self._signer.sign(text) if self._signer is not None else {}

    def verifies(self, key: str, text: str, signature: str) -> bool:
        """As everywhere."""
        return verifies(key, text, signature)


@functools.lru_cache(maxsize=64)
def _release(known: tuple[tuple[str, frozenset[str]], ...]) -> str:
    limited = dict(known)
    return json.dumps({kind: sorted(limited.get(kind, {"*"})) for kind in REGISTRY})


def _volume(contents: Sequence[Document]) -> Volume:
    return Volume(len(contents), sum(len(repr(content)) for content in contents))


def _in_tables(record: Record) -> bool:
    """Whether a record should have a row."""
    return not (record.deleted or record.evicted or record.rowless)


def _perhaps(coverage: Coverage, record: Record) -> bool:
    if coverage.kinds is not None and record.ref.kind not in coverage.kinds:
        return False
    unsure = bool(record.former) or UNKNOWN in domains_of(record.scope)
    return unsure or coverage.holds(record.ref.kind, record.scope)


class _Everything(frozenset[str]):
    """The fields of a release that knows all of them."""

    def __contains__(self, name: object) -> bool:
        return True
