"""The protocols between what decides (``sync.site``, ``sync.link``) and what does I/O.

``Transaction`` is one database transaction at one site. Each implementation passes the conformance suite in
``keystone_viaduct.testing.conformance.transaction``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from keystone_viaduct.kinds.hashing import Hashing
from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.kinds.natural import NaturalKey
from keystone_viaduct.sync.charter import Coverage
from keystone_viaduct.sync.external import ExternalDrivers
from keystone_viaduct.sync.keyset.public import SiteKeys
from keystone_viaduct.sync.model import (
    ApplyResult,
    Bucket,
    Checkpoint,
    Conflict,
    Document,
    Due,
    Entry,
    Fence,
    Held,
    Listing,
    Mark,
    Page,
    Peer,
    Pending,
    Places,
    Reason,
    Record,
    Ref,
    SiteState,
    Standing,
    Summary,
    SweepState,
    Tally,
    Volume,
)
from keystone_viaduct.sync.statement import Lineage, Statement

T = TypeVar("T")


class Write(NamedTuple):
    """One change of Keystone's tables: ``old`` None = create, ``new`` None = delete.

    ``vacate``: another write of the same set needs the name that this record holds now, so it must be given a
    temporary one first (two names swapped); or the key of a record that is deleted, which must go first.
    """

    ref: Ref
    old: Document | None
    new: Document | None
    vacate: bool = False


class Claim(NamedTuple):
    """A unique value that a document of ``kind`` claims under a natural key."""

    kind: str
    constraint: str
    values: tuple[object, ...]


class Tables(Protocol):
    """Keystone's own tables, as documents."""

    def known_fields(self, kind: str) -> frozenset[str]:
        """Fields that this release can store; patterns are ``prefix.*``."""

    def release(self) -> str:
        """What the schema can store, as this process knows it: JSON of kind -> sorted fields."""

    def release_is_current(self) -> bool:
        """Whether the schema still is as this process knows it; looks at the database."""

    def defaults(self, kind: str) -> Document:
        """What a column holds when nothing is given, per field (None included)."""

    def refusals(self, kind: str, documents: Sequence[Document]) -> list[str | None]:
        """Why this database can't hold each document; None if it can.

        (A size, a character, a type, two members that it takes for equal; field and limit are named.)
        """

    def external_drivers(self) -> ExternalDrivers:
        """Which domains have an identity driver other than SQL, by Keystone's configuration."""

    def hashing(self) -> Hashing:
        """The most that this site may be made to pay for comparing a password."""

    def large(self, refs: Sequence[Ref], beyond: int) -> dict[Ref, int]:
        """Those of these records whose texts have more than so many characters in all, and how many."""

    def documents(self, refs: Sequence[Ref]) -> dict[Ref, Document]:
        """The documents that are there; the others are absent from the result."""

    def site_only(self, refs: Sequence[Ref]) -> set[Ref]:
        """Those of these records whose rows are here and never travel (``kinds.local``): no document is found
        for them.
        """

    def lock_documents(self, refs: Sequence[Ref]) -> set[Ref]:
        """Keep others from writing these records until this transaction ends; those that have a row, whether
        it can be read or not.
        """

    def write_documents(self, writes: Sequence[Write]) -> None:
        """Do all of them, in an order that foreign keys and unique names allow."""

    def referrers(
        self, refs: Sequence[Ref], modes: frozenset[Mode], kinds: frozenset[str] | None = None
    ) -> dict[Ref, list[Ref]]:
        """Per record, the records (of ``kinds``; None: any) that refer to it by a reference of these modes.

        What has no index is read through: say of which kinds it is about.
        """

    def enforced(self, kind: str) -> Sequence[NaturalKey]:
        """The natural keys that the database guards; a record's key too, where two of them may be equal."""

    def folded(self, claims: Sequence[Claim]) -> dict[Claim, Claim]:
        """Each claim as the database compares it: it takes two for equal if and only if these are equal.

        (Collations may fold case, accents, blanks at the end.) They mean the same in every transaction.
        """

    def holders(self, claims: Sequence[Claim]) -> dict[Claim, Ref]:
        """Which record holds each claimed value now, by the database's own idea of equality."""


class Marks(Protocol):
    """``viaduct_dirty``."""

    def take_marks(self, limit: int, after: int = 0) -> list[Mark]:
        """Committed marks with a number above ``after``, oldest first; they stay until dropped.

        With a record's mark come all other ones of it, behind the first ``limit``: there may be more.
        """

    def marks_of(self, refs: Sequence[Ref]) -> list[Mark]:
        """All committed marks of these records, read afresh."""

    def drop_marks(self, ids: Sequence[int]) -> None:
        """Forget these marks."""

    def drop_own_marks(self, refs: Sequence[Ref]) -> None:
        """Forget the marks that this transaction's own writes of these records have made.

        Never another's. Where the database can't tell them apart they stay, and are found to say nothing new.
        """

    def add_marks(self, refs: Sequence[Ref], stamped_at: int) -> None:
        """Mark records by hand, as a trigger would."""


class Records(Protocol):
    """``viaduct_record`` and what belongs to the site's state."""

    def state(self) -> SiteState:
        """The site's row, locked until this transaction ends (one sequencer at a time)."""

    def save_state(self, state: SiteState) -> None:
        """Store the row; a changed ``nonce`` makes a new batch that ends at ``head``."""

    def nonce_at(self, seq: int) -> str | None:
        """Nonce of the batch that holds this feed position; None when there is none, '' when forgotten."""

    def old_batches(self, upto: int, limit: int) -> list[tuple[int, str]]:
        """Last position and nonce of batches that end at or before a position, oldest first."""

    def drop_batches(self, upto: int) -> None:
        """Forget the nonces of batches that end at or before this one's last position: they are '' then."""

    def has_batch(self, nonce: str) -> bool:
        """Whether some batch of this site's has that nonce."""

    def records(self, refs: Sequence[Ref]) -> dict[Ref, Record]:
        """The records that are there (tombstones too)."""

    def save_records(self, records: Sequence[Record]) -> None:
        """Insert or replace."""

    def drop_records(self, refs: Sequence[Ref]) -> None:
        """Forget tombstones."""

    def tombstones(self, upto: int, limit: int, after: int = 0) -> list[Record]:
        """Tombstones at feed positions after ``after`` up to ``upto``, in feed order."""

    def scopes(self, refs: Sequence[Ref]) -> dict[Ref, str | None]:
        """The scopes of those records that are there (tombstones too)."""

    def feed(
        self, after: int, limit: int, not_learned_from: str | None, coverage: Coverage | None = None
    ) -> list[Record]:
        """Records in feed order after a position, without those that the given origin itself has sent.

        With ``coverage`` those left out are surely not part of it; others that are not may be among the rest.
        Records that were evicted are not in the feed.
        """

    def outside(self, after: int, upto: int, limit: int, coverage: Coverage) -> list[Record]:
        """Living records that are not part of ``coverage``, in feed order, after a position up to another."""

    def evicted(self, limit: int, after: int | None = None) -> list[Record]:
        """Records of which only the version is left, by position, after one (None: from the first)."""

    def carrying(self, after: int, limit: int) -> list[Record]:
        """Records with fields that this release can't store, in feed order after a position."""

    def carried(self, after: int, limit: int, reasons: frozenset[str] | None = None) -> list[Record]:
        """Records that this site's tables can't hold, for one of the reasons (None: any), in feed order after
        a position.
        """

    def carries(self) -> bool:
        """Whether anything is carried; it may say so for a while after nothing is."""

    def carried_naming(self, targets: Sequence[str]) -> list[Record]:
        """Records of which something is carried that names one of these (``sync.naming``), in feed order.

        There may be some too many.
        """

    def forget_names(self) -> None:
        """Drop what is kept for that of records that are not carried any more."""

    def tallies(
        self, within: Sequence[Bucket] | None, coverage: Coverage | None = None
    ) -> dict[Bucket, Tally]:
        """The buckets one digit below each of these that hold records (tombstones too); None: all kinds.

        Only of records that are part of ``coverage`` (None: of all), and never of evicted ones.
        """

    def entries(self, within: Bucket, coverage: Coverage | None = None) -> list[Entry]:
        """The records of a bucket that are part of ``coverage``, but evicted ones."""


class Bookkeeping(Protocol):
    """Checkpoints, waiting changes, conflicts, peers."""

    def checkpoint(self, source: str) -> Checkpoint | None:
        """How far this site has applied the feed of ``source``."""

    def save_checkpoint(self, source: str, checkpoint: Checkpoint | None) -> None:
        """Store it (None: start over)."""

    def parts_had(self, source: str) -> tuple[str, int]:
        """Of which record from there parts are here, and how many; ('', 0) for none."""

    def parts(self, source: str) -> list[bytes]:
        """Those parts, in their order."""

    def save_part(self, source: str, subject: str, number: int, data: bytes) -> None:
        """Keep one more; what is kept of another subject is dropped."""

    def drop_parts(self, source: str) -> None:
        """Drop all of them."""

    def pending(self, source: str) -> list[Pending]:
        """Changes from there that wait, in the source's feed order."""

    def waiting_count(self, source: str) -> int:
        """How many they are."""

    def pending_active(self, source: str) -> list[Pending]:
        """Those of them that lack nothing (``Pending.lacks``)."""

    def pending_lacking(self, source: str, targets: Collection[str]) -> list[Pending]:
        """Those of them that lack one of these."""

    def pending_about(self, refs: Sequence[Ref]) -> list[Pending]:
        """What waits of these records, from any source."""

    def save_pending(self, source: str, waiting: Sequence[Pending], done: Iterable[Ref]) -> None:
        """Store what waits (replacing an older one of the same record) and forget what is done."""

    def add_conflicts(self, conflicts: Sequence[Conflict]) -> None:
        """Append to the list of conflicts."""

    def conflicts_between(self, after: int, upto: int, limit: int) -> list[Conflict]:
        """Those at feed positions after one up to another, in feed order."""

    def known_conflicts(self, ids: Sequence[str]) -> dict[str, Conflict]:
        """Those of them that are on the list."""

    def aliases(self, refs: Sequence[Ref]) -> dict[Ref, str]:
        """What those became that were merged, and not brought back since: the other record's key."""

    def conflict_ids(self) -> list[str]:
        """The whole list, in the order in which it was decided."""

    def place_conflicts(self, positions: Mapping[str, int]) -> None:
        """Give these conflicts new feed positions."""

    def close_conflicts(self, ids: Sequence[str], resolution: str) -> None:
        """An operator has looked at them: they are not open any more."""

    def drop_conflicts(self, before: int, upto: int, limit: int) -> int:
        """Forget closed conflicts that were decided before then, at feed positions up to ``upto``, at most so
        many; how many there were. Those that say what a record was merged into stay.
        """

    def forget_lost(self, before: int) -> int:
        """Take what was lost out of closed conflicts that were decided before then; how many there were."""

    def choices(self, site: str) -> Mapping[Ref, str]:
        """What was chosen for a site that joins and is not used up, by record: hub, site or both."""

    def save_choices(self, site: str, choices: Mapping[Ref, str]) -> None:
        """Replace it."""

    def peers(self) -> Mapping[str, Peer]:
        """The registered peers by site name."""

    def save_peer(self, peer: Peer) -> None:
        """Insert or replace."""

    def drop_peer(self, site: str) -> None:
        """Forget that site; nothing happens if it is not there."""


class Sweeping(Protocol):
    """What the sweep of a site's own tables needs."""

    def sweep_state(self) -> SweepState:
        """How far it is."""

    def save_sweep_state(self, state: SweepState) -> None:
        """Store it."""

    def live_keys(self, kind: str, after: str, limit: int) -> list[str]:
        """Keys of the kind's records that should have a row (neither tombstones nor evicted, nor carried
        without one), after one, in an order of the store's own.
        """

    def row_keys(self, kind: str, after: str, limit: int) -> list[str]:
        """Keys of the kind's rows after one (empty: from the first), in an order of the tables' own."""

    def unmarked(self, kind: str, keys: Sequence[str]) -> list[str]:
        """Those of the keys that have neither a mark nor a record that should have a row."""

    def count_live(self, kind: str) -> int:
        """How many records of the kind should have a row."""

    def count_rows(self, kind: str) -> int:
        """How many records of the kind there are in the tables."""

    def held(
        self, limit: int, after: Held | None = None, reasons: Collection[Reason] = tuple(Reason)
    ) -> list[Held]:
        """What waits for a person or is put aside (for one of these reasons), by age, then kind and key,
        after one of them.
        """

    def held_of(self, refs: Sequence[Ref]) -> dict[Ref, Held]:
        """Those of these records."""

    def hold(self, found: Sequence[Held]) -> None:
        """Add to them (a record once)."""

    def let_go(self, refs: Sequence[Ref]) -> None:
        """Take from them."""


class Budgets(Protocol):
    """What a site costs this one, and who lives where: for bounds and delegations."""

    def waiting_volume(self, source: str) -> Volume:
        """Of the changes from there that wait."""

    def refused_volume(self, site: str) -> Volume:
        """Of what was refused to that site and is on the list of conflicts in full, and that no operator has
        looked at.
        """

    def count_listed(self, site: str, most: int) -> int:
        """How many conflicts were listed of what that site has shown, of any sort, and no operator has looked
        at; at most so many are counted.
        """

    def refused_ids(self, site: str, limit: int) -> list[str]:
        """The oldest of these."""

    def listed_refusals(self, site: str, refs: Sequence[Ref], limit: int) -> list[Conflict]:
        """Those of these records, the latest first, at least so many if there are."""

    def crossing(self, kinds: Collection[str], domain: str, limit: int) -> list[Ref]:
        """The living records of these kinds that belong to that domain (as it stands in a scope) and to
        another one, too.
        """

    def grants_within(self, domain: str, roles: Collection[str], limit: int) -> list[Ref]:
        """The living grants (``assignment``) that belong to that domain alone, but those of these roles (as
        they stand in a key).
        """


class Judging(Protocol):
    """What limited sites have made that lets one act as somebody or shuts him out, found by whom it concerns;
    and what of it the hub has to judge again.
    """

    def note_made(self, found: Mapping[Ref, Collection[str]]) -> None:
        """These records concern so many (``sync.naming.somebody``). There may be some too many."""

    def forget_made(self) -> None:
        """Drop what is noted of records that are not there any more."""

    def due(self, limit: int) -> list[Due]:
        """The oldest of what is to be judged again."""

    def add_due(self, found: Sequence[Due], at: int) -> None:
        """Add to it; what is there already keeps its place in the row."""

    def add_due_made(self, concerned: Collection[str], at: int) -> None:
        """Add the records that are noted to concern one of these."""

    def go_on(self, due: Due, place: str) -> None:
        """Where this one has come to."""

    def drop_due(self, found: Sequence[Due]) -> None:
        """Take from it."""

    def judged(self, refs: Sequence[Ref]) -> list[Conflict]:
        """What is on the list of conflicts of the sort ``judged`` about these records."""

    def count_unseen(self) -> int:
        """How many of that sort no operator has looked at."""


class Signing(Protocol):
    """The site's own key for signatures, and those of others."""

    def signing_keys(self) -> Sequence[str]:
        """The public keys that this site signs with, in hexadecimal, the present one first; none where its
        release does not sign.
        """

    def sign(self, text: str) -> Mapping[str, str]:
        """Its signatures of a text, by public key."""

    def verifies(self, key: str, text: str, signature: str) -> bool:
        """Whether the holder of that public key has signed the text; False for what is no signature."""


class Transaction(Tables, Marks, Records, Bookkeeping, Sweeping, Budgets, Judging, Signing, Protocol):
    """Everything that one transaction at a site can do."""


class Store(Protocol):
    """Opens transactions at one site."""

    def run(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` in one transaction and commit; a serialization failure or deadlock runs it again as
        a whole.
        """

    def run_at_once(self, work: Callable[[Transaction], T]) -> T | None:
        """As :meth:`run`; None, and nothing is done, where it would have to wait for another transaction that
        has the site's row.
        """

    def look(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work``, which writes nothing, on what is committed at one moment: it locks nothing, not even
        the site's row, and waits for no writer.
        """

    def may_be_a_record(self, error: Exception) -> bool:
        """Whether an error that came out of a transaction may lie in a record, and not in the database."""


class KeyPort(Protocol):
    """A site's keys of tokens, as the link sees them: Fernet repositories by name, and JWS public keys."""

    @property
    def name(self) -> str:
        """The site's name."""

    def held_keys(self) -> SiteKeys:
        """What each repository holds, and the public keys of JWS tokens."""

    def sealed_keys(self, repository: str, reader: str) -> bytes:
        """The keys, sealed for ``reader``. Raises Refused."""

    def take_keys(self, repository: str, sealed: bytes) -> float:
        """A step towards the hub's keys; the seconds to wait before the next one, 0.0 when done."""

    def confirm_keys(self, repository: str, site: str, digest: str) -> None:
        """At the hub: that site was seen to hold just that."""

    def import_keys(self, repository: str, site: str, sealed: bytes) -> None:
        """At the hub: keep the keys that a site uses or has used."""

    def take_public(self, keys: Sequence[str], told: Statement | None = None) -> None:
        """Have these public keys (PEM) beside the site's own; ``told``: what the hub has signed of them."""

    def collect_public(self, site: str, own: Mapping[str, str], held: Sequence[str]) -> None:
        """At the hub: that site was seen to have these as its own (fingerprint -> PEM), and to hold those."""

    def advance_public(self) -> None:
        """At the hub: take in its own public keys, and drop what nobody needs any more."""

    def advance_keys(self, repository: str) -> float:
        """At the hub: go a step further, if every site is ready; the seconds after which there is more to do
        (0.0: nothing now).
        """


class SitePort(Protocol):
    """A site as the link sees it: in process, or over HTTP."""

    @property
    def name(self) -> str:
        """The site's name."""

    def read(
        self,
        reader: str,
        after: Checkpoint | None,
        limit: int,
        fence: Fence | None = None,
        parts: str | None = None,
        signed: str = "",
        register: str = "",
    ) -> Page:
        """A page of the feed for ``reader``, a site's name or its origin (``site#incarnation``): what that
        life of it has sent itself is then left out. ``fence`` as in :meth:`standing`; ``parts`` are those
        that the reader has of a large record, ``signed`` names the statement that it has with its charter,
        ``register`` the sites that it knows (:class:`Standing`). Raises FenceMismatch.
        """

    def apply(self, page: Page) -> ApplyResult:
        """Apply a page. Raises CheckpointMismatch, FenceMismatch, Refused."""

    def standing(self, source: str, fence: Fence | None = None) -> Standing:
        """How far this site has come with the feed of ``source``.

        ``fence`` is what ``source`` last knew of this site's own feed: one that was restored from a backup
        finds out here, before the other believes that it still has what it once sent. Raises FenceMismatch.
        """

    def follow(self, term: int, hub: str, fence: Fence | None, told: Lineage = ()) -> None:
        """Become a spoke of ``hub``, which has been promoted in ``term``; does nothing if it is one.

        ``fence`` is what that hub last knew of this site's feed, ``told`` what shows that it is the hub.
        Raises NotSigned, OldTerm, Refused.
        """

    def forget(self, source: str) -> None:
        """Drop the checkpoint: the whole feed of ``source`` is read again and compared."""

    def summary(
        self,
        reader: str,
        within: Sequence[Bucket] | None,
        fence: Fence | None = None,
        kinds: frozenset[str] | None = None,
    ) -> Summary:
        """Tallies of the buckets one digit below each of ``within``, for ``reader`` to compare with its own.

        None: one bucket for each kind (of ``kinds``, where given), after numbering what is unnumbered;
        ``fence`` as in :meth:`standing`. Raises FenceMismatch.
        """

    def listing(self, reader: str, within: Sequence[Bucket]) -> Listing:
        """The records of these buckets, at least of the first; where an answer grows too long, not of all."""

    def show(self, reader: str, refs: Sequence[Ref]) -> Checkpoint:
        """Move these records to the end of the feed, so that ``reader`` surely sees them; the new head.

        Their versions stay as they are. What is not there is left out.
        """

    def resume(self, source: str, places: Places) -> None:
        """Go on with the feed of ``source`` after a comparison. What waits from there is put aside until it
        is shown again.

        Raises FenceMismatch if this site does not have ``places.own`` any more.
        """
