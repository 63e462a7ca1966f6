"""One direction of one link: what an attempt does, and how long it rests after it."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from keystone_viaduct.errors import (
    FenceMismatch,
    NotInitialised,
    OldTerm,
    SealingError,
    TooFast,
    UnknownSite,
    ViaductError,
)
from keystone_viaduct.sync.agent.agenda import Rest
from keystone_viaduct.sync.agent.ahead import Ahead
from keystone_viaduct.sync.agent.contact import Contact
from keystone_viaduct.sync.agent.ends import End, Ends, end_of
from keystone_viaduct.sync.agent.pacing import Pacer
from keystone_viaduct.sync.agent.tally import Tally
from keystone_viaduct.sync.link.link import Link
from keystone_viaduct.sync.link.replicator import Progress, Replicator
from keystone_viaduct.sync.model import ApplyResult, Page, held_feed
from keystone_viaduct.sync.wire import requestid
from keystone_viaduct.sync.wire.faults import first_records

LOG = logging.getLogger(__name__)
#: Errors after which the two ends are introduced to each other anew.
ESTRANGED = (FenceMismatch, UnknownSite, SealingError, NotInitialised)
#: Pages that pokes have brought and that wait to be offered; more than a few are stale anyway.
INBOX = 4
#: So often within so many seconds may a direction start over, or be shown another checkpoint; more is a
#: failure.
VAIN, WITHIN = 3, 600.0
#: Of a target's time the pages of a source that may not do everything take one part in so many; those that
#: take less than so many seconds disturb nobody.
SHARE, UNNOTICED = 5, 0.1
#: Seconds for which a site that makes a direction wait is not logged again.
QUIET = 3600.0
#: Seconds after which a direction looks for itself, whatever others have found.
ITSELF = 60.0
#: What is said when a link begins anew.
STARTING_OVER = (
    "one of the two does not have the history that the other knows: a backup was put back there, or it was "
    "away for longer than deletions are kept; the two are compared, and each shows what the other lacks"
)


@dataclass
class LaneState:
    """What is known of a direction. Times in seconds since the epoch; ``head``: the source's, as told.

    ``behind_since``: since when the target has not had all that the source is known to have, 0 while it has.

    ``slowed`` counts how often a site has made it wait because it was too fast.
    """

    failures: int = 0
    error: str = ""
    code: str = ""
    succeeded_at: float = 0.0
    moved_at: float = 0.0
    head: int = 0
    position: int = 0
    poked: int = 0
    offered: int = 0
    slowed: int = 0
    loading: bool = False
    behind_since: float = 0.0

    def come_to(self, head: int, position: int) -> None:
        """The source was seen at ``head``, the target at ``position``."""
        self.head, self.position = max(self.head, head, position), position
        if self.position >= self.head:
            self.behind_since = 0.0
        elif not self.behind_since:
            self.behind_since = time.time()


@dataclass(eq=False)
class Lane:
    """``gate`` lets it work (the lease is held).

    ``told(lane)`` has it attempted soon, ``hinted(lane)`` not as often as that is called.

    ``confirm``: seconds after which the target is told that it has all, though nothing is new (0: never).

    ``moved(lane, refused)`` is called when records have moved; ``refused``: the target showed some of its
    own. ``doubt`` is called when a site knows of a later hub. ``is_limited``: whether the source may not do
    everything.
    """

    link: Link
    replicator: Replicator
    contact: Contact
    pacer: Pacer
    gate: threading.Event
    moved: Callable[[Lane, bool], None]
    first_load_limit: int = 2000
    doubt: Callable[[], None] = lambda: None
    is_limited: Callable[[], bool] = lambda: False
    told: Callable[[Lane], None] = lambda lane: None
    hinted: Callable[[Lane], None] = lambda lane: None
    confirm: float = 0.0
    ahead: Ahead = field(default_factory=Ahead)
    ends: Ends = field(default_factory=Ends)
    state: LaneState = field(default_factory=LaneState)
    tally: Tally = field(default_factory=Tally)
    _inbox: deque[Page] = field(default_factory=lambda: deque(maxlen=INBOX))
    _stopping: threading.Event = field(default_factory=threading.Event)
    _known: bool = False
    _usual: int = 0
    _told_at: float = 0.0
    _said_at: float = float("-inf")
    _end: End | None = None
    _asked_at: float = 0.0
    _looked_at: float = 0.0
    _vain: deque[float] = field(default_factory=deque)
    _cause: str = ""

    @property
    def source(self) -> str:
        """The site whose feed it reads."""
        return self.replicator.source.name

    @property
    def target(self) -> str:
        """The site that applies it."""
        return self.replicator.target.name

    @property
    def name(self) -> str:
        """For logs and metrics."""
        return f"{self.source}-{self.target}"

    def stop(self) -> None:
        """Have no wait within a step last any longer."""
        self._stopping.set()

    def wake(self, head: int = 0, cause: str = "") -> None:
        """There may be news, up to ``head``; ``cause``: the id of the request that has written it."""
        self._cause, self._end = cause or self._cause, None
        self.state.poked += 1
        self.state.come_to(head, self.state.position)
        self.told(self)

    def hint(self, cause: str = "") -> None:
        """Some site says that there may be news: looked for at once, but not once for each that says so."""
        self._cause, self._end = cause or self._cause, None
        self.state.poked += 1
        self.hinted(self)

    def bring(self, page: Page, head: int, cause: str = "") -> None:
        """A poke brought a page along."""
        self._inbox.append(page)
        self.wake(head, cause)

    def count(self, page: Page, result: ApplyResult) -> None:
        """A page was applied."""
        self.tally.page((change.ref for change in page.changes), result.conflicts)
        if page.changes:
            refs = first_records(page.changes)
            told = len(page.changes), refs, result.applied, len(result.conflicts), result.pending
            LOG.info("%s: %s changes (%s): %s applied, %s refused, %s wait", self.name, *told)

    def step(self) -> Progress:
        """One step, under the id of the request that has caused it, or one of its own. Raises
        ViaductError.
        """
        cause, self._cause, self._end = self._cause or requestid.made(), "", None
        try:
            with requestid.under(cause):
                progress = self._step()
        except BaseException:
            self._read_no_more_ahead()  # others may, while this one fails
            self.replicator.restart()  # without the page that was being read there
            raise
        if progress is Progress.MORE:
            self._cause = self._cause or cause
        return progress

    def _step(self) -> Progress:
        """Introduce the ends, offer what pokes have brought, then carry one page."""
        self.contact.make()
        if not self._known:
            self._begin()
        if self.state.loading and self.replicator.ahead is None:
            self.replicator.ahead = self.ahead.lend()
        before = self.replicator.totals.changes, self.replicator.totals.conflicts
        while self._inbox:
            if self.replicator.offer(self._inbox.popleft()):
                self.state.offered += 1
                before = self._tell(before)
        progress = self._carry()
        self._tell(before)
        self._note(progress)
        return progress

    def step_patiently(self) -> Progress:
        """A step; where a site asks to wait, or another transaction has its feed for now, one after that.

        Raises ViaductError; TooFast or StoreBusy when the waits in a row exceed the longest back-off.
        """
        waited = 0.0
        while True:
            try:
                progress = self.step()
                if progress is Progress.MORE or not self.replicator.held_back:
                    return progress
                wait = self.pacer.held_back()
                waited += wait
                if waited > self.pacer.longest or self._stopping.wait(wait):
                    raise held_feed(self.source)
            except TooFast as error:
                waited += self.pacer.told(error.wait)
                if waited > self.pacer.longest or self._stopping.is_set():
                    raise
                self._stopping.wait(self._slowed(error))

    def _carry(self) -> Progress:
        """One page; at times an empty one, so that the target knows that it is up to date."""
        now, pages, poked = time.monotonic(), self.replicator.totals.pages, self.state.poked
        self._looked_at = now
        self.replicator.confirm = 0 < self.confirm <= now - self._told_at
        progress = self.link.step(self.replicator)
        if self.replicator.totals.pages > pages and progress is not Progress.MORE:
            self._told_at = now
        found = self.replicator.nothing_new
        end = end_of(found) if found is not None else None
        if end is not None:
            self.ends.note(self.source, end, now)
            self._asked_at = now
            self._end = end if poked == self.state.poked else None  # news since, perhaps
        return progress

    def _is_known_to_have_all(self) -> bool:
        """Whether another direction has asked the source since, and was told that nothing is new. The target
        is told at times all the same, and no direction trusts in others for long.
        """
        now, end = time.monotonic(), self._end
        if end is None or self._inbox or now - self._looked_at >= ITSELF:
            return False
        if 0 < self.confirm <= now - self._told_at:
            return False
        asked_at = self.ends.asked_at(self.source, end)
        if asked_at <= self._asked_at:
            return False
        self._asked_at = asked_at
        return True

    def _begin(self) -> None:
        """A target without a checkpoint takes large pages until the head is reached."""
        checkpoint = self.replicator.target.standing(self.source).checkpoint
        self.state.loading = checkpoint is None
        if checkpoint is None:
            self._usual, self.replicator.limit = self.replicator.limit, self.first_load_limit
        self._known = True

    def _read_no_more_ahead(self) -> None:
        if self.replicator.ahead is not None:
            self.replicator.ahead = None
            self.ahead.give_back()

    def _tell(self, before: tuple[int, int]) -> tuple[int, int]:
        """Say so when records have moved since; knowledge alone can wait for the next look."""
        now = self.replicator.totals.changes, self.replicator.totals.conflicts
        if now[0] > before[0]:
            self.state.moved_at = time.time()
            self.moved(self, now[1] > before[1])
        return now

    def _note(self, progress: Progress) -> None:
        self.state.succeeded_at = time.time()
        position = self.replicator.position
        if position is not None:
            since = self.state.behind_since
            self.state.come_to(position.seq, position.seq)
            if since and not self.state.behind_since:
                self.tally.lag.add(max(0.0, time.time() - since))
        if progress is not Progress.MORE and self.state.loading:
            self.state.loading, self.replicator.limit = False, self._usual
            self._read_no_more_ahead()

    def attempt(self) -> Rest:
        """One step, whatever comes of it. A site that is in trouble, or asks for it, is left alone: no news
        cut that rest short.
        """
        if self._is_known_to_have_all():
            self.state.succeeded_at = time.time()
            return Rest(max(0.0, self.pacer.succeeded() - (time.monotonic() - self._asked_at)))
        before, restarts = self._led_nowhere(), self.link.restarts
        try:
            progress = self.step()
        except TooFast as error:
            return Rest(self._slowed(error), deaf=True)
        except ViaductError as error:
            return self._failed(error, error.code)
        except Exception as error:
            LOG.exception("%s: an unexpected error", self.name)
            return self._failed(error, "unexpected")
        if self.link.restarts > restarts:
            LOG.warning("%s: %s", self.name, STARTING_OVER)
        if self._led_nowhere() > before and self._is_vain():
            self.pacer.failures = max(self.pacer.failures, len(self._vain) - VAIN - 1)
            return self._failed(_starts_over(self), FenceMismatch.code)
        if self.link.is_starting_over:
            return Rest(0.0)  # neither a success nor a failure yet
        if self.state.failures:
            LOG.info("%s: works again", self.name)
        self.state.failures, self.state.error, self.state.code = 0, "", ""
        share = self._share()
        if progress is not Progress.MORE and self.replicator.held_back:
            return Rest(self.pacer.held_back(), least=share)
        wait = self.pacer.succeeded()
        return Rest(0.0 if progress is Progress.MORE else wait, least=share)

    def _led_nowhere(self) -> int:
        """How often a step did not lead on, though no call failed."""
        return self.link.restarts + self.replicator.totals.vain

    def _is_vain(self) -> bool:
        """Whether that was too often by now. A site that answers each page with `sync.fence`, or with another
        checkpoint, would have the two compared for ever, without a pause.
        """
        now = time.monotonic()
        self._vain.append(now)
        while now - self._vain[0] > WITHIN:
            self._vain.popleft()
        return len(self._vain) > VAIN

    def _share(self) -> float:
        """For how long the target is left to others; news don't cut that short.

        A page that took 0.6 s is followed by 2.4 s: nobody's edit is numbered while it is applied.
        """
        took = self.replicator.took
        if took <= UNNOTICED or self.state.loading or not self.is_limited():
            return 0.0
        return min(self.pacer.longest, took * (SHARE - 1))

    def _slowed(self, error: TooFast) -> float:
        """How long to wait, as the site says, which is at work: that is no failure."""
        wait, now = self.pacer.told(error.wait), time.monotonic()
        level = logging.WARNING if now - self._said_at >= QUIET else logging.DEBUG
        LOG.log(level, "%s: %s; going on in %.1f s", self.name, error, wait)
        if level == logging.WARNING:
            self._said_at = now
        self.state.slowed += 1
        return wait

    def _failed(self, error: Exception, code: str) -> Rest:
        if isinstance(error, ESTRANGED):
            self.contact.renew()
        if isinstance(error, OldTerm):
            self.doubt()
        wait = self.pacer.failed()
        if code != self.state.code:
            LOG.warning("%s: %s; trying again in %.1f s, then less often", self.name, error, wait)
        self.state.failures, self.state.error, self.state.code = self.pacer.failures, str(error), code
        return Rest(wait, deaf=True)


def _starts_over(lane: Lane) -> FenceMismatch:
    return FenceMismatch(
        f"{lane.source} and {lane.target} start over again and again",
        hint="is one of them put back from a backup time and again, or does its API answer what is not true?",
    )
