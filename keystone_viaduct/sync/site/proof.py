"""The hub believes a spoke only about itself (PROTOCOL rule 16).

From a spoke its own edits may be news. Whatever else its record includes has to be known here already, from
the hub's own record or from the site whose edit it is; else the record waits. A record whose parts
contradict each other, or say of others what the hub knows better, is a forgery.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from keystone_viaduct.errors import BadDocument, Refused
from keystone_viaduct.kinds.local import is_local
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.knowledge import Exceptions, limited
from keystone_viaduct.sync.model import (
    ABSENT,
    DELETED,
    Change,
    Dot,
    FieldState,
    Page,
    Peer,
    Record,
    Ref,
    SiteState,
    Version,
    origin_of,
    site_of,
)
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.content import digests, is_known
from keystone_viaduct.sync.site.fence import check_own
from keystone_viaduct.sync.site.scope import has_past
from keystone_viaduct.sync.site.verdict import Verdict, judge

#: A stamp further ahead of the hub's clock than this (microseconds) is taken back to it.
FARTHEST = 24 * 3600 * 1_000_000
#: Lives of sites that the hub has not met and that a spoke whose delegation is limited may name: so many of
#: its own in what it knows, and so many of others in the versions of all its records together.
STRANGE = 64
#: Why a change waits that will be refused when what other sites show of the record is decided.
REFUSABLE = "refusable"


class Doubt(NamedTuple):
    """Why a change is not believed; ``forged``: it never will be, otherwise it waits."""

    why: str
    forged: bool


def check_page(tx: Transaction, state: SiteState, page: Page) -> None:
    """Raise Refused for a page that speaks for more than its source's own present life.

    Raises FenceMismatch when the source knows of edits of this site that it has not made: it was restored. A
    spoke whose delegation is limited is not believed that; it has to show the position that it read.
    """
    if page.fence is None or state.charter.delegation_of(page.source).is_full:
        check_own(state, page.knowledge)
    elif page.knowledge.entries.get(state.origin, 0) > state.head:
        raise Refused(
            f"{page.source} claims to know edits that {state.site} has not made",
            hint="look at what runs at that site",
        )
    own = origin_of(page.source, page.upto.incarnation)
    if page.after is not None and page.after.incarnation != page.upto.incarnation:
        raise Refused(
            f"{page.source} changes its incarnation in the middle of its feed",
            hint="a site that begins a new life is read from the start",
        )
    if page.knowledge.entries.get(own, 0) > page.upto.seq and page.at_head:
        raise Refused(f"{page.source} claims edits beyond its head", hint="look at what runs at that site")
    shown = [(one.ref, one.seq, one.version) for one in page.changes]
    for ref, seq, version in [*shown, *((bad.ref, bad.seq, bad.version) for bad in page.unreadable)]:
        if version.entries.get(own, 0) > page.upto.seq or seq > page.upto.seq:
            raise Refused(
                f"{page.source} shows an edit of its own that it has not made yet: {ref}",
                hint="look at what runs at that site",
                ref=str(ref),
            )
    if state.charter.delegation_of(page.source).is_full:
        return  # it could as well have the hub store so many records
    _check_lives(tx, state, page)


def check_travels(page: Page) -> None:
    """Raise Refused for a page with accounts that belong to one site alone: they are no other's business, and
    every site has some under these ids.
    """
    shown = [(one.ref, None if one.deleted else one.document) for one in page.changes]
    for ref, document in [*shown, *((bad.ref, None) for bad in page.unreadable)]:
        if is_local(*ref, document):
            raise Refused(
                f"{page.source} shows {ref}, which never travels",
                hint="look at what runs at that site",
                ref=str(ref),
            )


def _check_lives(tx: Transaction, state: SiteState, page: Page) -> None:
    """Raise Refused for a page that names very many lives of sites. Each would be handed on for ever, in the
    hub's knowledge or with a record, until no other site reads the hub's pages any more.

    A few are named by honest sites, too: of a site that was restored, or by one that a restored hub has
    forgotten. Which these are is written down with the spoke.
    """
    known = {*state.all_knowledge.entries, state.origin, origin_of(page.source, page.upto.incarnation)}
    if known.issuperset(_named(page)):
        return
    peers = tx.peers()
    known |= {origin_of(peer.site, peer.incarnation) for peer in peers.values()}
    own = {o for o in (*page.knowledge.entries, *state.all_knowledge.entries) if site_of(o) == page.source}
    if len(own) > STRANGE:
        raise _too_strange(page.source, f"{len(own)} lives of its own")
    odd = [change for change in page.changes if not known.issuperset(change.version.entries)]
    records = tx.records([change.ref for change in odd])
    strange = set()
    for change in odd:
        local = records.get(change.ref)
        strange |= {*change.version.entries} - {*(local.version.entries if local else ())} - known
    peer = peers.get(page.source, Peer(page.source, b""))
    told = frozenset(strange | peer.lives) - known
    if len(told) > STRANGE:
        raise _too_strange(page.source, f"{len(told)} lives that nobody has met")
    if told != peer.lives:
        tx.save_peer(replace(peer, lives=told))


def _named(page: Page) -> set[str]:
    """The lives in a page, but those of other sites in its knowledge: these are not taken from a spoke."""
    found = {origin for change in page.changes for origin in change.version.entries}
    return found | {origin for origin in page.knowledge.entries if site_of(origin) == page.source}


def _too_strange(source: str, what: str) -> Refused:
    return Refused(f"{source} names {what}", hint="look at what runs at that site")


def own_knowledge(page: Page) -> tuple[Version, Exceptions]:
    """What the hub learns from a spoke's knowledge: how far its own edits go, and with which exceptions."""
    known = Version(
        {origin: seq for origin, seq in page.knowledge.entries.items() if site_of(origin) == page.source}
    )
    return known, limited(page.exceptions, known)


def vouches(state: SiteState, source: str) -> bool:
    """Whether a spoke is believed about others as well.

    In a fleet that has changed its hub a spoke may have heard from the old one what the new one never did.
    One that may change everything is believed that; from any other it waits until whoever did it shows it.
    """
    return state.term > 1 and state.charter.delegation_of(source).is_full


def bounded(change: Change, now: int) -> Change:
    """The change with no stamp far ahead of this site's clock."""
    most = now + FARTHEST
    if all(state.stamp <= most for state in change.fields.values()):
        return change
    fields = {name: state._replace(stamp=min(state.stamp, most)) for name, state in change.fields.items()}
    return replace(change, fields=fields)


class Proof:
    """Judges the changes of one page of a spoke at the hub."""

    def __init__(self, tx: Transaction, state: SiteState, page: Page, likely: Sequence[Ref] = ()) -> None:
        """``likely``: records about which it will be asked, to be looked for together when the first is."""
        self._tx = tx
        self._state = state
        self._source = page.source
        self._storable = page.capabilities
        self._likely = [*likely, *(change.ref for change in page.changes)]
        self._others_of: dict[Ref, dict[str, Change]] | None = None
        self._refusable: dict[Ref, set[str]] = {}
        self._shown: dict[str, int] = {}
        self._lives = {state.site: state.origin}
        self._unmet: set[str] = set()

    def doubt(self, change: Change, local: Record | None) -> Doubt | None:
        """Why this change is not believed, or None."""
        if judge(local, change, self._state.knows(change.ref)) is Verdict.KNOWN:
            return None
        # In this order: whoever is refused is answered with a version that includes his, so nothing unproven
        # may be in it.
        doubt = self._unproven(change, local)
        if doubt is not None:
            return doubt
        why = self._contradiction(change, local)
        return None if why is None else Doubt(why, forged=True)

    def others_wait(self, ref: Ref) -> bool:
        """Whether another site's version of the record waits here."""
        return bool(self._others(ref))

    def others_may_count(self, ref: Ref) -> bool:
        """Whether one of these may come to something: it does not wait for nothing but its refusal."""
        return not self._others(ref).keys() <= self._refusable.get(ref, set())

    def _can_lack(self, change: Change, name: str) -> bool:
        """Whether the source's release may have lost the value: it has no column for it."""
        known = self._storable.get(change.ref.kind)
        return name not in change.document and known is not None and not is_known(known, name)

    def _contradiction(self, change: Change, local: Record | None) -> str | None:
        kind = REGISTRY[change.ref.kind]
        if change.ref.key in kind.hidden:
            return "such a record is never replicated"
        if not change.deleted:
            if not self._is_under_its_key(change):
                return "its document is another record's"
            found = digests(self._state.fleet_secret, change.ref.kind, change.document)
            stated = {
                name: state.digest
                for name, state in change.fields.items()
                if name != DELETED and state.digest != ABSENT and not self._can_lack(change, name)
            }
            if found != stated:
                return "its document is not the one that its digests stand for"
        if local is None:
            return None
        # In a past that was lost equal versions may stand for two contents; in the hub's present life never.
        equal = local.version == change.version
        for name, state in change.fields.items():
            if not state.dot.seq or (equal and state.dot.origin != self._state.origin):
                continue
            if self._is_foreign(state.dot) and self._is_false(name, state, change, local):
                return f"{name} is not what {site_of(state.dot.origin)} wrote"
        return None

    def _is_false(self, name: str, state: FieldState, change: Change, local: Record) -> bool:
        """Whether that edit of another site is known here, and not as this one of this record.

        What the hub knows and its record does not include, that edit has not done to the record; it may have
        been claimed before it was made.
        """
        if not local.version.includes(state.dot):
            forgotten = not local.version.entries  # a deletion that was not meant, see ``sync.site.sweep``
            known = self._state.knows(change.ref)
            # the tombstone of a record that is forgotten here, and that another one has come after
            forgotten = forgotten or (change.deleted and known.covers(change.version))
            excused = forgotten or local.deleted or self._may_be_lost()
            return not excused and known.includes(state.dot)
        return change.version.covers(local.version) and not _same(local.fields.get(name), state)

    def _may_be_lost(self) -> bool:
        """Whether the hub may have lost an edit that its maker can't show any more: it has evicted it, or has
        deleted the record and kept no tombstone. Which sites held what in a past that was lost nobody knows.

        A hub that was restored takes the word of a site that may change everything itself.
        """
        trusted = self._state.charter.delegation_of(self._source).is_full
        return vouches(self._state, self._source) or (trusted and has_past(self._state))

    def _is_under_its_key(self, change: Change) -> bool:
        kind = REGISTRY[change.ref.kind]
        parts: dict[str, object] = dict.fromkeys(kind.key)
        full = {**parts, **self._tx.defaults(change.ref.kind), **change.document}
        try:
            return kind.key_of(full) == change.ref.key
        except BadDocument:
            return False

    def _is_foreign(self, dot: Dot) -> bool:
        return site_of(dot.origin) != self._source

    def _included(self, dot: Dot, local: Record | None) -> bool:
        return local is not None and local.version.includes(dot)

    def _unproven(self, change: Change, local: Record | None) -> Doubt | None:
        if vouches(self._state, self._source):
            return None
        for dot in self._news_of_others(change, local):
            if dot.origin in self._state.charter.retired:
                if not self._state.charter.delegation_of(self._source).is_full:
                    why = f"edit {dot.seq} of {site_of(dot.origin)}, which was retired, is news to the hub"
                    return Doubt(why, forged=True)
            elif not self._vouched(change, dot):
                return Doubt(f"{site_of(dot.origin)} has not shown edit {dot.seq} yet", forged=False)
        return None

    def _news_of_others(self, change: Change, local: Record | None) -> Iterator[Dot]:
        """Edits of other sites that the change includes and that the hub does not know of."""
        written = {state.dot for state in change.fields.values()} | {change.birth}
        known = self._state.knows(change.ref)
        for dot in {*change.version, *written}:
            if self._is_foreign(dot) and not known.includes(dot) and not self._included(dot, local):
                yield dot

    def _vouched(self, change: Change, dot: Dot) -> bool:
        """Whether the site whose edit it is has itself shown this record so, or has nothing to show of it."""
        site = site_of(dot.origin)
        shown = self._others(change.ref).get(site)
        written = [n for n, state in change.fields.items() if state.dot == dot]
        if shown is None:
            told = not written and change.birth != dot and self._shown.get(dot.origin, 0) >= dot.seq
            return told or self._is_over(dot.origin)
        if not shown.version.includes(dot):
            return False
        return all(
            shown.fields.get(n) is None
            or shown.fields[n].dot != dot
            or _same(shown.fields[n], change.fields[n])
            for n in written
        )

    def orphans(self, record: Record, local: Record | None) -> set[str]:
        """Fields said to be written in a life of another site that nobody can answer for any more, but those
        that the hub has from there itself.
        """
        known = self._state.knows(record.ref)
        return {
            name
            for name, state in record.fields.items()
            if name != DELETED and state.dot.seq and self._is_foreign(state.dot)
            if not self._included(state.dot, local)
            if not known.includes(state.dot) and self._is_over(state.dot.origin)
        }

    def _is_over(self, origin: str) -> bool:
        """Whether nobody can show what was done in that life: its site began another one, or is none of ours.

        A site that was restored does not know what it has lost, but another one may have heard of it. A site
        that has not shown this hub yet what it has may show it under another name.
        """
        self._read_peers()
        site = site_of(origin)
        return site not in self._unmet and self._lives.get(site, "") != origin

    def look_for(self, refs: Collection[Ref]) -> None:
        """Read in one go what waits of these records from other sites."""
        known = self._read_peers()
        open_ = [ref for ref in dict.fromkeys(refs) if ref not in known]
        known.update((ref, {}) for ref in open_)
        for entry in self._tx.pending_about(open_):
            ref, site = entry.change.ref, entry.source
            if site != self._source and site in self._lives:
                known[ref][site] = entry.change
                if entry.reason == REFUSABLE:
                    self._refusable.setdefault(ref, set()).add(site)

    def _others(self, ref: Ref) -> dict[str, Change]:
        """What waits of a record from other sites."""
        known = self._read_peers()
        if ref not in known:
            self.look_for([ref, *self._likely])
            self._likely = []
        return known[ref]

    def _read_peers(self) -> dict[Ref, dict[str, Change]]:
        """How far the others have come, read when that is first needed; returns what was found to wait."""
        if self._others_of is None:
            self._others_of = {}
            for peer in self._tx.peers().values():
                if peer.site == self._source:
                    continue
                self._lives[peer.site] = origin_of(peer.site, peer.incarnation)
                if peer.live and peer.met < self._state.term:
                    self._unmet.add(peer.site)
                if peer.seen is not None:
                    self._shown[origin_of(peer.site, peer.seen.incarnation)] = peer.seen.seq
        return self._others_of


def _same(mine: FieldState | None, theirs: FieldState) -> bool:
    return mine is not None and mine.dot == theirs.dot and mine.digest == theirs.digest
