"""The charter at one site: written at the hub, taken over by the spokes."""

from __future__ import annotations

from dataclasses import replace

from keystone_viaduct.errors import Refused
from keystone_viaduct.sync.charter import Charter, Edition
from keystone_viaduct.sync.model import SiteState
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.gains import is_narrower, judge_everything
from keystone_viaduct.sync.site.statement import must_sign, restate


def adopt_charter(state: SiteState, charter: Charter | None) -> SiteState:
    """At a spoke: the state with the hub's charter if that is a later edition.

    None is that of a fleet without one, which counts after :func:`take_next_charter`.
    """
    told = charter or Charter()
    if told.edition > state.charter.edition or (told.edition == Edition() == state.charter.edition):
        return replace(state, charter=told)
    return state


def take_next_charter(tx: Transaction, source: str) -> None:
    """At a spoke that starts over with the hub: the hub's charter counts, whichever edition it is.

    The hub may have been restored from a backup with an earlier one, which would be refused for ever. One
    that signs is told of the later one (``site.statement``). But of an edition that it has never signed it
    can't be told: that was written by another hub of the same term, which has lost to this one.
    """
    state = tx.state()
    known = state.statement
    if known is not None and must_sign(known, source) and state.charter.edition <= known.terms.edition:
        return
    if source == state.hub and not state.is_hub and state.charter.edition.number:
        tx.save_state(replace(state, charter=replace(state.charter, edition=Edition())))


def write_charter(tx: Transaction, charter: Charter, seen: Edition) -> Charter:
    """At the hub: replace the charter of edition ``seen``; returns it with its own edition.

    Which sites have been retired is no part of what is replaced.

    Raises Refused at a spoke, and when another edition than ``seen`` is there.
    """
    state = tx.state()
    if not state.is_hub:
        raise Refused(
            f"{state.site} is not the hub",
            hint=f"write the charter at {state.hub}; it reaches this site with the next page",
        )
    if state.charter.edition != seen:
        raise Refused(
            f"the charter is of edition {state.charter.edition.number} already, not {seen.number}",
            hint="read it again, and change that",
        )
    written = replace(charter, edition=_next_edition(state), retired=state.charter.retired)
    after = replace(state, charter=written)
    tx.save_state(after)
    if is_narrower(state.charter, written):
        judge_everything(tx, 0)
    restate(tx, after)
    return written


def _next_edition(state: SiteState) -> Edition:
    """Later than any that was signed in this term, also if that is lost."""
    signed = state.statement.terms.edition if state.statement is not None else Edition()
    last = max(state.charter.edition.number, signed.number if signed.term == state.term else 0)
    return Edition(state.term, last + 1)
