"""One direction of one link in a thread of its own, so that a slow or dead site delays nobody else."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
from keystone_viaduct.sync.agent.contact import Contact
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
#: Seconds between two steps for which nothing speaks but pokes that any site of the fleet can have sent.
HINTED = 1.0
#: Seconds for which a site that makes a direction wait is not logged again.
QUIET = 3600.0
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


@dataclass
class Lane:
    """``gate`` lets it work (the lease is held).

    ``confirm``: seconds after which the target is told that it has all, though nothing is new (0: never).

    ``moved(lane, refused)`` is called when records have moved; ``refused``: the target showed some of its
    own. ``doubt`` is called when a site knows of a later hub.
    """

    link: Link
    replicator: Replicator
    contact: Contact
    pacer: Pacer
    gate: threading.Event
    moved: Callable[[Lane, bool], None]
    first_load_limit: int = 2000
    doubt: Callable[[], None] = lambda: None
    confirm: float = 0.0
    state: LaneState = field(default_factory=LaneState)
    tally: Tally = field(default_factory=Tally)
    _woken: threading.Event = field(default_factory=threading.Event)
    _meant: threading.Event = field(default_factory=threading.Event)
    _inbox: deque[Page] = field(default_factory=lambda: deque(maxlen=INBOX))
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _known: bool = False
    _usual: int = 0
    _told_at: float = 0.0
    _said_at: float = float("-inf")
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

    def start(self) -> None:
        """Begin to work."""
        self._thread = threading.Thread(target=self._run, name=f"lane-{self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end after the step under way."""
        self._stopping.set()
        self._meant.set()
        self._woken.set()

    def join(self, timeout: float) -> bool:
        """Wait for the end; whether it has ended."""
        if self._thread is not None:
            self._thread.join(timeout)
            return not self._thread.is_alive()
        return True

    def wake(self, head: int = 0, cause: str = "") -> None:
        """There may be news, up to ``head``; ``cause``: the id of the request that has written it."""
        self._cause = cause or self._cause
        self.state.poked += 1
        self.state.come_to(head, self.state.position)
        self._meant.set()
        self._woken.set()

    def hint(self, cause: str = "") -> None:
        """Some site says that there may be news: looked for at once, but not once for each that says so."""
        self._cause = cause or self._cause
        self.state.poked += 1
        self._woken.set()

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
        cause, self._cause = self._cause or requestid.made(), ""
        with requestid.under(cause):
            progress = self._step()
        if progress is Progress.MORE:
            self._cause = self._cause or cause
        return progress

    def _step(self) -> Progress:
        """Introduce the ends, offer what pokes have brought, then carry one page."""
        self.contact.make()
        if not self._known:
            self._begin()
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
                self._slowed(error)

    def _carry(self) -> Progress:
        """One page; at times an empty one, so that the target knows that it is up to date."""
        now, pages = time.monotonic(), self.replicator.totals.pages
        self.replicator.confirm = 0 < self.confirm <= now - self._told_at
        progress = self.link.step(self.replicator)
        if self.replicator.totals.pages > pages and progress is not Progress.MORE:
            self._told_at = now
        return progress

    def _begin(self) -> None:
        """A target without a checkpoint takes large pages, read ahead, until the head is reached."""
        checkpoint = self.replicator.target.standing(self.source).checkpoint
        self.state.loading = checkpoint is None
        if checkpoint is None:
            self._usual, self.replicator.limit = self.replicator.limit, self.first_load_limit
            self.replicator.ahead = ThreadPoolExecutor(1, f"ahead-{self.name}")
        self._known = True

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
            if self.replicator.ahead is not None:
                self.replicator.ahead.shutdown(wait=False)
                self.replicator.ahead = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.gate.wait()
            if self._stopping.is_set():
                return
            self._meant.clear()
            self._woken.clear()
            began = time.monotonic()
            self._rest(self._attempt(), began)

    def _rest(self, wait: float, began: float) -> None:
        """After a step that began then, until the next."""
        if wait <= 0 or not self._woken.wait(wait) or self._meant.is_set():
            return
        self._meant.wait(max(0.0, min(wait, HINTED - (time.monotonic() - began))))

    def _attempt(self) -> float:
        """One step; the seconds to wait after it."""
        before, restarts = self._led_nowhere(), self.link.restarts
        try:
            progress = self.step()
        except TooFast as error:
            self._slowed(error)
            return 0.0
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
            return 0.0  # neither a success nor a failure yet
        if self.state.failures:
            LOG.info("%s: works again", self.name)
        self.state.failures, self.state.error, self.state.code = 0, "", ""
        if progress is not Progress.MORE and self.replicator.held_back:
            return self.pacer.held_back()
        wait = self.pacer.succeeded()
        return 0.0 if progress is Progress.MORE else wait

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

    def _slowed(self, error: TooFast) -> None:
        """Wait as long as the site says, which is at work and no failure; pokes don't cut it short."""
        wait, now = self.pacer.told(error.wait), time.monotonic()
        level = logging.WARNING if now - self._said_at >= QUIET else logging.DEBUG
        LOG.log(level, "%s: %s; going on in %.1f s", self.name, error, wait)
        if level == logging.WARNING:
            self._said_at = now
        self.state.slowed += 1
        self._stopping.wait(wait)

    def _failed(self, error: Exception, code: str) -> float:
        if isinstance(error, ESTRANGED):
            self.contact.renew()
        if isinstance(error, OldTerm):
            self.doubt()
        wait = self.pacer.failed()
        if code != self.state.code:
            LOG.warning("%s: %s; trying again in %.1f s, then less often", self.name, error, wait)
        self.state.failures, self.state.error, self.state.code = self.pacer.failures, str(error), code
        # not cut short by pokes: a site that is in trouble is left alone
        self._stopping.wait(wait)
        return 0.0


def _starts_over(lane: Lane) -> FenceMismatch:
    return FenceMismatch(
        f"{lane.source} and {lane.target} start over again and again",
        hint="is one of them put back from a backup time and again, or does its API answer what is not true?",
    )
