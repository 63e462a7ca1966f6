"""One direction of one link: read a page, apply it, repeat (PROTOCOL rules 7, 8, 12)."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

from keystone_viaduct.errors import CheckpointMismatch, NotSigned, NotYet
from keystone_viaduct.sync.charter import Charter, Coverage, Edition
from keystone_viaduct.sync.knowledge import Exceptions
from keystone_viaduct.sync.model import ApplyResult, Checkpoint, Fence, Page, Ref, Version, origin_of
from keystone_viaduct.sync.ports import SitePort

#: Seconds that a page may take; it could be larger if quicker than the second. Changes of the first one, and
#: of the smallest.
SLOW, QUICK, FIRST, LEAST = 0.5, 0.2, 50, 10
#: Pages that leave nothing out after one that its target's release did not understand for that.
WHOLE = 30
#: Steps without news after which the target is asked again where it stands.
IDLE_STEPS = 30


class Progress(enum.Enum):
    """What a step achieved."""

    IDLE = "idle"
    MOVED = "moved"
    MORE = "more"


@dataclass
class Totals:
    """Counters of one direction since the replicator was made. ``vain``: pages that did not lead on, though
    no call failed.
    """

    pages: int = 0
    changes: int = 0
    applied: int = 0
    merged: int = 0
    conflicts: int = 0
    pending: int = 0
    vain: int = 0


@dataclass
class Portion:
    """How many changes a page is to have, so that no page keeps its target busy for long: whoever else has
    something to read or to write there waits meanwhile.

    The first one has 50. A page of 160 changes that took a second is followed by pages of 80; full pages that
    are quick by larger ones. One of a few changes that took long says nothing of larger ones: the road is
    long, or all are busy.
    """

    most: int = 500
    limit: int = FIRST

    def __post_init__(self) -> None:
        self.limit = min(self.limit, self.most)

    def took(self, changes: int, seconds: float) -> None:
        """So long was a page with so many applied."""
        if seconds > SLOW and changes >= LEAST:
            self.limit = min(self.most, max(LEAST, min(self.limit, changes) // 2))
        elif seconds < QUICK and changes >= self.limit:
            self.limit = min(self.most, 2 * self.limit)


@dataclass
class Replicator:
    """Carries the feed of ``source`` to ``target``; all its state is at the target, so it may be thrown
    away any time.

    ``step`` never waits: the caller decides when to step again. ``MORE`` means at once, ``MOVED`` that
    something was applied and the head was reached, ``IDLE`` that there was nothing.

    With ``ahead`` (for a first load) the next page is read there while the target applies the present one.
    The source then takes the target to be a page further than it is, until the next read corrects that.

    A page has up to ``limit`` changes; with a ``portion`` fewer where that takes long, but in a first load.

    ``charter`` is what the source has last shown as that.

    ``counted(page, result)`` is called when the target has applied a page.

    With ``confirm`` the target is also told that there is nothing new: it may have to know that it is up to
    date.
    """

    source: SitePort
    target: SitePort
    limit: int = 500
    totals: Totals = field(default_factory=Totals)
    ahead: Executor | None = None
    confirm: bool = False
    portion: Portion | None = None
    charter: Charter | None = None
    counted: Callable[[Page, ApplyResult], None] | None = None
    _coming: Future[Page] | None = None
    _after: Checkpoint | None = None
    _told: Version | None = None
    _excepted: Exceptions = field(default_factory=dict)
    _edition: Edition | None = None
    _statement: str = ""
    _signed: str = ""
    _register: str = ""
    _leaves_out: bool = False
    _whole: int = 0
    _coverage: Coverage | None = None
    _fence: Fence | None = None
    _behind: bool = False
    _primed: bool = False
    _idle: int = 0
    #: The last page brought nothing, and the source says that there is more: something else has it now.
    held_back: bool = False
    #: The last page that had nothing new for the target.
    nothing_new: Page | None = None
    #: Seconds that the target took for the page of the last step; 0 where there was none.
    took: float = 0.0
    _reader: str = ""
    _parts: str | None = None

    @property
    def position(self) -> Checkpoint | None:
        """How far the target has come, as far as is known here."""
        return self._after

    def step(self) -> Progress:
        """One page. Raises what the ports raise; after any error the next step asks for the checkpoint
        again.
        """
        self.took, self._leaves_out, self.nothing_new = 0.0, False, None
        try:
            if not self._primed:
                self._prime()
            page = self._read()
            self._leaves_out = bool(page.signed)
            self.charter = page.charter or self.charter
            self.held_back = page.is_held_back
            if self._is_news(page):
                return self._apply(page)
            self._look_again()
            self.nothing_new = page
            return Progress.IDLE
        except CheckpointMismatch:
            self._primed = False
            if self._leaves_out:
                self._whole = 1  # perhaps for what it leaves out
            else:
                self.totals.vain += 1
            return Progress.MORE
        except NotYet:
            self._primed = False
            return Progress.IDLE
        except NotSigned:
            self._primed = False
            if not self._leaves_out:
                raise
            self._whole = WHOLE  # by a worker of an earlier release, beside others that know better
            return Progress.MORE
        except BaseException:
            self._primed = False
            raise

    def _look_again(self) -> None:
        """A target that was restored while there was nothing to bring is not where it is taken to be."""
        self._idle += 1
        if self._idle >= IDLE_STEPS:
            self._idle, self._primed = 0, False

    def _read(self) -> Page:
        """The page that was read ahead, if it still fits; else a new one."""
        coming, self._coming = self._coming, None
        if coming is not None:
            page = coming.result()
            if page.after == self._after:
                return page
        return self._page_after(self._after)

    def _page_after(self, after: Checkpoint | None) -> Page:
        """A page; the source is told which parts of a large record the target has, if that takes parts, which
        statement, and which sites it knows.
        """
        has = ("", "") if self._whole else (self._signed, self._register)
        self._whole = max(0, self._whole - 1)
        return self.source.read(self._reader, after, self._asked(), self._fence, self._parts, *has)

    def _asked(self) -> int:
        """How many changes the next page is to have."""
        return self.limit if self.portion is None or self.ahead is not None else self.portion.limit

    def _prime(self) -> None:
        """Ask the target where it stands, showing it what the source knows of it."""
        known = self.source.standing(self.target.name).fence
        standing = self.target.standing(self.source.name, known)
        self._after, self._fence, self._reader = standing.checkpoint, standing.fence, standing.origin
        self._told, self._edition, self._coming, self._primed = None, None, None, True
        self._statement = ""
        self._parts, self._signed, self._register = standing.parts, standing.signed, standing.register

    def restart(self) -> None:
        """Ask for the checkpoint before the next page."""
        self._primed = False

    def offer(self, page: Page) -> bool:
        """Apply a page that a poke brought along; False (and nothing done) if it does not fit the
        checkpoint.

        Whoever calls has seen that the page is the source's own. It has to name the checkpoint with its nonce
        all the same, so none is taken as long as there is no checkpoint.
        """
        if not self._primed or self._after is None or page.after != self._after or not page.changes:
            return False
        try:
            self._apply(page)
        except (CheckpointMismatch, NotYet):
            self._primed = False
            return False
        except BaseException:
            self._primed = False
            raise
        return True

    def _is_news(self, page: Page) -> bool:
        if page.changes or page.conflicts or page.part or self.totals.pending:
            return True
        if page.upto.seq - (page.after.seq if page.after else 0) >= self._asked():
            return True
        if not page.signed and self._brings_office(page):
            return True
        if self._coverage is not None and page.coverage != self._coverage:
            return True
        if self._behind and not page.source_is_behind:
            return True  # what the page says of what the source knows counts from now on
        told = self._told is not None and self._told.covers(page.knowledge)
        return page.at_head and (self.confirm or not told or page.exceptions != self._excepted)

    def _brings_office(self, page: Page) -> bool:
        """Whether it has another charter or statement than the last page that the target was given."""
        if page.charter is not None and page.charter.edition != self._edition:
            return True
        return page.statement is not None and page.statement.text != self._statement

    def _apply(self, page: Page) -> Progress:
        partial = page.part is not None and not page.part.is_last
        if self.ahead is not None and not page.at_head and not partial:
            self._coming = self.ahead.submit(self._page_after, page.upto)
        began = time.monotonic()
        result: ApplyResult = self.target.apply(page)
        self.took = time.monotonic() - began
        if self.portion is not None and self.ahead is None and not partial:
            self.portion.took(len(page.changes), self.took)
        if self._parts is not None:
            self._parts = result.parts
        self._signed = result.signed
        if partial:
            self._count(page, result)
            return Progress.MORE
        self._register = result.register
        if result.checkpoint != page.upto:  # it has not gone on from there, whatever it says
            self._primed = False
            self.totals.vain += 1
        self._after = result.checkpoint
        self._reader = origin_of(self.target.name, result.head.incarnation)
        if page.charter is not None:
            self._edition = page.charter.edition
        if page.statement is not None:
            self._statement = page.statement.text
        self._coverage, self._behind = page.coverage, page.source_is_behind
        if page.at_head:
            self._told, self._excepted = page.knowledge, page.exceptions
        self._count(page, result)
        # a source that holds something back is never at its head, and need not be asked again at once
        more = page.changes or page.upto != page.after
        return Progress.MORE if more and not page.at_head else Progress.MOVED

    def _count(self, page: Page, result: ApplyResult) -> None:
        refused: tuple[Ref, ...] = result.conflicts
        self.totals.pages += 1
        self.totals.changes += len(page.changes)
        self.totals.applied += result.applied
        self.totals.merged += result.merged
        self.totals.conflicts += len(refused)
        self.totals.pending = result.pending
        if self.counted is not None:
            self.counted(page, result)
