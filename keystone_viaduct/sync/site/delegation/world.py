"""The hub's records as they are and as they will be, for judging what a spoke has done to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.sync.ports import Claim
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.carrying import referrers
from keystone_viaduct.sync.site.content import contents
from keystone_viaduct.sync.site.external import believed


class World(Protocol):
    """What a rule may look at."""

    def before(self, ref: Ref) -> Document | None:
        """The record as the hub has it."""

    def after(self, ref: Ref) -> Document | None:
        """The record as it will be if nothing more is refused."""

    def past_scope(self, ref: Ref) -> str | None:
        """The domain of a record that was deleted, while its tombstone is kept."""

    def outside(self, ref: Ref) -> frozenset[str]:
        """The domains of an owner without a row, by the records that are looked at."""

    def referrers(self, ref: Ref) -> list[tuple[Ref, Mode]]:
        """The hub's records that refer to this one, before anything is changed."""

    def claimed(self, ref: Ref) -> list[Ref]:
        """What records that come in this page refer to this one."""

    def holder(self, kind: str, constraint: str, values: tuple[object, ...]) -> Ref | None:
        """The hub's record that has this name."""


class PageWorld:
    """The hub's tables, and the set of an apply laid over them."""

    def __init__(self, run: Applying) -> None:
        self._run = run
        self._before: dict[Ref, Document | None] = {}
        self._referrers: dict[Ref, list[tuple[Ref, Mode]]] = {}
        self._outside: dict[Ref, set[str]] | None = None

    def preload(self, refs: Iterable[Ref]) -> None:
        """Read many records at once."""
        wanted = [ref for ref in dict.fromkeys(refs) if ref not in self._before]
        if not wanted:
            return
        tx = self._run.tx
        unread = [ref for ref in wanted if ref not in self._run.records]
        found = contents(tx, wanted, {**self._run.records, **(tx.records(unread) if unread else {})})
        self._before.update((ref, found.get(ref)) for ref in wanted)

    def before(self, ref: Ref) -> Document | None:
        """The record as the hub has it."""
        if ref not in self._before:
            self.preload([ref])
        return self._before[ref]

    def after(self, ref: Ref) -> Document | None:
        """The record as it will be if nothing more is refused."""
        intent = self._run.intents.get(ref)
        return intent.content if intent is not None else self.before(ref)

    def past_scope(self, ref: Ref) -> str | None:
        """The domain of a record that was deleted, while its tombstone is kept."""
        record = self._run.records.get(ref) or self._run.tx.records([ref]).get(ref)
        return record.scope if record is not None and record.deleted else None

    def outside(self, ref: Ref) -> frozenset[str]:
        """The domains of an owner without a row, by what the hub has of the page's records, and what is
        believed of the page.
        """
        if self._outside is None:
            run = self._run
            is_believed = believed(run.tx, run.state, run.page.source)
            said = [entry.change.external for entry in run.waiting.values()]
            said += [intent.change.external for intent in run.intents.values()]
            found = {owner for owners in said for owner in owners if is_believed(owner)}
            found.update(owner for record in run.records.values() for owner in record.external)
            self._outside = {}
            for kind, key, domain in found:
                self._outside.setdefault(Ref(kind, key), set()).add(domain)
        return frozenset(self._outside.get(ref, ()))

    def referrers(self, ref: Ref) -> list[tuple[Ref, Mode]]:
        """The hub's records that refer to this one, before anything is changed."""
        if ref not in self._referrers:
            found: list[tuple[Ref, Mode]] = []
            for mode in Mode:
                got = referrers(self._run.tx, [ref], frozenset({mode})).get(ref, [])
                found.extend((referrer, mode) for referrer in got)
            self._referrers[ref] = found
        return self._referrers[ref]

    def claimed(self, ref: Ref) -> list[Ref]:
        """What records that come in this page refer to this one."""
        return [
            intent.ref
            for intent in self._run.intents.values()
            if intent.content is not None
            and any((r.kind, r.key) == ref for r in REGISTRY[intent.ref.kind].references_of(intent.content))
        ]

    def holder(self, kind: str, constraint: str, values: tuple[object, ...]) -> Ref | None:
        """The hub's record that has this name."""
        claim = Claim(kind, constraint, values)
        return self._run.tx.holders([claim]).get(claim)
