"""Folded digests of a kind's records in buckets: two sites find what differs without sending it all."""

from __future__ import annotations

import hashlib
from typing import Any, cast

from keystone_viaduct.errors import BadRequest
from keystone_viaduct.kinds.registry import get
from keystone_viaduct.sync.api.service import Service, joined
from keystone_viaduct.sync.model import Record
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.sequencer import sequence
from keystone_viaduct.sync.store import SqlTransaction

_STEP = 2000
#: A bucket with at most so many records is listed record by record.
LEAF = 64
DIGITS = 8
_HEX = frozenset("0123456789abcdef")


def key_hash(key: str) -> str:
    """The hexadecimal digits by which a record finds its bucket (BLAKE2b of its key)."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=DIGITS // 2).hexdigest()


class DigestsService:
    """Computed when asked for, in one pass over the records."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def fold(self, kind: str, prefix: str) -> dict[str, Any]:
        """The bucket of keys whose hash begins with ``prefix``.

        ``count`` and ``digest`` of all, and either ``buckets`` (next digit -> [count, digest]) or, when few
        are left, ``records`` (key -> digest of the record, "" for a tombstone). Raises UnknownKind,
        BadRequest.
        """
        get(kind)
        if len(prefix) > DIGITS or not _HEX.issuperset(prefix):
            raise BadRequest(
                f"prefix is not up to {DIGITS} hexadecimal digits", hint="small letters", where="prefix"
            )
        found = self._service.run(lambda tx: _records(tx, kind, prefix, self._service.clock.now()))
        result: dict[str, Any] = {"kind": kind, "prefix": prefix, "count": len(found), "digest": _fold(found)}
        if len(found) <= LEAF or len(prefix) == DIGITS:
            result["records"] = found
            return result
        buckets: dict[str, dict[str, str]] = {}
        for key, digest in found.items():
            buckets.setdefault(key_hash(key)[len(prefix)], {})[key] = digest
        result["buckets"] = {digit: [len(part), _fold(part)] for digit, part in sorted(buckets.items())}
        return result


def _records(tx: SqlTransaction, kind: str, prefix: str, now: int) -> dict[str, str]:
    port = cast(Transaction, tx)
    sequence(port, joined(tx.state()), now)
    found: dict[str, str] = {}
    after = 0
    while True:
        page: list[Record] = tx.feed(after, _STEP, None)
        for record in page:
            if record.ref.kind == kind and key_hash(record.ref.key).startswith(prefix):
                found[record.ref.key] = "" if record.deleted else record.digest
        if len(page) < _STEP:
            return found
        after = page[-1].seq


def _fold(records: dict[str, str]) -> str:
    """The sum of the hashes of (key, digest): order does not matter, and one record more or less shows.

    Tombstones are left out: one site may have purged them already.
    """
    total = 0
    for key, digest in records.items():
        if digest:
            text = f"{key}\0{digest}".encode("utf-8", "surrogatepass")
            total += int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "big")
    return f"{total % 2**128:032x}"
