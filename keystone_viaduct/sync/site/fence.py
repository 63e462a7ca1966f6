"""Does this site still have the history that the caller knows? (PROTOCOL rules 8, 9, 14).

Asked by every call before anything is numbered: a site restored from a backup would otherwise give out
numbers that it has given out before.
"""

from __future__ import annotations

from keystone_viaduct.errors import FenceMismatch, NotYet
from keystone_viaduct.sync.model import Checkpoint, Fence, SiteState, Version, origin_of
from keystone_viaduct.sync.ports import Transaction


def fence_of(tx: Transaction, source: str) -> Fence | None:
    """What this site last knew of the feed of ``source``."""
    checkpoint = tx.checkpoint(source)
    peer = tx.peers().get(source)
    seen = None if peer is None else peer.seen
    if checkpoint is None:
        return None if seen is None else Fence(seen, anew=True)
    if seen is not None and seen.incarnation == checkpoint.incarnation and seen.seq > checkpoint.seq:
        return Fence(seen, anew=True)  # told by a comparison, and not read up to there yet
    return Fence(checkpoint)


def later(fence: Fence | None, after: Checkpoint | None) -> Fence | None:
    """The later of what a caller knows of one feed."""
    if after is None:
        return fence
    same = fence is not None and fence.seen.incarnation == after.incarnation
    return fence if same and fence is not None and fence.seen.seq > after.seq else Fence(after)


def check_fence(tx: Transaction, state: SiteState, fence: Fence | None) -> None:
    """Raise FenceMismatch unless this site's history still holds the position that the caller knows.

    ``forked`` among the error's fields says that this site has lost a part of its history: it must begin a
    new life before it numbers anything. A past life of this site is no such sign, a life it knows nothing of
    is.
    """
    if fence is None:
        return
    known = fence.seen
    if known.incarnation != state.incarnation:
        past = origin_of(state.site, known.incarnation) in state.knowledge.entries
        if past and fence.anew:
            return
        raise FenceMismatch(
            f"{state.site} is another incarnation than the checkpoint names",
            hint="its database was restored; compare from the start",
            incarnation=state.incarnation,
            forked=not past,
        )
    nonce = tx.nonce_at(known.seq) if 0 < known.seq <= state.head else None
    if nonce == "" and not _is_in_forgotten_part(tx, known):
        _too_old(state, fence)
    elif known.seq > state.head or (known.seq and not _has(tx, known, nonce)):
        raise FenceMismatch(
            f"{state.site} does not have position {known.seq} of the checkpoint in its history",
            hint="its database was restored from a backup",
            incarnation=state.incarnation,
            forked=True,
        )


def _is_in_forgotten_part(tx: Transaction, known: Checkpoint) -> bool:
    """Whether that position was read after its batch was forgotten: the feed's last one speaks for it."""
    first, *later = known.nonces
    return not first and bool(later) and all(tx.has_batch(one) for one in later)


def _too_old(state: SiteState, fence: Fence) -> None:
    """The batch was forgotten long ago, so nothing can be said of it: whoever reads on from it compares."""
    if not fence.anew:
        raise FenceMismatch(
            f"{state.site} has forgotten the nonces up to position {fence.seen.seq}",
            hint="both sides compare",
            incarnation=state.incarnation,
            both=True,
        )


def _has(tx: Transaction, known: Checkpoint, nonce: str | None) -> bool:
    first, *later = known.nonces
    return nonce == first and all(tx.has_batch(one) for one in later)


def check_reader(state: SiteState, reader: str) -> None:
    """Raise NotYet at a spoke for anybody but its hub: it follows a new one before it numbers anything."""
    if not state.is_hub and reader != state.hub:
        raise NotYet(
            f"{state.site} follows {state.hub} in term {state.term} and shows {reader} nothing",
            hint="it has to hear first that there is another hub",
            term=state.term,
            hub=state.hub,
        )


def check_own(state: SiteState, told: Version) -> None:
    """Raise FenceMismatch when somebody knows of more edits of this site than it has numbered itself."""
    if told.entries.get(state.origin, 0) > state.head:
        raise FenceMismatch(
            f"others know edit {told.entries[state.origin]} of {state.site}, which is at {state.head}",
            hint="its database was restored from a backup",
            incarnation=state.incarnation,
            forked=True,
        )


def check_purge(state: SiteState, after: Checkpoint | None, began: int) -> None:
    """Raise FenceMismatch for a reader that stayed away until tombstones it has not seen were purged.

    When it ``began`` from nothing, up to that position, those were tombstones already: it was shown no record
    that they speak of.
    """
    if after is not None and after.seq < state.purged and began < state.purged:
        raise FenceMismatch(
            f"tombstones up to position {state.purged} were purged, and the checkpoint is at {after.seq}",
            hint="both sides compare from the start",
            incarnation=state.incarnation,
            both=True,
        )
