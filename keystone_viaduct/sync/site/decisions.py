"""The list of conflicts, at every site that may be promoted: whoever is the hub next has to know it.

A conflict takes a position of its own in the feed of the site that lists it, and so does its resolution. It
travels in the page that covers that position, and is told once as a record is. Sites that are compared skip
parts of each other's feeds: there the whole list moves to the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from keystone_viaduct.kinds.raw import same
from keystone_viaduct.sync.model import DELETED, Conflict, Document, Page, SiteState, site_of
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.nonce import new_nonce
from keystone_viaduct.sync.site.refusals import unlisted

#: The sort of what is listed where two sites have changed one record.
CONCURRENT = "concurrent"
#: Conflicts in one page: each may hold a whole document.
MOST = 100


def told_conflicts(
    tx: Transaction, state: SiteState, reader: str, after: int, upto: int, limit: int
) -> tuple[Conflict, ...]:
    """Those at the feed positions after one up to another, as many as a page holds."""
    if not _are_equal(state, site_of(reader)):
        return ()
    return tuple(tx.conflicts_between(after, upto, min(limit, MOST)))


def _are_equal(state: SiteState, other: str) -> bool:
    """Whether both sites may be the hub: a limited one may neither read all that was lost nor say it."""
    return state.charter.is_full(state.site) and state.charter.is_full(other)


def still_lost(row: Conflict, content: Document | None) -> Conflict | None:
    """What is left of a decision between two edits once all of a page is decided; None if nothing was lost.

    What the loser wrote may have become the record's value after all, by what was decided of another record.
    """
    if row.sort != CONCURRENT or row.open or content is None:
        return row
    names = [
        name for name in row.fields if name == DELETED or not same(row.lost.get(name), content.get(name))
    ]
    lost = {name: value for name, value in row.lost.items() if name in names}
    return replace(row, fields=tuple(names), lost=lost) if names else None


def list_conflicts(run: Applying) -> None:
    """Add what was decided, and at the hub what the page tells of the list, each at a position of its own."""
    news, closed = _received(run.tx, run.state, run.page)
    own = [replace(row, seq=run.next_dot().seq) for row in unlisted(run, run.conflicts)]
    if run.state.is_hub:
        news = [replace(row, seq=run.next_dot().seq) for row in news]
    run.tx.add_conflicts([*own, *news])
    for resolution in sorted({row.resolution for row in closed}):
        run.tx.close_conflicts([row.id for row in closed if row.resolution == resolution], resolution)
    if run.state.is_hub:
        run.tx.place_conflicts({row.id: run.next_dot().seq for row in closed})


def _received(tx: Transaction, state: SiteState, page: Page) -> tuple[list[Conflict], list[Conflict]]:
    """What is not on the list yet, and what was resolved meanwhile. What was lost is taken once only."""
    if not page.conflicts or not _are_equal(state, page.source):
        return [], []
    known = tx.known_conflicts([row.id for row in page.conflicts])
    news = [replace(row, seq=0) for row in page.conflicts if row.id not in known]
    closed = [
        row for row in page.conflicts if row.id in known and row.resolution and not known[row.id].resolution
    ]
    return news, closed


def list_now(tx: Transaction, conflicts: Sequence[Conflict], now: int) -> None:
    """Add conflicts outside of a page."""
    if conflicts:
        seqs = _positions(tx, len(conflicts), now)
        tx.add_conflicts([replace(row, seq=seq) for row, seq in zip(conflicts, seqs, strict=True)])


def close(tx: Transaction, ids: Sequence[str], resolution: str, now: int) -> None:
    """An operator has looked at them."""
    if ids:
        tx.close_conflicts(ids, resolution)
        tx.place_conflicts(dict(zip(ids, _positions(tx, len(ids), now), strict=True)))


def show_conflicts(tx: Transaction, reader: str, now: int) -> None:
    """Move the whole list to the end of the feed, for who has skipped a part of it."""
    if _are_equal(tx.state(), reader):
        found = tx.conflict_ids()
        if found:
            tx.place_conflicts(dict(zip(found, _positions(tx, len(found), now), strict=True)))


def _positions(tx: Transaction, number: int, now: int) -> range:
    state = tx.state()
    head = state.head + number
    tx.save_state(replace(state, head=head, nonce=new_nonce(now)))
    return range(state.head + 1, head + 1)
