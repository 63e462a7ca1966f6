"""A deletion that Keystone would have refused at one site gives way to what was made at another.

An access rule that a credential uses, a region with endpoints, a registered limit with limits: Keystone
refuses to delete such a record (``guards`` of a reference). Where somebody has begun to use it elsewhere
meanwhile, taking the user along (rule 4) would destroy what nobody deleted.
"""

from __future__ import annotations

from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import DELETED, Document, Ref
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.content import contents
from keystone_viaduct.sync.site.intent import Intent
from keystone_viaduct.sync.site.readiness import Readiness
from keystone_viaduct.sync.site.revert import revert

IN_USE = "in-use"


def in_use(run: Applying, readiness: Readiness, intent: Intent) -> bool:
    """Whether the deletion does not come about, because something uses the record; then it is listed."""
    if intent.old is None or run.has_lost(run.records.get(intent.ref)):
        return False
    for user in readiness.living_referrers(intent.ref):
        content = _content(run, readiness, user)
        if content is not None and guards(user, content, intent.ref) and not _goes(run, user, content):
            why = why_it_stays(run, user)
            revert(run, intent, IN_USE, why)
            intent.conflicts[-1] = run.conflict(intent, IN_USE, "rule", why, fields=(DELETED,))
            return True
    return False


def _content(run: Applying, readiness: Readiness, ref: Ref) -> Document | None:
    intent = run.intents.get(ref)
    if intent is not None:
        return intent.content
    local = readiness.local(ref)
    return contents(run.tx, [ref], {ref: local} if local is not None else {}).get(ref)


def why_it_stays(run: Applying, user: Ref) -> str:
    """What is listed of a deletion that is taken back."""
    return f"deleted at {run.page.source}, and it stays: {user} uses it"


def guards(user: Ref, content: Document, target: Ref) -> bool:
    """Whether Keystone refuses to delete ``target`` as long as this content names it."""
    found = REGISTRY[user.kind].references_of(content)
    return any(ref.guards and (ref.kind, ref.key) == target for ref in found)


def _goes(run: Applying, user: Ref, content: Document) -> bool:
    """Whether the user of the record goes for another reason: somebody has deleted its owner, or itself."""
    waiting = run.waiting.get(user)
    if waiting is not None and waiting.change.deleted:
        return True
    owners = (r for r in REGISTRY[user.kind].references_of(content) if r.mode is Mode.OWNING and not r.guards)
    return any(all(_dies(run, Ref(kind, r.key)) for kind in (r.kind, *r.alternatives)) for r in owners)


def _dies(run: Applying, ref: Ref) -> bool:
    intent, waiting = run.intents.get(ref), run.waiting.get(ref)
    if intent is not None:
        return intent.content is None
    return waiting is not None and waiting.change.deleted
