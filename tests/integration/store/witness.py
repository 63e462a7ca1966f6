"""Compares what the marks say with what has really changed."""

from __future__ import annotations

from typing import Any

from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.sync.store import SqlTransaction


def everything(tx: SqlTransaction) -> dict[Ref, Document]:
    """Every document of the database."""
    found: dict[Ref, Document] = {}
    for kind in tx.codecs.kinds:
        keys = tx.codecs.keys(tx.connection, kind, None, 10_000)
        for key, document in tx.codecs.load(tx.connection, kind, keys).items():
            found[Ref(kind, key)] = document
    return found


def marked(tx: SqlTransaction) -> set[Ref]:
    """The records that have marks."""
    return {mark.ref for mark in tx.take_marks(10_000)}


def forget_marks(tx: SqlTransaction) -> None:
    """Drop all marks."""
    tx.drop_marks([mark.id for mark in tx.take_marks(10_000)])


def differing(before: dict[Ref, Document], after: dict[Ref, Document]) -> set[Ref]:
    """The records that were made, changed or deleted."""
    nothing: Any = None
    return {
        ref for ref in before.keys() | after.keys() if before.get(ref, nothing) != after.get(ref, nothing)
    }
