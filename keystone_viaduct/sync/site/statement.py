"""The hub's statements at one site: signed at the hub, believed at a spoke (PROTOCOL rule 15).

Nothing that was believed goes back: neither the term, nor within it the edition of the charter, nor how often
the keys of tokens have changed. A hub that was put back to a backup hears from its spokes what it had signed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from keystone_viaduct.errors import CheckpointMismatch, NotSigned, NotYet, OldTerm
from keystone_viaduct.sync.charter import Charter, Edition
from keystone_viaduct.sync.model import Page, SiteState
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.gains import is_narrower, judge_everything
from keystone_viaduct.sync.statement import (
    Lineage,
    Statement,
    Terms,
    extended,
    fleet_of,
    is_later,
    is_signed_charter,
    parts_of,
    statement_digest,
    terms_to_text,
    walk,
)

LOG = logging.getLogger(__name__)


def restate(
    tx: Transaction,
    state: SiteState,
    *,
    keys: Mapping[str, str] | None = None,
    beyond: Statement | None = None,
) -> SiteState:
    """At the hub: sign anew if anything has changed; returns the saved state. Does nothing elsewhere.

    ``keys``: digests of sets of keys of tokens as they are now. ``beyond``: a statement of its own that it
    had forgotten.
    """
    own = tx.signing_keys()
    if not (state.is_hub and own and state.fleet_secret):
        return state
    known = state.statement
    present = [one.terms for one in (known, beyond) if one is not None and one.terms.office == _office(state)]
    if any(state.charter.edition < terms.edition for terms in present):
        return state  # what it has signed is not here yet: a site will show it
    wanted = Terms(
        fleet_of(state.fleet_secret),
        state.hub,
        state.term,
        max((terms.number for terms in present), default=0) + 1,
        state.site,
        state.charter.edition,
        parts_of(state.charter),
        _full_sites(tx, state, own[0]),
        _changed(present, keys or {}),
    )
    if beyond is None and known is not None and own[0] in known.signatures:
        if replace(wanted, number=known.terms.number) == known.terms:
            return state
    return _with(tx, state, wanted)


def hand_over(tx: Transaction, state: SiteState) -> SiteState:
    """At a hub that has just left its office: say who has it now."""
    known, own = state.statement, tx.signing_keys()
    if known is None or not own:
        return state
    told = replace(known.terms, hub=state.hub, term=state.term, number=0, by=state.site, keys={})
    return _with(tx, state, told)


def _with(tx: Transaction, state: SiteState, terms: Terms) -> SiteState:
    text = terms_to_text(terms)
    state = replace(state, lineage=extended(state.lineage, [Statement(text, dict(tx.sign(text)), terms)]))
    tx.save_state(state)
    return state


def _office(state: SiteState) -> tuple[int, str]:
    return state.term, state.hub


def _full_sites(tx: Transaction, state: SiteState, own: str) -> dict[str, str]:
    """Who may be the hub, and the key of each."""
    before = state.statement.terms.sites if state.statement is not None else {}
    others = {
        peer.site: peer.signing_key or before.get(peer.site, "")
        for peer in tx.peers().values()
        if state.charter.is_full(peer.site)
    }
    return {**others, state.site: own}


def _changed(present: Sequence[Terms], digests: Mapping[str, str]) -> dict[str, tuple[int, str]]:
    """How often each set of keys has changed, the present change included."""
    found: dict[str, tuple[int, str]] = {}
    for told in (*({name: digest for name, (_, digest) in terms.keys.items()} for terms in present), digests):
        for name, digest in told.items():
            least = max((terms.keys[name][0] for terms in present if name in terms.keys), default=0)
            serial, before = found.get(name, (least, ""))
            if not before and least:
                found[name] = (least, digest)
            elif digest != before:
                found[name] = (serial + 1, digest)
    return found


def is_read(state: SiteState) -> bool:
    """Whether the charter of the newest statement is here. It comes with the hub's first page, the statement
    itself already with the word that this site has another hub.
    """
    known = state.statement
    return (
        known is None or known.terms.office != _office(state) or is_signed_charter(known.terms, state.charter)
    )


def signed_here(state: SiteState) -> str:
    """The digest of the newest statement where its charter is here, too; '' where either is missing. A page
    need bring neither to who has both.
    """
    known = state.statement
    if known is None or not is_signed_charter(known.terms, state.charter):
        return ""
    return statement_digest(known)


def left_out(page: Page, signed: str) -> Page:
    """A page without statement and charter, if these are the ones that the reader says that it has."""
    told = page.statement
    if told is None or statement_digest(told) != signed:
        return page
    if not is_signed_charter(told.terms, page.charter or Charter()):
        return page
    return replace(page, statement=None, charter=None, signed=signed)


def put_in(state: SiteState, page: Page) -> Page:
    """The opposite of :func:`left_out`, at the receiver. Raises CheckpointMismatch where it has others: who
    asks where it stands is told which.
    """
    if not page.signed:
        return page
    if page.signed != signed_here(state):
        raise CheckpointMismatch(
            f"this page of {page.source} leaves out a statement that {state.site} does not have",
            hint="read the checkpoint again: it says which one need not be sent",
        )
    charter = state.charter if state.charter.edition.number else None
    return replace(page, statement=state.statement, charter=charter, signed="")


def must_sign(known: Statement | None, hub: str) -> bool:
    """Whether that site is not believed without a signature: it signs, or it may not be the hub at all."""
    return known is not None and known.terms.sites.get(hub, "?") != ""


def counting(tx: Transaction, state: SiteState) -> Statement | None:
    """The newest statement, with the sites that may be the hub as this site knows them.

    A hub of an earlier release signs nothing. Its charter was believed nevertheless, so this one says who
    is full, and no longer what a hub before it had signed.
    """
    known = state.statement
    if known is None or state.is_hub or state.charter.edition <= known.terms.edition:
        return known
    keys = {name: key for one in state.lineage for name, key in one.terms.sites.items()}
    names = keys.keys() | tx.peers().keys()
    sites = {name: keys.get(name, "") for name in sorted(names) if state.charter.is_full(name)}
    return replace(known, terms=replace(known.terms, sites=sites))


def heard(tx: Transaction, state: SiteState, told: Iterable[Statement]) -> Lineage:
    """The lineage with what of this may be believed."""
    known = counting(tx, state)
    news = [one for one in told if known is None or one.text != known.text]
    if not news:
        return state.lineage
    peers = tx.peers()

    def pinned(site: str) -> str:
        return peers[site].signing_key if site in peers else ""

    return extended(state.lineage, walk(known, news, tx.verifies, pinned))


def lineage_to_follow(tx: Transaction, state: SiteState, term: int, hub: str, told: Lineage) -> Lineage:
    """What this site believes of a hub that it is to follow. Raises NotSigned, OldTerm."""
    found = heard(tx, state, told)
    newest = found[-1] if found and found != state.lineage else counting(tx, state)
    if newest is not None and newest.terms.office == (term, hub):
        return found
    if newest is not None and newest.terms.office > (term, hub):
        raise OldTerm(
            f"{newest.terms.hub} is the hub since term {newest.terms.term}, not {hub} since {term}",
            hint=f"let the agent work at {newest.terms.hub}",
            term=newest.terms.term,
            hub=newest.terms.hub,
        )
    if must_sign(newest, hub):
        raise _not_signed(state, hub, f"is not known to be the hub of term {term}")
    return found


def heard_of_hub(tx: Transaction, state: SiteState, page: Page) -> SiteState:
    """At a spoke: the state with what a page of its hub says, not saved. Raises NotSigned, NotYet.

    A statement that is not later than the known one comes from a hub that was restored: the other direction
    tells it first. But of one whose charter never came here nobody could tell it anything, and nothing was
    done by it: it is as if this site had not seen it.
    """
    before = state if is_read(state) else replace(state, lineage=state.lineage[:-1])
    known, told = before.statement, page.statement
    if told is None or told.terms.office != _office(state):
        if must_sign(counting(tx, before), page.source):
            raise _not_signed(state, page.source, "says nothing that it has signed")
        return state
    if known is not None and known.text != told.text and known.terms.office == told.terms.office:
        if not is_later(told.terms, known.terms):
            raise NotYet(
                f"{page.source} has signed later what it does not say any more: it was restored",
                hint="it hears of it with the next page from here",
            )
    found = heard(tx, before, [told])
    if not found or found[-1].text != told.text:
        raise _not_signed(state, page.source, "shows a statement that is not its own")
    if not is_signed_charter(told.terms, page.charter or Charter()):
        raise _not_signed(state, page.source, "shows another charter than it has signed")
    return state if found == state.lineage else replace(state, lineage=found)


def _not_signed(state: SiteState, site: str, what: str) -> NotSigned:
    return NotSigned(
        f"{site} {what}, by what {state.site} knows",
        hint=f"is it the hub? If its key has changed: `viaduct confirm-key {site} --at {state.site}`",
        site=site,
    )


def reminded(tx: Transaction, state: SiteState, page: Page) -> SiteState:
    """At the hub: take up what it has signed itself and a restored backup has lost; returns the saved state.

    Its own signature makes that sure, whoever shows it, and so does the digest for the charter.
    """
    told, known = page.statement, state.statement
    if not state.is_hub or told is None or told.terms.office != _office(state) or told.terms.by != state.site:
        return state
    if known is not None and (known.text == told.text or is_later(known.terms, told.terms)):
        return state
    own = {*tx.signing_keys(), *(known.terms.sites.get(state.site, "") for known in state.lineage)} - {""}
    if not any(tx.verifies(key, told.text, told.signatures.get(key, "")) for key in own):
        return state
    LOG.warning("%s has forgotten what it has signed, and %s shows it", state.site, page.source)
    state = _with_charter(tx, state, told.terms, page.charter or Charter())
    if known is None or is_later(told.terms, known.terms):
        state = replace(state, lineage=extended(state.lineage, [told]))
        tx.save_state(state)
        return restate(tx, state)
    return restate(tx, state, beyond=told)


def _with_charter(tx: Transaction, state: SiteState, told: Terms, charter: Charter) -> SiteState:
    """The signed charter, where this site has an earlier one; its own one counts if both are of one edition
    and it was written since.
    """
    mine = state.charter
    if mine.edition < told.edition and is_signed_charter(told, charter):
        state = replace(state, charter=charter)
        tx.save_state(state)
        if is_narrower(mine, charter):
            judge_everything(tx, 0)
    elif mine.edition < told.edition:
        LOG.warning(
            "the charter of edition %d was signed here and is lost: write it anew, or let a site show it",
            told.edition.number,
        )
    elif mine.edition == told.edition and parts_of(mine) != told.charter:
        edition = Edition(state.term, mine.edition.number + 1)
        state = replace(state, charter=replace(mine, edition=edition))
        tx.save_state(state)
    return state


def keys_heard(
    tx: Transaction, state: SiteState, name: str, digest: str, told: Statement | None
) -> SiteState:
    """At a spoke that is given keys of tokens: the saved state, with what shows that they are the hub's
    newest. Raises NotSigned; NotYet as long as the charter that was signed with them is not here.
    """
    found = heard(tx, state, [told] if told is not None and told.terms.office == _office(state) else [])
    newest = found[-1] if found != state.lineage else counting(tx, state)
    signed = newest is not None and newest.terms.office == _office(state)
    _, wanted = newest.terms.keys.get(name, (0, "")) if newest is not None and signed else (0, "")
    if wanted != digest and (wanted or must_sign(newest, state.hub)):
        raise _not_signed(state, state.hub, f"has not signed these keys of {name}, or later ones")
    after = replace(state, lineage=found)
    if not is_read(after):
        raise NotYet(
            f"{state.hub} has signed a charter with these keys that is not at {state.site} yet",
            hint="it comes with the next page; the agent brings the keys again",
        )
    if after != state:
        state = after
        tx.save_state(state)
    return state
