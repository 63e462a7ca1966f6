"""One site: what the API, the simulation and the tools call; each call is one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from keystone_viaduct.clock import Clock
from keystone_viaduct.errors import FenceMismatch, NotYet
from keystone_viaduct.sync.charter import Charter, Edition
from keystone_viaduct.sync.model import (
    ApplyResult,
    Bucket,
    Checkpoint,
    Due,
    Fence,
    Held,
    Listing,
    Page,
    Places,
    Purged,
    Reason,
    Ref,
    Retired,
    SiteState,
    Standing,
    Summary,
    SweepState,
    United,
    site_of,
)
from keystone_viaduct.sync.ports import Store, Transaction
from keystone_viaduct.sync.site import compare, judging, sweep
from keystone_viaduct.sync.site.apply import apply_page, apply_waiting
from keystone_viaduct.sync.site.applying import PolicyFor
from keystone_viaduct.sync.site.carrying import try_again
from keystone_viaduct.sync.site.charter import write_charter
from keystone_viaduct.sync.site.feed import glance_at_page, read_page
from keystone_viaduct.sync.site.fence import check_fence, fence_of, later
from keystone_viaduct.sync.site.former import retry_former
from keystone_viaduct.sync.site.guard import GUARD, Guard
from keystone_viaduct.sync.site.isolating import (
    Quarantine,
    considered,
    tried,
)
from keystone_viaduct.sync.site.looking import look as looked
from keystone_viaduct.sync.site.parts import parts_had, take_part
from keystone_viaduct.sync.site.promote import promote, resign
from keystone_viaduct.sync.site.purge import Retention, clean
from keystone_viaduct.sync.site.quarantine import ask_again
from keystone_viaduct.sync.site.quiet import look_at_all
from keystone_viaduct.sync.site.register import register_here, without_known
from keystone_viaduct.sync.site.restore import marked, renew
from keystone_viaduct.sync.site.retire import retire
from keystone_viaduct.sync.site.sequencer import MOST_MARKS, sequence, sequence_some
from keystone_viaduct.sync.site.statement import left_out, reminded, restate, signed_here
from keystone_viaduct.sync.site.sweep import Decide, Decided, all_held
from keystone_viaduct.sync.site.term import NewHub, follow
from keystone_viaduct.sync.site.tolerance import Tolerance
from keystone_viaduct.sync.site.unite import unite
from keystone_viaduct.sync.statement import Lineage

LOG = logging.getLogger(__name__)
T = TypeVar("T")

PAGE = 500
#: Batches that one call of the upkeep judges again.
BATCHES = 20


def hub_wins(kind: str, scope: str | None) -> str:
    """The default policy."""
    return "hub"


class Site:
    """A site over a store.

    ``policy_for(kind, scope)`` names the conflict policy (asked at the hub only); ``guard`` says how many
    deletions that a sweep finds wait for a person.
    """

    def __init__(
        self, store: Store, clock: Clock, policy_for: PolicyFor = hub_wins, guard: Guard = GUARD
    ) -> None:
        self._guard = guard
        self._store = store
        self._clock = clock
        self._policy_for = policy_for
        self._tolerance = Tolerance(store, clock)

    def state(self) -> SiteState:
        """Who this site is and how far it is, after numbering what is unnumbered."""

        def work(tx: Transaction) -> tuple[SiteState, bool]:
            return sequence_some(tx, tx.state(), self._clock.now(), MOST_MARKS)

        while True:
            state, numbered = self._tolerance.numbering(work)
            if numbered:
                return state

    @property
    def name(self) -> str:
        """The site's name."""
        return self._store.look(lambda tx: tx.state()).site

    def read(
        self,
        reader: str,
        after: Checkpoint | None,
        limit: int = PAGE,
        fence: Fence | None = None,
        parts: str | None = None,
        signed: str = "",
        register: str = "",
        *,
        most: int | None = None,
    ) -> Page:
        """A page of the feed for another site, of about ``most`` bytes; ``signed``: the statement that it has
        with its charter, ``register``: the sites that it knows. Raises FenceMismatch.

        In process no record is too large: parts are a matter of the wire.
        """

        def work(tx: Transaction) -> tuple[Page, bool]:
            now, guard = self._clock.now(), self._guard
            page = read_page(tx, reader, after, limit, fence, now=now, guard=guard, most=most)
            judges = page.source == page.hub and page.charter is not None and page.charter.limited
            return page, bool(judges) and bool(tx.due(1))

        def glance(tx: Transaction) -> tuple[Page, bool]:
            return glance_at_page(tx, reader, after, limit, fence, most=most), False

        def shown(tx: Transaction) -> list[Ref]:
            return [record.ref for record in tx.feed(after.seq if after else 0, limit, None)]

        seen = later(fence, after)
        page, due = self._tolerance.isolated(
            lambda: self._fenced(work, seen, site_of(reader), look=True, meanwhile=glance), work, shown
        )
        if due:
            self.judge()
        return without_known(left_out(page, signed), register)

    def apply(self, page: Page) -> ApplyResult:
        """Apply a page of another site's feed; a later hub's is followed first.

        Raises CheckpointMismatch, FenceMismatch, NotYet, OldTerm, Refused.
        """

        def work(tx: Transaction, quarantine: Mapping[Ref, Quarantine]) -> ApplyResult | None:
            now, policy_for = self._clock.now(), self._policy_for
            return apply_page(tx, page, now=now, policy_for=policy_for, quarantine=quarantine)

        def run(whole: Callable[[Transaction], ApplyResult | None]) -> ApplyResult | None:
            return self._fenced(whole, page.fence, page.source)

        result = None
        try:
            while result is None:
                result = self._tolerance.applying(
                    work, lambda tx: considered(tx, page, self._clock.now()), run
                )
        except NewHub:
            self.follow(page.term, page.hub, page.fence, (page.statement,) if page.statement else ())
            raise FenceMismatch(
                f"{page.hub} is the hub of term {page.term} now",
                hint="both sides compare from the start",
                both=True,
            ) from None
        except NotYet:
            # the source waits for what this site has signed, which may have forgotten it
            self._store.run(lambda tx: reminded(tx, tx.state(), page))
            raise
        for ref, why in result.named:
            LOG.warning("%s is carried beside the tables: %s", ref, why)
        if result.due:
            self.judge()
        return result

    def take_part(self, page: Page) -> ApplyResult:
        """Keep the part of a large record that the page brings. Raises what :meth:`apply` raises."""

        def work(tx: Transaction) -> ApplyResult:
            return take_part(tx, page)

        return self._fenced(work, page.fence, page.source)

    def follow(self, term: int, hub: str, fence: Fence | None, told: Lineage = ()) -> None:
        """Become a spoke of a later hub. ``told`` is what shows that it is the hub.

        Raises OldTerm when this site knows of a later one, Refused for a site that may not be the hub,
        NotSigned where nobody who may says that it is.
        """
        self._tolerance.numbering(lambda tx: follow(tx, term, hub, fence, told, now=self._clock.now()))

    def promote(self, beyond: int = 0) -> SiteState:
        """Become the hub of a term later than ``beyond`` and than this site's own. Raises Refused."""
        self.state()

        def work(tx: Transaction, quarantine: Mapping[Ref, Quarantine]) -> SiteState:
            now = self._clock.now()
            promote(tx, beyond=beyond, now=now)
            found = retry_former(tx, apply_waiting, quarantine, now=now, policy_for=self._policy_for)
            return restate(tx, found)

        def looked_at(tx: Transaction) -> list[Ref]:
            return tried(tx, [tx.state().hub], (), self._clock.now(), as_hub=True)

        return self._tolerance.applying(work, looked_at)

    def resign(self, successor: str) -> SiteState:
        """At the hub: appoint another site and become its spoke. Raises Refused."""
        self.state()
        return self._tolerance.numbering(lambda tx: resign(tx, successor, now=self._clock.now()))

    def standing(self, source: str, fence: Fence | None = None) -> Standing:
        """How far this site has applied the feed of ``source``, and its knowledge. Raises FenceMismatch."""

        def work(tx: Transaction) -> Standing:
            state = tx.state()
            check_fence(tx, state, fence)
            mine = fence_of(tx, source)
            checkpoint = tx.checkpoint(source)
            known = state.all_knowledge, state.term, state.hub, state.exceptions
            had = parts_had(tx, source), state.lineage, signed_here(state)
            register = register_here(state, tx.peers().values()) if source == state.hub else ""
            return Standing(state.origin, checkpoint, mine, *known, *had, register)

        return self._fenced(work, fence, source, look=True)

    def charter(self) -> Charter:
        """The charter that this site goes by."""
        return self._store.look(lambda tx: tx.state()).charter

    def write_charter(self, charter: Charter, seen: Edition) -> Charter:
        """At the hub: replace the charter of edition ``seen``. Raises Refused."""
        return self._store.run(lambda tx: write_charter(tx, charter, seen))

    def forget(self, source: str) -> None:
        """Drop the checkpoint, so that the whole feed of ``source`` is read again and compared.

        What waits from there is put aside until the source shows it again.
        """

        self._store.run(lambda tx: compare.forget(tx, source))

    def summary(
        self,
        reader: str,
        within: Sequence[Bucket] | None,
        fence: Fence | None = None,
        kinds: frozenset[str] | None = None,
    ) -> Summary:
        """Tallies one digit below each of these buckets; None: of whole kinds.

        Raises FenceMismatch, NotYet.
        """

        def work(tx: Transaction) -> Summary:
            return compare.summary(tx, reader, within, fence, kinds, now=self._clock.now())

        def glance(tx: Transaction) -> Summary:
            return compare.summary(tx, reader, within, fence, kinds, now=None)

        return self._tolerance.isolated(
            lambda: self._fenced(work, fence, reader, look=True, meanwhile=glance), work, lambda tx: []
        )

    def listing(self, reader: str, within: Sequence[Bucket]) -> Listing:
        """The records of the first of these buckets, and of as many more as fit."""
        return looked(self._store, lambda tx: compare.listing(tx, reader, within))

    def show(self, reader: str, refs: Sequence[Ref]) -> Checkpoint:
        """Move these records to the end of the feed; the new head."""
        return self._store.run(lambda tx: compare.show(tx, refs, now=self._clock.now()).checkpoint)

    def resume(self, source: str, places: Places) -> None:
        """Go on with the feed of ``source`` after a comparison. Raises FenceMismatch."""

        def work(tx: Transaction) -> None:
            compare.resume(tx, source, places, now=self._clock.now())

        self._fenced(work, Fence(places.own), source)

    def retire(self, site: str, *, force: bool = False) -> Retired:
        """At the hub: forget a site that is gone for good. Raises NotThere, Refused."""
        self.state()

        def work(tx: Transaction, quarantine: Mapping[Ref, Quarantine]) -> Retired:
            now, policy_for = self._clock.now(), self._policy_for
            found = retire(tx, site, apply_waiting, quarantine, force=force, now=now, policy_for=policy_for)
            restate(tx, retry_former(tx, apply_waiting, quarantine, now=now, policy_for=policy_for))
            return found

        return self._tolerance.applying(work, lambda tx: tried(tx, tx.peers(), (), self._clock.now()))

    def unite(self, loser: Ref, winner: Ref) -> United:
        """At the hub: merge a record into another of its kind. Raises NotThere, Refused."""
        self.state()
        return self._tolerance.numbering(lambda tx: unite(tx, loser, winner, now=self._clock.now()))

    def purge(self, retention: int) -> int:
        """Drop all tombstones older than ``retention`` (microseconds) that all live peers have; returns how
        many.
        """
        found = self.clean(Retention(retention))
        gone = found.tombstones
        while found.next is not None:
            found = self.clean(Retention(retention, after=found.next))
            gone += found.tombstones
        return gone

    def clean(self, keep: Retention) -> Purged:
        """Drop what is kept for a time only: tombstones (a batch of them is looked at), old nonces, what
        closed conflicts have lost. What is due to be judged again is, some batches of it.
        """
        found = self._store.run(lambda tx: clean(tx, keep, now=self._clock.now()))
        for _ in range(BATCHES):
            if not self.judge():
                break
        return found

    def judge(self) -> bool:
        """At the hub: judge the next of what is due again; whether there may be more."""
        due = self._store.run(lambda tx: tx.due(judging.BATCH))
        if not due:
            return False
        try:
            return self._store.run(lambda tx: judging.judge(tx, due, self._clock.now()))
        except Exception as error:
            if not self._store.may_be_a_record(error):
                raise
        for one in due:
            self._judge_alone(one)
        return True

    def _judge_alone(self, due: Due) -> None:
        try:
            self._store.run(lambda tx: judging.judge(tx, [due], self._clock.now()))
        except Exception as error:
            if not self._store.may_be_a_record(error):
                raise
            LOG.warning("%s/%s can't be judged again: %s", due.kind or due.sort, due.key, error)
            failed = error
            self._store.run(lambda tx: judging.give_up(tx, due, failed, self._clock.now()))

    def sweep(self, limit: int) -> SweepState:
        """Compare the next ``limit`` records or rows with each other; where the sweep is then."""

        def work(tx: Transaction) -> SweepState:
            return sweep.sweep(tx, limit, self._guard, now=self._clock.now())

        def looked_at(tx: Transaction) -> list[Ref]:
            place = tx.sweep_state()
            return [Ref(place.kind, key) for key in tx.live_keys(place.kind, place.key, limit)]

        return self._tolerance.isolated(lambda: self._store.run(work), work, looked_at)

    def confirm(self, kinds: frozenset[str] | None = None) -> int:
        """Number the deletions that wait for a person (of some kinds); how many."""
        return self._decided(sweep.confirm, kinds)

    def discard(self, kinds: frozenset[str] | None = None) -> int:
        """Have another site bring back what is missing here; how many. Whoever reads on compares first."""
        return self._decided(sweep.discard, kinds)

    def _decided(self, decide: Decide, kinds: frozenset[str] | None) -> int:
        """All that waited when it began, in batches of a transaction each: later ones nobody has seen.

        The clock may have been set back since the last of them was found.
        """
        found = self._store.run(lambda tx: max((item.found_at for item in all_held(tx)), default=0))
        now = max(self._clock.now(), found)
        place = Decided(0, None)
        number = 0
        while True:
            after = place.last

            def held(tx: Transaction, after: Held | None = after) -> list[Ref]:
                return [item.ref for item in tx.held(sweep.BATCH, after)]

            work = partial(decide, kinds=kinds, after=after, now=now)
            place = self._tolerance.isolated(partial(self._store.run, work), work, held)
            number += place.records
            if place.last is None:
                return number

    def put_aside(self, found: Mapping[Ref, str]) -> None:
        """Leave records out of pages that can't be sent; named, until they change or another try is asked."""
        self._tolerance.put_aside(found)

    def retry(self) -> int:
        """Try again, now, all that is carried or put aside here; how many records."""

        def ask(tx: Transaction) -> int:
            held = [item.ref for item in all_held(tx) if item.reason is Reason.QUARANTINED]
            tx.add_marks(held, self._clock.now())  # let go, and shown again, when they are numbered
            asked = sum(ask_again(tx, source) for source in tx.peers())
            return len(held) + try_again(tx) + asked

        def work(tx: Transaction, quarantine: Mapping[Ref, Quarantine]) -> None:
            now = self._clock.now()
            sequence(tx, tx.state(), now)
            look_at_all(tx, apply_waiting, quarantine, now=now, policy_for=self._policy_for)

        number = self._store.run(ask)
        self.state()
        self._tolerance.applying(work, lambda tx: tried(tx, tx.peers(), (), self._clock.now()))
        return number

    def _fenced(
        self,
        work: Callable[[Transaction], T],
        fence: Fence | None,
        caller: str,
        *,
        look: bool = False,
        meanwhile: Callable[[Transaction], T] | None = None,
    ) -> T:
        """Run ``work`` (``look``: it may have nothing to write); when the caller knows a history that is not
        here, this site begins a new life.
        """
        try:
            return looked(self._store, work, meanwhile) if look else self._store.run(work)
        except FenceMismatch as error:
            if error.fields.get("forked"):
                seen = fence.seen if fence else None
                self._renew(seen, caller)
            raise

    def _renew(self, seen: Checkpoint | None, caller: str) -> None:
        """Begin a new life; what can't be read of the backup's marks is put aside."""

        def work(tx: Transaction) -> SiteState:
            return renew(tx, seen, caller, now=self._clock.now(), restored=True)

        self._tolerance.isolated(lambda: self._store.run(work), work, marked)
