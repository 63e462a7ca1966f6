"""The one list of what waits at a site, and why: for status, doctor, the API, metrics and logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import CONFLICT, QUARANTINED, UNTRIED, Document, Reason, Ref, Waiting
from keystone_viaduct.sync.ports import Transaction

_BATCH = 500
#: Fields in which a record's name may stand.
NAMES = ("name", "local.name", "resource_name", "remote_id")
_LONGEST = 100


def waiting(tx: Transaction) -> list[Waiting]:
    """All of it, the longest waiting first."""
    found = chain(_pending(tx), _carried(tx), _held(tx))
    told = (item._replace(name=shown(item.name), why=shown(item.why)) for item in found)
    return sorted(told, key=lambda item: (item.since, item.ref))


def shown(text: str) -> str:
    """A text that any answer and any log can hold: halves of surrogate pairs are written out."""
    return text.encode(errors="backslashreplace").decode()


def counted(found: Sequence[Waiting]) -> dict[str, int]:
    """How many are in each state."""
    return dict(sorted(Counter(item.state for item in found).items()))


def _pending(tx: Transaction) -> Iterator[Waiting]:
    for source in sorted(tx.peers()):
        for entry in tx.pending(source):
            state = "refused" if entry.reason == CONFLICT else "pending"
            if entry.reason in UNTRIED:
                state = "quarantined"
            ref, name = entry.change.ref, name_of(entry.change.ref, entry.change.document)
            yield Waiting(ref, name, state, entry.reason, entry.why, source, entry.since)


def _carried(tx: Transaction) -> Iterator[Waiting]:
    after = 0
    while batch := tx.carried(after, _BATCH):
        for record in batch:
            carried = record.carried
            if carried is not None:
                state = "quarantined" if carried.reason == QUARANTINED else "carried"
                name = name_of(record.ref, {**(carried.base or {}), **carried.document})
                told = carried.reason, carried.why, carried.source, carried.since
                yield Waiting(record.ref, name, state, *told)
        after = batch[-1].seq


def _held(tx: Transaction) -> Iterator[Waiting]:
    after = None
    while batch := tx.held(_BATCH, after):
        for item in batch:
            state = "quarantined" if item.reason is Reason.QUARANTINED else "held"
            yield Waiting(item.ref, "", state, str(item.reason), item.why, "", item.found_at)
        after = batch[-1]


def name_of(ref: Ref, document: Document) -> str:
    """What people call it; never a secret."""
    secret = REGISTRY[ref.kind].is_secret
    found = (document.get(name) for name in NAMES if not secret(name))
    return next((text[:_LONGEST] for text in found if isinstance(text, str)), "")
