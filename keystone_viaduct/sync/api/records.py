"""Single records: read, set under a given id, deleted; a write is a local edit like any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from keystone_viaduct.errors import BadRequest, NotThere, Refused, Stale
from keystone_viaduct.kinds.cacheable import uncacheable
from keystone_viaduct.kinds.local import is_local
from keystone_viaduct.kinds.model import Kind, Mode, Type
from keystone_viaduct.kinds.raw import same_documents
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.api.recording import Recording
from keystone_viaduct.sync.api.service import Service, joined
from keystone_viaduct.sync.api.trial import tried
from keystone_viaduct.sync.model import Document, Record, Ref, SiteState
from keystone_viaduct.sync.ports import Claim, Store, Transaction, Write
from keystone_viaduct.sync.site.carrying import drop
from keystone_viaduct.sync.site.claims import claims_of
from keystone_viaduct.sync.site.content import contents, for_tables, is_known
from keystone_viaduct.sync.site.external import outsiders
from keystone_viaduct.sync.site.invariants import check_loops
from keystone_viaduct.sync.site.looking import look
from keystone_viaduct.sync.site.needs import needs
from keystone_viaduct.sync.site.sequencer import sequence_records
from keystone_viaduct.sync.store import SqlTransaction
from keystone_viaduct.sync.waiting import NAMES
from keystone_viaduct.sync.wire.secrecy import is_confidential


@dataclass(frozen=True)
class Found:
    """A record with its content ({} for a tombstone)."""

    record: Record
    content: Document


class Changed(NamedTuple):
    """A record after an edit (None: deleted), and what that has written of it: nothing where it was so."""

    found: Found | None
    created: bool
    writes: tuple[Write, ...]


class RecordsService:
    """Reads and writes one record in one transaction. ``dry_run``: only says what would be."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def get(self, ref: Ref) -> Found:
        """The record, numbered up to now; nothing is locked or written where it is. Raises NotThere."""
        _check_travels(ref)
        now = self._service.clock.now()
        return look(cast(Store, self._service.store), lambda tx: _number(tx, tx.state(), ref, now))

    def named(self, name: str, kinds: Sequence[str], limit: int) -> list[tuple[Ref, str]]:
        """The records of that name, of some kinds. No name is a secret one."""

        def work(tx: SqlTransaction) -> list[tuple[Ref, str]]:
            joined(tx.peek_state())
            found: list[tuple[Ref, str]] = []
            for kind in kinds:
                fields = [field for field in NAMES if not REGISTRY[kind].is_secret(field)]
                for field in fields:
                    if len(found) < limit and field in tx.known_fields(kind):
                        found += tx.named(kind, field, name, limit - len(found))
            return found

        return self._service.store.read(work)

    def put(
        self, ref: Ref, document: Mapping[str, Any], expected: str | None, *, dry_run: bool = False
    ) -> Changed:
        """Create or replace.

        ``expected``: the digest that the caller has read (``If-Match``), None for any. Secret fields that are
        not given keep their values. Raises BadDocument, Refused, Stale.
        """
        kind = REGISTRY[ref.kind]
        _check_travels(ref, document)

        def work(tx: SqlTransaction) -> tuple[Changed, Recording]:
            state = tx.state()
            tx.lock_documents([ref])
            now = self._service.clock.now()
            before = living(tx, state, ref, now)
            _check_expected(before, expected)
            content = _completed(ref, dict(document), before)
            kind.check(content)
            # what is only carried here stays, though this site can't store it
            check_fields(tx, ref, document)
            check_neighbours(cast(Transaction, tx), ref, content)
            recording = Recording(tx)
            write(recording, ref, before, content, now)
            found = _number(cast(Transaction, tx), tx.state(), ref, now)
            return Changed(found, before is None, _difference(ref, before, found)), recording

        return self._done(work, dry_run)

    def delete(self, ref: Ref, expected: str | None, *, dry_run: bool = False) -> Changed:
        """Delete it, if nothing refers to it. Raises NotThere, Refused, Stale."""
        _check_travels(ref)

        def work(tx: SqlTransaction) -> tuple[Changed, Recording]:
            state = tx.state()
            tx.lock_documents([ref])
            now = self._service.clock.now()
            before = living(tx, state, ref, now)
            if before is None:
                raise _missing(ref)
            _check_expected(before, expected)
            owners = tx.referrers([ref], frozenset({Mode.OWNING})).get(ref, [])
            if owners:
                raise Refused(
                    f"{len(owners)} records need {ref}, {owners[0]} among them",
                    hint="delete those first, or delete it by Keystone's own API",
                )
            recording = Recording(tx)
            write(recording, ref, before, None, now)
            sequence_records(cast(Transaction, tx), tx.state(), [ref], now)
            return Changed(None, False, _difference(ref, before, None)), recording

        return self._done(work, dry_run)

    def _done(self, work: Callable[[SqlTransaction], tuple[Changed, Recording]], dry_run: bool) -> Changed:
        if dry_run:
            return tried(self._service.store, work)[0]
        changed, recording = self._service.run(work)
        self._service.around.written(recording.writes, "")
        return changed


def _difference(ref: Ref, before: Found | None, after: Found | None) -> tuple[Write, ...]:
    """Of the record, not of its rows: what was carried beside the tables counts as well."""
    old, new = (None if found is None else found.content for found in (before, after))
    return () if same_documents(old, new) else (Write(ref, old, new),)


def _check_travels(ref: Ref, document: Mapping[str, Any] | None = None) -> None:
    """Raise Refused for what belongs to this site alone: no record is kept of it."""
    if is_local(*ref, document):
        raise Refused(f"{ref} never travels", hint="such accounts are made by `viaduct agent-account`")


def _number(tx: Transaction, state: SiteState, ref: Ref, now: int) -> Found:
    sequence_records(tx, joined(state), [ref], now)
    record = tx.records([ref]).get(ref)
    if record is None:
        raise _missing(ref)
    return Found(record, contents(tx, [ref], {ref: record}).get(ref, {}))


def living(tx: SqlTransaction, state: SiteState, ref: Ref, now: int) -> Found | None:
    """The record, numbered up to now; None when it is not there or deleted."""
    try:
        found = _number(cast(Transaction, tx), state, ref, now)
    except NotThere:
        return None
    return None if found.record.deleted or found.record.evicted else found


def _missing(ref: Ref) -> NotThere:
    return NotThere(f"there is no {ref}", hint="look at its kind and key; deleted records are gone for good")


def _check_expected(before: Found | None, expected: str | None) -> None:
    if expected is None:
        return
    if expected == "*" and before is not None:
        return
    if before is None or before.record.digest != expected:
        raise Stale(
            "the record was changed since its digest was read (If-Match)",
            hint="read it again and decide anew",
        )


def _completed(ref: Ref, document: Document, before: Found | None) -> Document:
    """With the key's own fields, and with secrets that the caller could not read left as they are."""
    kind = REGISTRY[ref.kind]
    if before is not None:
        for name, value in before.content.items():
            if is_confidential(ref.kind, name):
                document.setdefault(name, value)
    if kind.identify is None:
        for name, text in zip(kind.key, kind.split_key(ref.key), strict=True):
            document.setdefault(name, _typed(kind, name, text))
    if kind.key_of(document) != ref.key:
        raise BadRequest(
            f"the document is that of another {ref.kind}",
            hint="leave the fields of its key out, or give them as in the key",
        )
    return document


def _typed(kind: Kind, name: str, text: str) -> Any:
    """A key's part as the field that it stands for."""
    declared = kind.declared.get(name)
    if declared is not None and declared.type is Type.BOOLEAN:
        return text == "1"
    if text == "" and (declared is None or not declared.required):
        return None
    return text


def check_fields(tx: SqlTransaction, ref: Ref, content: Mapping[str, Any]) -> None:
    """Raise BadRequest for a field that this site can't store."""
    known = tx.known_fields(ref.kind)
    unknown = sorted(name for name in content if not is_known(known, name))
    if unknown:
        site = joined(tx.peek_state()).site
        raise BadRequest(
            f"a {ref.kind} has no field {unknown[0][:80]} here",
            hint=f"`viaduct kinds {ref.kind} --site {site}` lists those that there are",
            where=unknown[0][:80],
        )


def check_neighbours(
    tx: Transaction,
    ref: Ref,
    content: Document,
    taken: Callable[[Claim], str] = lambda _: "choose another name",
) -> None:
    """Raise Refused when something that it refers to is missing, or its name is taken (``taken``: what to do
    then); BadRequest when this site's database can't hold it.
    """
    full = for_tables(content, tx.defaults(ref.kind), tx.known_fields(ref.kind))
    for why in tx.refusals(ref.kind, [full]):
        if why is not None:
            raise BadRequest(f"this site's database can't hold {ref}: {why}", hint="change that value")
    kind = REGISTRY[ref.kind]
    if uncacheable(kind, full) and (why := uncacheable(kind, full, tx.documents([ref]).get(ref))):
        raise BadRequest(f"this site's Keystone can't serve {ref}: {why}", hint="change that value")
    for needed in needs(ref, content):
        if needed.unchecked:
            continue
        candidates = list(needed.any_of)
        owners = candidates[:1] if needed.may_be_external else []
        if not tx.documents(candidates) and not outsiders(tx, tx.external_drivers(), owners):
            raise Refused(
                f"{ref} needs {needed}, which is not there", hint="create that first", missing=str(needed)
            )
    check_loops(tx, ref, content)
    for claim, holder in tx.holders(claims_of(tx, ref, content)).items():
        if holder != ref:
            raise Refused(f"{holder} has the same {claim.constraint}", hint=taken(claim), holder=str(holder))


def write(recording: Recording, ref: Ref, before: Found | None, content: Document | None, now: int) -> None:
    """Write what differs, as an edit of this site; of what was carried beside the tables nothing is left."""
    known, defaults = recording.known_fields(ref.kind), recording.defaults(ref.kind)
    old = None if before is None else for_tables(before.content, defaults, known)
    if before is not None and before.record.carried is not None:
        drop(cast(Transaction, recording), [before.record], now)
        old = recording.documents([ref]).get(ref)
    new = None if content is None else for_tables(content, defaults, known)
    if not same_documents(old, new):
        recording.write_documents([Write(ref, old, new)])
