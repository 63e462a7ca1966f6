"""Keeps the parts of a record that is larger than a page, until the last comes and all of it is applied."""

from __future__ import annotations

from keystone_viaduct.sync.model import ApplyResult, Page
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.apply import check
from keystone_viaduct.sync.site.statement import put_in, signed_here


def parts_had(tx: Transaction, source: str) -> str:
    """Which parts are here, as it is told to the source: ``subject:number``; '' for none."""
    subject, number = tx.parts_had(source)
    return f"{subject}:{number}" if number else ""


def take_part(tx: Transaction, page: Page) -> ApplyResult:
    """Keep the page's part if it is the next one, and say which are here; nothing is applied.

    Who sends it is checked as for any page: no part comes from an old hub, or on another checkpoint. Raises
    what applying such a page would.
    """
    state = tx.state()
    check(tx, state, put_in(state, page))
    part = page.part
    assert part is not None
    subject, number = tx.parts_had(page.source)
    if part.number == (number if part.subject == subject else 0) and not part.is_last:
        tx.save_part(page.source, part.subject, part.number, part.data)
    waiting = tx.waiting_count(page.source)
    had, signed = parts_had(tx, page.source), signed_here(state)
    return ApplyResult(
        0, 0, 0, (), waiting, page.upto, state.all_knowledge, state.checkpoint, had, signed=signed
    )
