"""Keystone's tables and the marks of their edits, in memory."""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Iterator, Sequence

from keystone_viaduct.kinds.hashing import Hashing
from keystone_viaduct.kinds.local import is_local
from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.kinds.natural import NaturalKey
from keystone_viaduct.kinds.raw import dumps_members, same_documents
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.shape import Shape
from keystone_viaduct.sync.external import ExternalDrivers
from keystone_viaduct.sync.model import Document, Mark, Ref
from keystone_viaduct.sync.ports import Claim, Write
from keystone_viaduct.sync.site.claims import claims_of
from keystone_viaduct.sync.site.needs import Need, needs
from keystone_viaduct.testing.memory.data import Violation
from keystone_viaduct.testing.memory.part import Part

_KEY = "key"


class TablesPart(Part):
    """``ports.Tables`` and ``ports.Marks``."""

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


@functools.lru_cache(maxsize=64)
def _release(known: tuple[tuple[str, frozenset[str]], ...]) -> str:
    limited = dict(known)
    return json.dumps({kind: sorted(limited.get(kind, {"*"})) for kind in REGISTRY})


class _Everything(frozenset[str]):
    """The fields of a release that knows all of them."""

    def __contains__(self, name: object) -> bool:
        return True
