"""What a spoke does to a record that was merged into another meanwhile (``sync.site.unite``, ``.twins``).

The spoke did not know of it: it has granted a role to the old id, or stored a credential for it. At the hub
that is read as if it had named the other record: a reference is rewritten, a grant becomes one to the other
record, and the revocation of a grant that was made over revokes that one. Each is listed, but where the two
are the same by their natural key, so that nothing is lost. An alias says nothing while its record is there:
it may have been brought back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from keystone_viaduct.kinds.raw import same, same_documents
from keystone_viaduct.kinds.registry import REGISTRY, TWINNED, UNITABLE
from keystone_viaduct.sync.model import REFERENCE, Change, Document, Pending, Ref
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.external import of_owners
from keystone_viaduct.sync.site.intent import Intent
from keystone_viaduct.sync.site.merged import ALIASED, MERGED
from keystone_viaduct.sync.site.needs import Need, needs
from keystone_viaduct.sync.site.own import own_intent
from keystone_viaduct.sync.site.readiness import Readiness
from keystone_viaduct.sync.site.revert import revert
from keystone_viaduct.sync.site.sequencer import edited
from keystone_viaduct.sync.site.twins import heed, speaks_of_twin


def reread(run: Applying, readiness: Readiness) -> None:
    """Rewrite what the page says of merged records.

    What becomes another record by that waits for the source's head (:func:`follow`): until then that one may
    itself be changed.
    """
    intents = [intent for intent in run.intents.values() if not intent.ours]
    documents = {intent.ref: _document(intent) for intent in intents}
    itself = [ref for ref in documents if ref.kind in TWINNED]
    _load(run, [*itself, *(ref for found, content in documents.items() for ref in _named(found, content))])
    for intent in intents:
        if speaks_of_twin(run, intent):
            _put_off(run, intent)
            continue
        moved = _moved(run, readiness, intent.ref, documents[intent.ref])
        if moved is None:
            continue
        if _key(run, intent.ref, moved) == intent.ref:
            _reword(run, intent, moved)
        else:
            _put_off(run, intent)


def _put_off(run: Applying, intent: Intent) -> None:
    del run.intents[intent.ref]
    run.waiting[intent.ref] = Pending(run.page.source, intent.change, REFERENCE)


def follow(run: Applying, readiness: Readiness, intent: Intent) -> bool:
    """Settle one intent that names merged records, at the source's head; whether that is all that is to do.

    One whose key stays is only rewritten.
    """
    document = _document(intent)
    _load(run, _named(intent.ref, document))
    if speaks_of_twin(run, intent):
        into = _successor(run, readiness, intent.ref)
        if into is not None:
            heed(run, readiness, intent, into)
        return into is not None or not readiness.alive(intent.ref)
    moved = _moved(run, readiness, intent.ref, document)
    if moved is None:
        return False
    target = _key(run, intent.ref, moved)
    if target == intent.ref:
        _reword(run, intent, moved)
        return False
    if intent.content is None:
        return _revoke(run, readiness, intent, target)
    return _grant(run, readiness, intent, target, moved)


def _grant(run: Applying, readiness: Readiness, intent: Intent, target: Ref, content: Document) -> bool:
    """The grant is one to the other record, unless that has it, or it was taken from that one meanwhile."""
    if readiness.alive(target):
        _answer(run, intent, f"{target} is there already")
        return True
    local = readiness.local(target)
    if target in run.waiting or not all(map(readiness.satisfied, _needs(intent, target, content))):
        return False
    if local is not None and not run.page.knows(target).covers(local.version):
        revert(run, intent, MERGED, f"it is {target} now, and that was deleted meanwhile")
        return True
    if local is not None:
        run.records[target] = local
    dot = run.next_dot()
    record = edited(run.state, local, target, content, run.tx.known_fields(target.kind), run.now, dot.seq)
    assert record is not None
    record = replace(record, external=of_owners(intent.record.external, target, content))
    change = Change(
        target,
        intent.change.seq,
        record.version,
        record.birth,
        record.fields,
        content,
        external=record.external,
    )
    made = Intent(target, change, record, content, None)
    if run.trial is None or not run.trial.refuses_instead(intent, made):
        run.intents[target] = made
        _answer(run, intent, f"it is {target} now")
    return True


def _needs(intent: Intent, target: Ref, content: Document) -> list[Need]:
    return needs(target, content, intent.record.external)


def _revoke(run: Applying, readiness: Readiness, intent: Intent, target: Ref) -> bool:
    """A grant that was made over goes, too; one that the other record had by itself stays."""
    waiting = run.waiting.get(target)
    there = run.intent_for(waiting.change) if waiting is not None else None
    if there is None and (not readiness.alive(target) or intent.ref in run.tx.aliases([intent.ref])):
        return False
    there = there or own_intent(run, readiness.local, target, intent.change)
    if there.content is None:
        return False
    lost = dict(there.old or there.content)
    gone = replace(there, content=None, fresh=True, ours=False, conflicts=[*there.conflicts])
    if run.trial is not None and run.trial.refuses_instead(intent, gone):
        return True
    why = f"{intent.ref}, which had become this by a merge, was deleted at {run.page.source}"
    gone.conflicts.append(run.conflict(gone, MERGED, "rule", why, fields=tuple(sorted(lost)), lost=lost))
    run.waiting.pop(target, None)
    run.intents[target] = gone
    return False


def _answer(run: Applying, intent: Intent, why: str) -> None:
    lost = dict(intent.content or {})
    told = f"a record that it names was merged into another: {why}"
    intent.content, intent.fresh = None, True
    intent.conflicts.append(run.conflict(intent, MERGED, "rule", told, fields=tuple(sorted(lost)), lost=lost))


def _reword(run: Applying, intent: Intent, moved: Document) -> None:
    before = intent.content or {}
    changed = sorted(name for name in moved if not same(moved[name], before.get(name)))
    lost = {name: before.get(name) for name in changed}
    quiet = all(ref.kind not in UNITABLE for ref in _named(intent.ref, before) if run.aliases.get(ref))
    intent.content, intent.fresh = moved, True
    intent.touched.update(changed)
    if quiet:
        return
    why = "a record that it names was merged into another, so it names that one now"
    intent.conflicts.append(run.conflict(intent, MERGED, "rule", why, fields=tuple(changed), lost=lost))


def _document(intent: Intent) -> Document | None:
    """What the source says; of a grant that it has deleted what its key tells."""
    if intent.content is not None:
        return intent.content
    kind = REGISTRY[intent.ref.kind]
    if len(kind.key) < 2:
        return None
    return dict(zip(kind.key, kind.split_key(intent.ref.key), strict=True))


def _named(ref: Ref, content: Document | None) -> list[Ref]:
    """The records that may have been merged; an event that revokes tokens speaks of the old id only."""
    kind = REGISTRY[ref.kind]
    if content is None or kind.insert_only:
        return []
    found = kind.references_of(content)
    refs = (Ref(of, named.key) for named in found for of in (named.kind, *named.alternatives))
    return [ref for ref in refs if ref.kind in ALIASED]


def _load(run: Applying, refs: Iterable[Ref]) -> None:
    """Read what is not known yet, and what that has become in turn."""
    unknown = [ref for ref in dict.fromkeys(refs) if ref not in run.aliases]
    while unknown:
        found = run.tx.aliases(unknown)
        run.aliases.update((ref, found.get(ref, "")) for ref in unknown)
        following = (Ref(ref.kind, into) for ref, into in found.items())
        unknown = [ref for ref in dict.fromkeys(following) if ref not in run.aliases]


def _moved(run: Applying, readiness: Readiness, ref: Ref, content: Document | None) -> Document | None:
    """The document with each merged record's successor in it; None if nothing in it was merged."""
    maps: dict[str, dict[str, str]] = {}
    for named in _named(ref, content):
        successor = _successor(run, readiness, named)
        if successor is not None:
            maps.setdefault(named.kind, {})[named.key] = successor.key
    if not maps or content is None:
        return None
    moved = REGISTRY[ref.kind].rekey(content, maps)
    return None if same_documents(moved, content) else moved


def _successor(run: Applying, readiness: Readiness, ref: Ref) -> Ref | None:
    """The living record that a dead one was merged into, perhaps by several steps."""
    seen: set[Ref] = set()
    while run.aliases.get(ref) and ref not in seen and not readiness.alive(ref):
        seen.add(ref)
        ref = Ref(ref.kind, run.aliases[ref])
    return ref if seen and readiness.alive(ref) else None


def _key(run: Applying, ref: Ref, content: Document) -> Ref:
    full = {**run.tx.defaults(ref.kind), **content}
    return Ref(ref.kind, REGISTRY[ref.kind].key_of(full))
