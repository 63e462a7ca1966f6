"""Rules over several records (``kinds.rule``): what a merge of lawful edits may break.

A record that would lie below itself is a loop that Keystone walks for ever. At the hub the edit that closes
it, or breaks another rule, waits for the source's head like a clash of names, and is put back then and
listed (``sync.site.upholding``): of several in one set the later ones. No site writes a loop into its tables,
whatever a page or the records that it carries say: there the edit is carried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from keystone_viaduct.errors import Refused
from keystone_viaduct.kinds import trees
from keystone_viaduct.kinds.reference import ANY_MODE
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.rule import Rule
from keystone_viaduct.kinds.trees import ACYCLIC, told
from keystone_viaduct.sync.model import CYCLE, Document, Ref
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.carrying import referrers
from keystone_viaduct.sync.site.content import contents, rows_of
from keystone_viaduct.sync.site.intent import Intent

#: Reason of a wait at the hub, and the sort of what is listed.
RULE = "rule"
RULED = frozenset(kind.name for kind in REGISTRY.values() if kind.rules)
#: Kinds at whose fields a rule of another record looks.
_WATCHED: Mapping[str, frozenset[str]] = {
    target: frozenset(
        name
        for kind in REGISTRY.values()
        for rule in kind.rules
        for name in rule.watched
        if any(r.field in rule.fields and r.target == target for r in kind.references)
    )
    for target in {r.target for k in REGISTRY.values() for r in k.references}
}

Look = Callable[[Sequence[Ref]], Mapping[Ref, Document]]
"""Reads documents; what is not there is absent."""


def above(ref: Ref, document: Document | None) -> Ref | None:
    """The record below which this one lies, if that is of its own kind."""
    key = trees.above(ref.kind, document)
    return Ref(ref.kind, key) if key is not None else None


def loops(begin: Iterable[Ref], look: Look) -> list[list[Ref]]:
    """The loops that are met by going up from these records."""

    def parents(refs: Sequence[Ref]) -> Mapping[Ref, Ref | None]:
        found = look(refs)
        return {ref: above(ref, found.get(ref)) for ref in refs}

    return trees.loops(begin, parents)


class Invariants:
    """Looks at the state that the set of an apply leads to."""

    def __init__(self, run: Applying) -> None:
        self._run = run
        self._known: dict[Ref, Document | None] = {}
        self._stored: dict[Ref, Document | None] = {}

    def broken(self) -> dict[Ref, tuple[str, str]]:
        """At the hub: the edits that break a rule in what the fleet would have, the earliest first."""
        if not self._run.state.is_hub:
            return {}
        ruled = [i for i in self._run.intents.values() if not i.ours and not i.release and self._is_ruled(i)]
        self.planned([ref for intent in ruled for ref in _near(intent.ref, intent.content or {})])
        found = {intent.ref for intent in ruled if next(self.broken_by(intent), None)}
        for loop in loops(self._raised(), self.planned):
            found.update(ref for ref in loop if self._is_raised(ref))
        return dict.fromkeys(sorted(found, key=self._when), (RULE, ""))

    def unwritable(self) -> dict[Ref, tuple[str, str]]:
        """Edits that would close a loop in this site's tables: the latest of each loop."""
        run = self._run
        begin = [i.ref for i in run.intents.values() if self._moves(i)]
        blocked: dict[Ref, tuple[str, str]] = {}
        for loop in loops(begin, self._rows) if begin else ():
            moved = [ref for ref in loop if ref in run.intents and self._moves(run.intents[ref])]
            if moved:
                blocked[max(moved, key=self._when)] = CYCLE, f"it would lie below itself: {told(loop)}"
        return blocked

    def fits(self, ref: Ref, trial: Document) -> bool:
        """Whether a row may hold this without a loop in the tables."""

        def look(refs: Sequence[Ref]) -> Mapping[Ref, Document]:
            return {**self._rows(refs), **({ref: trial} if ref in refs else {})}

        return not any(ref in loop for loop in loops([ref], look))

    def _is_ruled(self, intent: Intent) -> bool:
        if intent.content is None or intent.content == intent.old:
            return False
        return bool(REGISTRY[intent.ref.kind].rules or _WATCHED.get(intent.ref.kind))

    def broken_by(self, intent: Intent) -> Iterator[tuple[Rule, tuple[str, ...], str]]:
        """The rules that it breaks, about itself or about who refers to it, with its fields to blame."""
        if intent.content is None or intent.content == intent.old:
            return
        for rule in REGISTRY[intent.ref.kind].rules:
            if _differ(rule.fields, intent) and not self._holds(rule, intent.ref, intent.content):
                yield rule, rule.fields, f"{intent.ref} breaks a rule"
        watched = _WATCHED.get(intent.ref.kind, frozenset())
        if intent.old is None or not _differ(tuple(watched), intent):
            return
        around = referrers(self._run.tx, [intent.ref], ANY_MODE).get(intent.ref, [])
        for ref, content in self.planned([ref for ref in around if ref.kind in RULED]).items():
            for rule in REGISTRY[ref.kind].rules:
                if not self._holds(rule, ref, content):
                    own = {name for rule in REGISTRY[intent.ref.kind].rules for name in rule.fields}
                    yield rule, tuple(sorted(watched | own)), f"with it {ref} breaks a rule"

    def _holds(self, rule: Rule, ref: Ref, content: Document) -> bool:
        near: dict[str, Document | None] = {}
        for reference in REGISTRY[ref.kind].references:
            if reference.field in rule.fields:
                targets = [
                    Ref(*found) for found in reference.targets(content) if found[0] == reference.target
                ]
                found = self.planned(targets) if targets else {}
                near[reference.field] = found.get(targets[0]) if targets else None
        return rule.holds(content, near)

    def _raised(self) -> list[Ref]:
        return [ref for ref in self._run.intents if self._is_raised(ref)]

    def _is_raised(self, ref: Ref) -> bool:
        """Whether the set puts it below another record than the hub has it."""
        intent = self._run.intents.get(ref)
        if intent is None or intent.ours or intent.release or ref.kind not in ACYCLIC:
            return False
        over = above(ref, intent.content)
        return over is not None and over != above(ref, intent.old)

    def _moves(self, intent: Intent) -> bool:
        if intent.ref.kind not in ACYCLIC:
            return False
        over = above(intent.ref, self._run.lands(intent))
        return over is not None and over != above(intent.ref, self._run.rows.get(intent.ref))

    def _when(self, ref: Ref) -> tuple[int, Ref]:
        """When the edit was made: of two, the later would have been refused by one Keystone."""
        intent = self._run.intents[ref]
        state = intent.record.fields.get(ACYCLIC[ref.kind].field) if ref.kind in ACYCLIC else None
        return (state.stamp if state is not None else 0, ref)

    def planned(self, refs: Sequence[Ref]) -> Mapping[Ref, Document]:
        """What the fleet would have of them."""
        run, known = self._run, self._known
        unknown = [ref for ref in dict.fromkeys(refs) if ref not in run.intents and ref not in known]
        if unknown:
            found = contents(run.tx, unknown, run.tx.records(unknown))
            known.update((ref, found.get(ref)) for ref in unknown)
        told = {ref: run.intents[ref].content if ref in run.intents else known[ref] for ref in refs}
        return {ref: content for ref, content in told.items() if content is not None}

    def _rows(self, refs: Sequence[Ref]) -> Mapping[Ref, Document]:
        """What this site's tables would hold of them."""
        run, stored = self._run, self._stored
        unknown = [ref for ref in dict.fromkeys(refs) if ref not in run.intents and ref not in stored]
        if unknown:
            found = rows_of(run.tx, unknown)
            stored.update((ref, found.get(ref)) for ref in unknown)
        told = {ref: run.lands(run.intents[ref]) if ref in run.intents else stored[ref] for ref in refs}
        return {ref: row for ref, row in told.items() if row is not None}


def check_loops(tx: Transaction, ref: Ref, content: Document) -> None:
    """Raise Refused when an edit of the hub's own would put a record below itself."""

    def look(refs: Sequence[Ref]) -> Mapping[Ref, Document]:
        return {**rows_of(tx, refs), **({ref: content} if ref in refs else {})}

    if above(ref, content) is None:
        return
    for loop in loops([ref], look):
        if ref in loop:
            raise Refused(
                f"{ref} would lie below itself: {told(loop)}",
                hint="change what lies above it first",
                field=ACYCLIC[ref.kind].field,
            )


def _near(ref: Ref, content: Document) -> list[Ref]:
    """The records at which its rules look."""
    names = {name for rule in REGISTRY[ref.kind].rules for name in rule.fields}
    references = (r for r in REGISTRY[ref.kind].references if r.field in names)
    return [Ref(*found) for r in references for found in r.targets(content) if found[0] == r.target]


def _differ(names: tuple[str, ...], intent: Intent) -> bool:
    before, after = intent.old or {}, intent.content or {}
    return intent.old is None or any(before.get(name) != after.get(name) for name in names)
