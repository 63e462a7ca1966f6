"""The hub's tables, and the set of an apply laid over them: read for all changes of a page at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from keystone_viaduct.kinds.hashing import Hashing
from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.kinds.reference import ANY_MODE
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import key_part
from keystone_viaduct.sync.model import Document, Record, Ref
from keystone_viaduct.sync.ports import Claim
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.carrying import referrers
from keystone_viaduct.sync.site.content import contents
from keystone_viaduct.sync.site.delegation.world import GRANTS, MOST, RIGHTS, Unread, named_by
from keystone_viaduct.sync.site.external import believed
from keystone_viaduct.sync.site.proof import FARTHEST

_GOING = (Mode.OWNING, Mode.NULLING)

Asked = tuple[Ref, frozenset[str]]


class PageWorld:
    """The hub's tables, and the set of an apply laid over them."""

    def __init__(self, run: Applying) -> None:
        self._run = run
        self._before: dict[Ref, Document | None] = {}
        self._records: dict[Ref, Record | None] = {}
        self._dependents: dict[Ref, list[tuple[Ref, Mode]]] = {}
        self._referrers: dict[Asked, list[Ref]] = {}
        self._holders: dict[Claim, Ref | None] = {}
        self._outside: dict[Ref, set[str]] | None = None
        self._all: dict[str, list[Ref] | None] = {}
        self._crossing: dict[str, list[Ref] | None] = {}
        self._strong: dict[str, list[Ref] | None] = {}
        self._wanted: dict[Ref, None] = {}
        self._wanted_dependents: dict[Ref, None] = {}
        self._wanted_referrers: dict[Asked, None] = {}
        self._wanted_holders: dict[Claim, None] = {}

    def want(self, refs: Iterable[Ref]) -> None:
        """Have these read with the next :meth:`read`."""
        self._wanted.update(dict.fromkeys(refs))

    def read(self) -> None:
        """Read all that was asked for, and what a rule asks next about that: the records that are named."""
        self._read_dependents()
        self._read_referrers()
        wanted, self._wanted = list(self._wanted), {}
        found = self._read_records(wanted)
        self._read_records([named for ref, content in found.items() for named in named_by(ref, content)])
        claims, self._wanted_holders = list(self._wanted_holders), {}
        if claims:
            holders = self._run.tx.holders(claims)
            self._holders.update((claim, holders.get(claim)) for claim in claims)

    def _read_records(self, refs: Iterable[Ref]) -> Mapping[Ref, Document]:
        wanted = [ref for ref in dict.fromkeys(refs) if ref not in self._before]
        if not wanted:
            return {}
        tx, known = self._run.tx, self._run.records
        unread = [ref for ref in wanted if ref not in known and ref not in self._records]
        found = tx.records(unread) if unread else {}
        self._records.update((ref, found.get(ref)) for ref in unread)
        present = contents(tx, wanted, {**known, **found})
        self._before.update((ref, present.get(ref)) for ref in wanted)
        return present

    def _read_dependents(self) -> None:
        wanted, self._wanted_dependents = list(self._wanted_dependents), {}
        for mode in _GOING if wanted else ():
            found = referrers(self._run.tx, wanted, frozenset({mode}))
            for ref in wanted:
                those = [(referrer, mode) for referrer in found.get(ref, [])]
                self._dependents.setdefault(ref, []).extend(those)
        self.want(referrer for ref in wanted for referrer, _ in self._dependents[ref])

    def _read_referrers(self) -> None:
        wanted, self._wanted_referrers = list(self._wanted_referrers), {}
        for kinds in dict.fromkeys(kinds for _, kinds in wanted):
            refs = [ref for ref, asked in wanted if asked == kinds]
            found = referrers(self._run.tx, refs, ANY_MODE, kinds)
            self._referrers.update(((ref, kinds), found.get(ref, [])) for ref in refs)
        read = (asked for asked in wanted if asked[1] != GRANTS)
        self.want(referrer for asked in read for referrer in self._referrers[asked])

    def before(self, ref: Ref) -> Document | None:
        """The record as the hub has it. Raises Unread."""
        if ref not in self._before:
            self._wanted[ref] = None
            raise Unread
        return self._before[ref]

    def after(self, ref: Ref) -> Document | None:
        """The record as it will be if nothing more is refused. Raises Unread."""
        intent = self._run.intents.get(ref)
        return intent.content if intent is not None else self.before(ref)

    def past_scope(self, ref: Ref) -> str | None:
        """The domain of a record that was deleted, while its tombstone is kept. Raises Unread."""
        if ref not in self._run.records and ref not in self._records:
            self.before(ref)
        record = self._run.records.get(ref) or self._records.get(ref)
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

    def dependents(self, ref: Ref) -> list[tuple[Ref, Mode]]:
        """The hub's records that go, or lose a field, when this one is deleted. Raises Unread."""
        if ref not in self._dependents:
            self._wanted_dependents[ref] = None
            raise Unread
        return self._dependents[ref]

    def referrers(self, ref: Ref, kinds: frozenset[str]) -> list[Ref]:
        """The hub's records of these kinds that refer to this one, as they are. Raises Unread."""
        if (ref, kinds) not in self._referrers:
            self._wanted_referrers[ref, kinds] = None
            raise Unread
        return self._referrers[ref, kinds]

    def claimed(self, ref: Ref, kinds: frozenset[str]) -> list[Ref]:
        """What records of these kinds that come in this page refer to this one."""
        return [
            intent.ref
            for intent in self._run.intents.values()
            if intent.ref.kind in kinds
            and intent.content is not None
            and any((r.kind, r.key) == ref for r in REGISTRY[intent.ref.kind].references_of(intent.content))
        ]

    def holder(self, kind: str, constraint: str, values: tuple[object, ...]) -> Ref | None:
        """The hub's record that has this name. Raises Unread."""
        claim = Claim(kind, constraint, values)
        if claim not in self._holders:
            self._wanted_holders[claim] = None
            raise Unread
        return self._holders[claim]

    def all_of(self, kind: str) -> list[Ref] | None:
        """The hub's records of a kind, as they are; None where they are too many. Raises Unread."""
        if kind not in self._all:
            keys = self._run.tx.live_keys(kind, "", MOST + 1)
            self._all[kind] = [Ref(kind, key) for key in keys] if len(keys) <= MOST else None
            self.want(self._all[kind] or ())
            raise Unread
        return self._all[kind]

    def crossing(self, domain: str) -> list[Ref] | None:
        """What gives rights in that domain and another one; None where they are too many. Raises Unread."""
        if domain not in self._crossing:
            found = self._run.tx.crossing(RIGHTS, key_part(domain), MOST + 1)
            self._crossing[domain] = found if len(found) <= MOST else None
            self.want(self._crossing[domain] or ())
            raise Unread
        return self._crossing[domain]

    def strong_in(self, domain: str, grantable: Callable[[str], bool]) -> list[Ref] | None:
        """Grants that belong to this domain alone, of roles that are not ``grantable``; None where they are
        too many. Raises Unread.
        """
        if domain not in self._strong:
            weak = self._chosen([ref.key for ref in self.all_of("role") or ()], grantable)
            found = self._run.tx.grants_within(key_part(domain), [key_part(role) for role in weak], MOST + 1)
            self._strong[domain] = found if len(found) <= MOST else None
        return self._strong[domain]

    def _chosen(self, keys: Iterable[str], fits: Callable[[str], bool]) -> list[str]:
        """Those of the keys that fit; what is unread of them is noted for all at once."""
        found, unread = [], False
        for key in keys:
            try:
                found += [key] if fits(key) else []
            except Unread:
                unread = True
        if unread:
            raise Unread
        return found

    def hashing(self) -> Hashing:
        """The most that the hub may be made to pay for comparing a password."""
        return self._run.tx.hashing()

    def latest(self) -> int:
        """A day ahead of the hub's clock."""
        return self._run.now + FARTHEST
