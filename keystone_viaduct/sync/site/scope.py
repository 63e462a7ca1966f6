"""The domains that a record belongs to, worked out through the records that it refers to (PROTOCOL rule 10).

A record's ``scope`` is None for what is the whole fleet's, else the domains' ids (as key texts) joined by
``/``. ``?`` among them stands for a record that is not here: such a record goes to no site that is limited to
domains.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from keystone_viaduct.kinds.belonging import DOMAIN, Belonging, belonging, with_needed
from keystone_viaduct.kinds.reference import ANY_MODE
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import key_part
from keystone_viaduct.sync.charter import UNKNOWN, Coverage, domains_of
from keystone_viaduct.sync.external import Externals
from keystone_viaduct.sync.model import Change, Document, Dot, Record, Ref, SiteState, site_of
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.carrying import referrers
from keystone_viaduct.sync.site.content import contents

#: Longer than a column; whatever touches so many domains goes to sites that hold all of them only.
LONGEST = 700


def selection(coverage: Coverage, kinds: Iterable[str]) -> Coverage:
    """What a site is sent: its coverage with the kinds that others need, and only ``kinds`` that it knows.

    Without any ``kinds`` it is taken to know all.
    """
    known = frozenset(kinds)
    chosen = None if coverage.kinds is None else with_needed(coverage.kinds)
    if known and not known >= frozenset(REGISTRY):
        chosen = known if chosen is None else chosen & known
    domains = None if coverage.domains is None else frozenset(map(key_part, coverage.domains))
    return Coverage(chosen, domains)


def evicted_by_its_maker(state: SiteState, change: Change) -> bool:
    """Whether the site that made this record does not hold it, and showed it to another hub than this one, or
    to a life of it that was lost. That site's knowledge of its own edits then says nothing about it.
    """
    return has_past(state) and is_evicted_at(state, change.birth, change)


def has_past(state: SiteState) -> bool:
    """Whether spokes may have shown something to a hub that this one has not received."""
    return state.is_hub and (bool(state.cuts) or state.term > 1)


def is_evicted_at(state: SiteState, dot: Dot, change: Change) -> bool:
    """Whether the site of this edit does not hold the record that the edit is said to have changed."""
    coverage = selection(state.charter.coverage_of(site_of(dot.origin)), ())
    return not coverage.holds(change.ref.kind, change.scope)


def resolve(
    tx: Transaction, found: Mapping[Ref, Document], owners: Mapping[Ref, Externals]
) -> dict[Ref, str | None]:
    """The scopes of records with these contents, in a few reads whatever their number.

    ``owners`` are what each record says of owners without rows.
    """
    return _Resolver(tx, found, owners).run()


class _Resolver:
    """Follows references level by level: within the batch, then records, then rows not numbered yet."""

    def __init__(
        self, tx: Transaction, found: Mapping[Ref, Document], owners: Mapping[Ref, Externals]
    ) -> None:
        self.tx = tx
        self.outside = {
            (ref, owner.key): owner.domain for ref, external in owners.items() for owner in external
        }
        self.wanted = list(found)
        self.open: dict[Ref, Belonging] = {
            ref: belonging(REGISTRY[ref.kind], document) for ref, document in found.items()
        }
        self.known: dict[Ref, frozenset[str] | None] = {}

    def run(self) -> dict[Ref, str | None]:
        """All of them."""
        missing = self._missing()
        while missing:
            self._look_up(missing)
            missing = self._missing()
        return {ref: joined(self._domains(ref, set())) for ref in self.wanted}

    def _missing(self) -> list[Ref]:
        """Targets that nothing is known of yet."""
        found: dict[Ref, None] = {}
        for belongs in self.open.values():
            for kinds, key in belongs.through:
                for kind in kinds:
                    ref = Ref(kind, key)
                    if kind != DOMAIN and ref not in self.open and ref not in self.known:
                        found[ref] = None
        return list(found)

    def _look_up(self, refs: list[Ref]) -> None:
        numbered = self.tx.scopes(refs)
        for ref, scope in numbered.items():
            self.known[ref] = domains_of(scope)
        rest = [ref for ref in refs if ref not in numbered]
        rows = self.tx.documents(rest) if rest else {}
        for ref in rest:
            if ref in rows:
                self.open[ref] = belonging(REGISTRY[ref.kind], rows[ref])
            else:
                self.known[ref] = None

    def _domains(self, ref: Ref, above: set[Ref]) -> frozenset[str]:
        if ref in self.known:
            return self.known[ref] or frozenset()
        belongs = self.open[ref]
        found = set(belongs.domains)
        for kinds, key in belongs.through:
            candidates = [Ref(kind, key) for kind in kinds]
            there = [c for c in candidates if c in self.open or self.known.get(c) is not None]
            outside = self.outside.get((ref, key))
            if there and there[0] not in above:
                its = self._domains(there[0], above | {ref})
                # the tombstone of a row that nobody numbered or took does not say where the user belongs
                found |= {outside} if outside and not its - {UNKNOWN} else its
            elif not there:
                found.add(key if DOMAIN in kinds else outside or UNKNOWN)
        return frozenset(found)


def joined(domains: frozenset[str]) -> str | None:
    """A record's scope as it is stored."""
    text = "/".join(sorted(domains))
    return (text if len(text) <= LONGEST else UNKNOWN) or None


def rescoped(record: Record, scope: str | None, before: Record | None) -> Record:
    """The record in its new scope; what it leaves is noted, so that who held it there hears of it.

    A target that is gone tells nothing about where the record belongs: then the old scope stays.
    """
    if scope == record.scope:
        return record
    if before is None:
        return replace(record, scope=scope)
    if scope is not None and UNKNOWN in domains_of(scope) and record.scope not in (None, UNKNOWN):
        return record
    left = tuple(dict.fromkeys((*record.former, record.scope or "")))
    return replace(record, scope=scope, former=tuple(text for text in left if text != (scope or "")))


def dependents(tx: Transaction, moved: Iterable[Ref]) -> list[Record]:
    """Records that change their scope because one that they refer to has; saved, but not shown again yet."""
    changed: list[Record] = []
    todo = list(moved)
    done: set[Ref] = set()
    while todo:
        done.update(todo)
        referring = referrers(tx, todo, ANY_MODE)
        refs = list(dict.fromkeys(r for them in referring.values() for r in them if r not in done))
        records = {ref: record for ref, record in tx.records(refs).items() if not record.deleted}
        owners = {ref: record.external for ref, record in records.items()}
        scopes = resolve(tx, contents(tx, list(records), records), owners)
        found = [rescoped(records[ref], scope, records[ref]) for ref, scope in scopes.items()]
        found = [record for record in found if record is not records[record.ref]]
        tx.save_records(found)
        changed += found
        todo = [record.ref for record in found]
    return changed
