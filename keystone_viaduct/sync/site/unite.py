"""Two records that are the same thing under two ids become one, because an operator says so.

An edit of the hub's own, in one transaction: what refers to the one is made over to the other, the one is
deleted, and its row in the list of conflicts says for ever what became of it. That row is the alias by which
``sync.site.alias`` reads what a site that did not know of it does to the old id.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from keystone_viaduct.errors import NotThere, Refused
from keystone_viaduct.kinds.model import JSON, Kind
from keystone_viaduct.kinds.raw import same_documents
from keystone_viaduct.kinds.reference import ANY_MODE, JsonReference
from keystone_viaduct.kinds.registry import REGISTRY, UNITABLE
from keystone_viaduct.sync.model import Conflict, Document, Ref, SiteState, United
from keystone_viaduct.sync.ports import Transaction, Write
from keystone_viaduct.sync.site.claims import Claims
from keystone_viaduct.sync.site.content import contents, for_tables
from keystone_viaduct.sync.site.decisions import list_now
from keystone_viaduct.sync.site.merged import MERGED
from keystone_viaduct.sync.site.nonce import new_identifier
from keystone_viaduct.sync.site.sequencer import sequence, sequence_records

#: Lists of the one that are added to the other's.
_ADDED = {"user": "federated", "project": "tags"}
_PAGE = 500


def unite(tx: Transaction, loser: Ref, winner: Ref, *, now: int) -> United:
    """Merge ``loser`` into ``winner`` at the hub. Raises NotThere, Refused; then nothing has changed."""
    state = tx.state()
    _check_kind(state, loser, winner)
    tx.lock_documents([loser, winner])
    state = sequence(tx, state, now)
    union = _Union(tx, state, now)
    union.check(loser, winner)
    union.work(loser, winner)
    return union.write(loser, winner)


def _check_kind(state: SiteState, loser: Ref, winner: Ref) -> None:
    if not state.is_hub:
        raise Refused(f"{state.site} is not the hub", hint=f"merge at {state.hub}", hub=state.hub)
    if loser.kind not in UNITABLE or winner.kind != loser.kind:
        raise Refused(
            f"records of kind {loser.kind} can't be merged", hint=f"only of one of: {', '.join(UNITABLE)}"
        )
    if loser == winner:
        raise Refused(f"{loser} can't be merged into itself", hint="name two different ids")


class _Union:
    """What is to become of each record (None: deleted) while it is being worked out."""

    def __init__(self, tx: Transaction, state: SiteState, now: int) -> None:
        self._tx, self._state, self._now = tx, state, now
        self._before: dict[Ref, Document] = {}
        self._after: dict[Ref, Document | None] = {}
        self._names = Claims(tx)
        self._rivals: dict[tuple[object, ...], Ref] = {}
        self._rows: list[Conflict] = []
        self._moved = self._equal = self._given_up = 0

    def check(self, loser: Ref, winner: Ref) -> None:
        """Raise NotThere, Refused."""
        self._read([loser, winner])
        for ref in (loser, winner):
            if ref not in self._before:
                raise NotThere(f"there is no {ref}", hint="look at its id; a merged or deleted one is gone")
        mine, theirs = (self._before[ref].get("domain_id") for ref in (loser, winner))
        if mine != theirs:
            raise Refused(
                f"{loser} and {winner} are of different domains", hint="merge records of one domain only"
            )
        above, seen = winner, set()
        while above in self._before and loser.kind == "project" and above not in seen:
            seen.add(above)
            parent = self._before[above].get("parent_id")
            above = Ref("project", REGISTRY["project"].make_key(parent))
            if above == loser:
                raise Refused(f"{winner} lies below {loser}", hint="merge it the other way round")
            self._read([above])

    def work(self, loser: Ref, winner: Ref) -> None:
        """Work out what becomes of all that refers to the one, and of what falls together in turn."""
        pairs = [(loser, winner)]
        while pairs:
            one, other = pairs.pop()
            self._note_rivals(other)
            self._add_lists(one, other)
            for ref in self._referring(one):
                content = self._content(ref)
                if content is None or REGISTRY[ref.kind].insert_only:
                    continue
                moved = REGISTRY[ref.kind].rekey(content, {one.kind: {one.key: other.key}})
                twin = self._place(ref, content, moved)
                if twin is not None:
                    pairs.append((ref, twin))
            self._after[one] = None
            if one != loser:
                self._list(one, f"it became equal to {other}, as {loser} was merged into {winner}", other)

    def write(self, loser: Ref, winner: Ref) -> United:
        """Write all of it and list it."""
        why = f"merged into {winner}; {self._moved} records that referred to it refer to that one now"
        lost = self._before[loser]
        self._check_carried()
        alias = self._row(loser, why, lost, winner)
        writes = [
            Write(ref, self._for_tables(ref, self._before.get(ref)), self._for_tables(ref, content))
            for ref, content in self._after.items()
            if not same_documents(content, self._before.get(ref))
        ]
        self._tx.write_documents(writes)
        sequence_records(self._tx, self._tx.state(), [write.ref for write in writes], self._now)
        list_now(self._tx, [alias, *self._rows], self._now)
        return United(alias, self._moved, self._equal, self._given_up)

    def _check_carried(self) -> None:
        """Raise Refused where a record that changes is carried: its row does not say what it says."""
        changed = [ref for ref, content in self._after.items() if content != self._before.get(ref)]
        for record in self._tx.records(changed).values():
            if record.carried is not None:
                raise Refused(
                    f"{record.ref} is not in this site's tables as it is: {record.carried.why}",
                    hint="`viaduct quarantine show` says why; merge when that is mended",
                    ref=str(record.ref),
                )

    def _place(self, ref: Ref, old: Document, new: Document) -> Ref | None:
        """Take a rewritten record in; the record with which it has to fall together first, if there is."""
        kind = REGISTRY[ref.kind]
        target = Ref(ref.kind, kind.key_of({**self._tx.defaults(ref.kind), **new}))
        if target != ref:
            self._after[ref] = None
            self._read([target])
            if _points_to_itself(kind, new):
                self._give_up(ref, old, "it would refer to itself")
            elif self._content(target) is not None:
                self._equal += 1
                self._list(ref, f"{target} was there already", target)
            else:
                self._after[target] = new
                self._moved += 1
            return None
        rival = self._rival(ref, old, new)
        if rival is not None and _same(kind, new, self._content(rival)):
            self._equal += 1
            return rival
        if rival is not None and "name" in new:
            new = self._renamed(ref, old, new)
        elif rival is not None:
            self._after[ref] = None
            self._give_up(ref, old, f"{rival} holds what only one of them can hold")
            return None
        self._after[ref] = new
        self._moved += 1
        return None

    def _add_lists(self, one: Ref, other: Ref) -> None:
        name = _ADDED.get(one.kind, "")
        ours, theirs = (self._listed(ref, name) for ref in (other, one))
        more = [item for item in theirs if item not in ours]
        if more:
            content = self._with_added(one.kind, other, name, ours, more)
            if self._is_refused(other, content):  # for this database cafe is there already, as café
                for item in more:
                    content = self._with_added(one.kind, other, name, ours, [item])
                    ours = ours if self._is_refused(other, content) else [*ours, item]
                content = self._with_added(one.kind, other, name, ours, [])
            self._after[other] = content

    def _listed(self, ref: Ref, name: str) -> list[JSON]:
        found = (self._content(ref) or {}).get(name)
        return [*found] if isinstance(found, list) else []

    def _with_added(self, kind: str, ref: Ref, name: str, ours: list[JSON], more: list[JSON]) -> Document:
        order = next(c.order for c in REGISTRY[kind].children if c.field == name)

        def place(item: Any) -> Any:
            return [str(item[n]) for n in order] if order else item

        return {**(self._content(ref) or {}), name: sorted(ours + more, key=place)}

    def _is_refused(self, ref: Ref, content: Document) -> bool:
        return self._tx.refusals(ref.kind, [self._for_tables(ref, content) or {}]) != [None]

    def _referring(self, one: Ref) -> Iterator[Ref]:
        found = dict.fromkeys(self._tx.referrers([one], ANY_MODE).get(one, []))
        for kind in REGISTRY.values():
            if any(isinstance(r, JsonReference) and not r.encoded for r in kind.references):
                found.update(dict.fromkeys(self._naming(kind, one)))
        self._read(list(found))
        return iter(found)

    def _naming(self, kind: Kind, one: Ref) -> Iterator[Ref]:
        """Records that name it inside JSON: no index finds those, but there are few."""
        after = ""
        while keys := self._tx.row_keys(kind.name, after, _PAGE):
            for ref, document in self._tx.documents([Ref(kind.name, key) for key in keys]).items():
                if any((r.kind, r.key) == one for r in kind.references_of(document)):
                    yield ref
            after = keys[-1]

    def _note_rivals(self, winner: Ref) -> None:
        """Names that only one of the winner's own may have, whether or not the database watches over it."""
        refs = self._tx.referrers([winner], ANY_MODE).get(winner, [])
        self._read(refs)
        for ref in refs:
            for value in self._values(ref, self._content(ref)):
                self._rivals.setdefault(value, ref)

    def _rival(self, ref: Ref, old: Document, new: Document) -> Ref | None:
        before = set(self._values(ref, old))
        for value in self._values(ref, new):
            holder = self._rivals.setdefault(value, ref) if value not in before else ref
            if holder != ref and self._content(holder) is not None:
                return holder
        mine = self._names.of(ref, old)
        fresh = [claim for claim in self._names.of(ref, new) if not self._names.has(mine, claim)]
        self._names.load_holders(fresh)
        for claim in fresh:
            there = self._names.holder(claim)
            if there is None or there == ref:
                continue
            self._read([there])
            content = self._content(there)
            if content is not None and self._names.has(self._names.of(there, content), claim):
                return there
        return None

    def _values(self, ref: Ref, content: Document | None) -> list[tuple[object, ...]]:
        full = {**self._tx.defaults(ref.kind), **(content or {})}
        found = REGISTRY[ref.kind].natural_keys_of(full) if content is not None else []
        return [(ref.kind, natural.name, natural.values) for natural in found]

    def _renamed(self, ref: Ref, old: Document, new: Document) -> Document:
        name, size = str(new["name"]), REGISTRY[ref.kind].declared["name"].size or 64
        number = 1
        while self._rival(ref, old, new) is not None:
            number += 1
            tail = f"~{number}"
            new = {**new, "name": name[: size - len(tail)] + tail}
        why = f"the record that it belongs to now has one called {name!r}, so this is now {new['name']!r}"
        self._rows.append(self._row(ref, why, {"name": name}, None))
        return new

    def _give_up(self, ref: Ref, lost: Document, why: str) -> None:
        self._given_up += 1
        self._rows.append(self._row(ref, why, lost, None))

    def _list(self, ref: Ref, why: str, into: Ref) -> None:
        self._rows.append(self._row(ref, why, self._before.get(ref, {}), into))

    def _row(self, ref: Ref, why: str, lost: Document, into: Ref | None) -> Conflict:
        fields, site = tuple(sorted(lost)), self._state.site
        row = Conflict(new_identifier(), ref, MERGED, "operator", why, fields, site, self._now, lost)
        return row if into is None else replace(row, into=into.key)

    def _read(self, refs: list[Ref]) -> None:
        fresh = [ref for ref in refs if ref not in self._before and ref not in self._after]
        if fresh:
            self._before.update(contents(self._tx, fresh, self._tx.records(fresh)))

    def _content(self, ref: Ref) -> Document | None:
        return self._after[ref] if ref in self._after else self._before.get(ref)

    def _for_tables(self, ref: Ref, content: Document | None) -> Document | None:
        if content is None:
            return None
        return for_tables(content, self._tx.defaults(ref.kind), self._tx.known_fields(ref.kind))


def _points_to_itself(kind: Kind, content: Document) -> bool:
    return kind.name == "implied_role" and content["prior_role_id"] == content["implied_role_id"]


def _same(kind: Kind, one: Document, other: Document | None) -> bool:
    """Whether two records differ in nothing but their ids."""
    if other is None:
        return False
    return {n: v for n, v in one.items() if n not in kind.key} == {
        n: v for n, v in other.items() if n not in kind.key
    }
