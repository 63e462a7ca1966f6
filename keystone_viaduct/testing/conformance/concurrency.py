"""What every store must keep while several are at work on one site, and when it is interrupted.

Subclass :class:`ConcurrencySuite` and give it a fixture ``bench``: a fresh site called ``east``, its own hub,
over Keystone's tables as its migrations leave them, whose edits leave marks, with what a test can do to it.

Nothing here waits for a time to pass: what is to happen in between happens before a call of the transaction
that is named by its number, and the numbers are tried one after the other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import pytest

from keystone_viaduct.clock import ManualClock
from keystone_viaduct.errors import CheckpointMismatch
from keystone_viaduct.sync.link.link import Link
from keystone_viaduct.sync.link.replicator import Progress
from keystone_viaduct.sync.model import ApplyResult, Bucket, Document, Page, Peer, Ref
from keystone_viaduct.sync.ports import Store, Transaction, Write
from keystone_viaduct.sync.site import Site
from keystone_viaduct.sync.site.content import contents, digests, matches
from keystone_viaduct.testing.interposed import Interposed
from keystone_viaduct.testing.memory import MemoryStore, empty

Work = Callable[[Transaction], None]
SECRET = b"the secret of a fleet for tests!"
STEPS = 60


class Bench(Protocol):
    """A site's store, and what can be done to it from outside."""

    @property
    def store(self) -> Store:
        """Its store; safe to be used by several threads."""

    @property
    def stride(self) -> int:
        """Of how many moments one is tried. Where edits wait for any open transaction, most are alike."""

    def edit(self, work: Work) -> bool:
        """One of Keystone's own transactions, committed now. False, and nothing is done, where the database
        would have it wait until another one ends.
        """

    def lost_answer(self) -> AbstractContextManager[object]:
        """Inside: the store's next COMMIT is done, and the connection is lost before its answer comes."""

    def lost_commit(self) -> AbstractContextManager[object]:
        """Inside: the connection is lost before the store's next COMMIT arrives."""


class Killed(BaseException):
    """The process ends here: nothing in the product may catch it."""


def put(ref: Ref, **fields: Any) -> Work:
    """What a Keystone does to make a record, or to change these fields of it."""

    def work(tx: Transaction) -> None:
        before = tx.documents([ref]).get(ref)
        made: Document = {**tx.defaults(ref.kind), "id": ref.key, "description": "new"}
        tx.write_documents([Write(ref, before, {**(before or made), **fields})])

    return work


def delete(ref: Ref) -> Work:
    """What a Keystone does to delete a record; nothing if it is gone."""

    def work(tx: Transaction) -> None:
        before = tx.documents([ref]).get(ref)
        if before is not None:
            tx.write_documents([Write(ref, before, None)])

    return work


def region(name: str) -> Ref:
    """A record without references."""
    return Ref("region", name)


@dataclass
class Between:
    """Does something once, before a call of a transaction; ``number`` is raised from one try to the next."""

    do: Callable[[], None]
    number: int = 0
    done: bool = False

    def __call__(self, number: int, _name: str) -> None:
        """The hook."""
        if number == self.number and not self.done:
            self.done = True
            self.do()


@dataclass
class Scene:
    """``east`` on the bench, and ``west`` in memory; ``hub`` is one of the two."""

    bench: Bench
    hub: str = "east"
    clock: ManualClock = field(default_factory=ManualClock)
    late: list[Work] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.west = MemoryStore(empty("west", self.hub, incarnation="00000002", secret=SECRET))

        def join(tx: Transaction) -> str:
            state = replace(tx.state(), fleet_secret=SECRET, hub=self.hub)
            tx.save_state(state)
            tx.save_peer(Peer("west", b"w" * 32, "00000002"))
            return state.incarnation

        incarnation = self.bench.store.run(join)
        self.west.run(lambda tx: tx.save_peer(Peer("east", b"e" * 32, incarnation)))

    def site(self, hook: Callable[[int, str], None] | None = None) -> Site:
        """East, as its API has it."""
        store = self.bench.store
        return Site(store if hook is None else Interposed(store, hook), self.clock)

    @property
    def other(self) -> Site:
        """West."""
        return Site(self.west, self.clock)

    def at_west(self, *works: Work) -> None:
        """Edits there, a transaction each."""

        for work in works:
            self.clock.advance(1000)

            def stamped(tx: Any, work: Work = work) -> None:
                work(tx)
                tx.stamp(self.clock.now())

            self.west.run(stamped)

    def at_east(self, *works: Work) -> None:
        """Edits by east's Keystone; those that would have to wait are :attr:`late`."""
        self.late += [work for work in works if not self.bench.edit(work)]

    def catch_up(self) -> None:
        """What had to wait is done now."""
        late, self.late = self.late, []
        for work in late:
            assert self.bench.edit(work)

    def page(self) -> Page:
        """West's next page for east."""
        standing = self.site().standing("west", self.other.standing("east").fence)
        return self.other.read(standing.origin, standing.checkpoint, 500, standing.fence)

    def sync(self) -> None:
        """Both ways, until nothing moves."""
        ends = {"east": self.site(), "west": self.other}
        link = Link(ends.pop(self.hub), ends.popitem()[1])
        for _ in range(STEPS):
            before = [way.totals.changes for way in (link.up, link.down)]
            progress = [link.step(way) for _ in range(2) for way in (link.up, link.down)]
            if before == [way.totals.changes for way in (link.up, link.down)]:
                if Progress.MORE not in progress:
                    return
        raise AssertionError("the two do not come to rest")

    def check(self) -> None:
        """After :meth:`sync`: the two are equal, and each record of east says what its tables hold."""
        found = []
        for store in (self.bench.store, self.west):
            records = store.run(lambda tx: tx.feed(0, 100_000, None))
            found.append({(record.ref, record.fingerprint) for record in records})
        assert found[0] == found[1]
        self.bench.store.run(_check_records)

    def check_after_one_edit(self) -> None:
        """What was done once is at both, and nothing was numbered twice."""
        self.sync()
        self.check()
        assert self.site().state().head == self.other.state().head == 1
        assert not self.bench.store.run(lambda tx: tx.conflict_ids())

    def east_has(self, ref: Ref) -> Document | None:
        """What its tables hold."""
        return self.bench.store.run(lambda tx: tx.documents([ref])).get(ref)

    def was_kept(self, ref: Ref, name: str, value: object) -> bool:
        """Whether an edit is in the result, or listed at the hub."""
        found = self.east_has(ref)
        if (found is None and value is None) or (found is not None and found.get(name) == value):
            return True
        hub = self.bench.store if self.hub == "east" else self.west
        listed = hub.run(lambda tx: tx.known_conflicts(tx.conflict_ids())).values()
        of_it = [row for row in listed if row.ref == ref]
        return any(
            row.lost.get(name) == value or (value is None and "@deleted" in row.fields) for row in of_it
        )


def _check_records(tx: Transaction) -> None:
    records = tx.feed(0, 100_000, None)
    assert [record.seq for record in records] == sorted({record.seq for record in records})
    state = tx.state()
    assert all(record.seq <= state.head for record in records) and not tx.take_marks(1)
    alive = {record.ref: record for record in records if not record.deleted}
    found = contents(tx, list(alive), alive)
    for ref, record in alive.items():
        known = tx.known_fields(ref.kind)
        assert matches(record, digests(state.fleet_secret, ref.kind, found[ref]), known), ref


def together(*works: Callable[[], Any]) -> list[Any]:
    """Each in a thread of its own, begun at the same moment; what it gives, or the error that it raises."""
    found: list[Any] = [None] * len(works)
    begin = threading.Barrier(len(works))

    def run(number: int, work: Callable[[], Any]) -> None:
        begin.wait(60)
        try:
            found[number] = work()
        except Exception as error:  # noqa: BLE001 - looked at by the test
            found[number] = error

    threads = [threading.Thread(target=run, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    return found


class ConcurrencySuite:
    """Inherit it in a test module."""

    @pytest.fixture
    def bench(self) -> Bench:
        """A fresh bench; see the module."""
        raise NotImplementedError

    @pytest.fixture
    def scene(self, bench: Bench) -> Scene:
        """East is the hub."""
        return Scene(bench)

    # two at a time

    def test_two_sequencers_and_keystone_at_once_number_each_edit_once(self, scene: Scene) -> None:
        def number() -> None:
            for _ in range(6):
                scene.site().state()

        def write() -> None:
            for n in range(24):
                scene.bench.store.run(put(region(f"r{n}"), description=str(n)))

        assert together(number, number, write) == [None, None, None]
        head = scene.site().state().head
        records = scene.bench.store.run(lambda tx: tx.feed(0, 1000, None))
        assert sorted(record.ref.key for record in records) == sorted(f"r{n}" for n in range(24))
        assert head == 24 and [record.seq for record in records] == list(range(1, 25))

    def test_of_two_that_apply_a_page_one_does(self, scene: Scene) -> None:
        scene.at_west(put(region("a"), description="west"))
        page = scene.page()
        found = together(lambda: scene.site().apply(page), lambda: scene.site().apply(page))
        assert {type(one) for one in found} == {ApplyResult, CheckpointMismatch}
        scene.sync()
        scene.check()
        assert scene.site().state().head == 1

    def test_a_reader_beside_a_writer_and_a_sequencer_misses_nothing(self, scene: Scene) -> None:
        shown: list[str] = []

        def read() -> None:
            after, rounds = None, 0
            while len(set(shown)) < 12 and rounds < 10_000:
                page = scene.site().read("west", after, 4)
                shown.extend(change.ref.key for change in page.changes)
                after, rounds = page.upto, rounds + 1

        def write() -> None:
            for n in range(12):
                scene.bench.store.run(put(region(f"r{n}"), description=str(n)))

        assert together(read, write, lambda: [scene.site().state() for _ in range(4)])[:2] == [None, None]
        assert sorted(shown) == sorted(f"r{n}" for n in range(12))

    # edits in between

    @pytest.mark.parametrize("hub", ["east", "west"])
    def test_an_edit_at_any_moment_of_an_apply_is_kept_or_listed(self, bench: Bench, hub: str) -> None:
        """Of another field, of the same one, a deletion, and of a record that the page brings, too."""
        scene = Scene(bench, hub)
        scene.at_west(*(put(region(f"{name}{n}")) for n in range(70) for name in "abc"))
        scene.sync()
        tries = list(_each_moment(scene, 70))
        scene.sync()
        scene.check()
        for n in tries:
            assert scene.was_kept(region(f"a{n}"), "extra.color", f"blue {n}")
            assert scene.was_kept(region(f"b{n}"), "description", f"east {n}")
            assert scene.was_kept(region(f"c{n}"), "id", None)
            assert scene.was_kept(region(f"d{n}"), "extra.color", f"blue {n}")
            assert scene.was_kept(region(f"a{n}"), "description", f"west {n}")
        assert scene.was_kept(region("b0"), "description", "west 0")  # a later edit may have seen it

    def test_an_edit_that_waits_for_an_apply_is_seen_by_whoever_reads_next(self, scene: Scene) -> None:
        scene.at_west(put(region("a")))
        scene.sync()
        scene.at_west(put(region("a"), description="west"))
        page = scene.page()
        begun = threading.Event()

        def edit() -> None:
            begun.set()
            scene.bench.store.run(put(region("a"), **{"extra.color": "blue"}))

        thread = threading.Thread(target=edit)

        def begin() -> None:
            thread.start()
            begun.wait(60)

        between = Between(begin, number=4)
        scene.site(between).apply(page)
        thread.join(60)
        scene.sync()
        scene.check()
        assert between.done and scene.was_kept(region("a"), "extra.color", "blue")
        assert scene.was_kept(region("a"), "description", "west")

    def test_an_edit_at_any_moment_of_a_read_is_in_that_page_or_in_a_later_one(self, scene: Scene) -> None:
        after = None
        for number in range(1, 200, scene.bench.stride):
            ref = region(f"r{number}")
            scene.at_east(put(ref, description="before"))
            between = Between(lambda ref=ref: scene.at_east(put(ref, description="during")), number)  # type: ignore[misc]
            pages = [scene.site(between).read("west", after, 500)]
            scene.catch_up()
            pages.append(scene.site().read("west", pages[0].upto, 500))
            after = pages[-1].upto
            told = [change.document["description"] for page in pages for change in page.changes]
            assert told[-1] == ("during" if between.done else "before")
            if not between.done:
                break
        assert number > 10

    def test_no_reader_waits_for_a_writer_that_has_the_site(self, scene: Scene) -> None:
        """It is shown what is numbered; the rest is numbered and noted when the site is free."""
        scene.at_east(put(region("a")), put(region("b")))
        scene.site().read("west", None)
        first = scene.site().read("west", None, 1)
        scene.at_east(put(region("c")))

        def write(tx: Transaction) -> list[Page]:
            tx.state()
            reader = scene.site()
            reader.standing("west")
            reader.summary("west", None)
            reader.listing("west", [Bucket("region")])
            assert (reader.charter().edition.number, reader.name) == (0, "east")
            page = reader.read("west", first.upto)
            return [page, reader.read("west", page.upto)]

        page, again = scene.bench.store.run(write)
        assert [change.ref for change in page.changes] == [region("b")] and not page.at_head
        assert again.changes == () and not again.at_head
        after = scene.site().read("west", again.upto)
        assert [change.ref for change in after.changes] == [region("c")] and after.at_head

    # interruptions

    def test_an_apply_that_is_killed_at_any_moment_leaves_nothing(self, scene: Scene) -> None:
        scene.at_west(put(region("a")), put(region("b")))
        scene.sync()
        scene.at_west(put(region("a"), description="west"), delete(region("b")), put(region("c")))
        scene.at_east(put(region("a"), **{"extra.color": "blue"}))
        page = scene.page()
        before = _all_of(scene.bench.store)
        result = _killed_at_each_moment(scene, lambda site: site.apply(page), before)
        assert result.applied == 3
        scene.sync()
        scene.check()
        assert scene.was_kept(region("a"), "extra.color", "blue")

    def test_a_read_that_is_killed_at_any_moment_leaves_nothing(self, scene: Scene) -> None:
        scene.at_east(put(region("a")), put(region("b")))
        before = _all_of(scene.bench.store)
        page = _killed_at_each_moment(scene, lambda site: site.read("west", None, 500), before)
        assert [change.ref for change in page.changes] == [region("a"), region("b")]

    def test_a_commit_that_never_arrived_is_done_again(self, scene: Scene) -> None:
        scene.at_west(put(region("a"), description="west"))
        page = scene.page()
        with scene.bench.lost_commit():
            scene.site().apply(page)
        scene.check_after_one_edit()

    def test_a_page_whose_commit_was_not_answered_is_applied_once(self, scene: Scene) -> None:
        scene.at_west(put(region("a"), description="west"))
        page = scene.page()
        with scene.bench.lost_answer():
            assert scene.site().apply(page).applied == 1
        assert scene.site().standing("west").checkpoint == page.upto
        scene.check_after_one_edit()

    def test_edits_whose_numbering_was_not_answered_are_numbered_once(self, scene: Scene) -> None:
        scene.at_east(put(region("a"), description="east"))
        with scene.bench.lost_answer():
            page = scene.site().read("west", None, 500)
        assert [(change.ref, change.seq) for change in page.changes] == [(region("a"), 1)]
        scene.check_after_one_edit()


def _each_moment(scene: Scene, most: int) -> Iterator[int]:
    """Before each call of an apply in turn, and at last after all of them: the numbers of the records."""
    for n in range(most):
        scene.at_west(
            *(put(region(f"{name}{n}"), description=f"west {n}") for name in "abc"),
            put(region(f"d{n}"), description=f"west {n}"),
        )
        page = scene.page()
        edits = [
            put(region(f"a{n}"), **{"extra.color": f"blue {n}"}),
            put(region(f"b{n}"), description=f"east {n}"),
            delete(region(f"c{n}")),
            put(region(f"d{n}"), **{"extra.color": f"blue {n}"}),
        ]
        moment = n * scene.bench.stride
        between = Between(lambda edits=edits: scene.at_east(*edits), moment)  # type: ignore[misc]
        if n == 0:
            between(0, "before it begins")
        scene.site(between).apply(page)
        ended = not between.done
        if ended:
            scene.at_east(*edits)
        scene.catch_up()
        yield n
        if ended:
            assert moment > 10
            return
    raise AssertionError(f"an apply takes more than {most} calls")


def _killed_at_each_moment(scene: Scene, call: Callable[[Site], Any], before: Sequence[Any]) -> Any:
    """Killed before each call in turn; what comes of it when it is not."""

    def kill() -> None:
        raise Killed

    for number in range(1, 200):
        between = Between(kill, number)
        try:
            result = call(scene.site(between))
        except Killed:
            assert _all_of(scene.bench.store) == before
            continue
        assert number > 10
        return result
    raise AssertionError("it takes more than 200 calls")


def _all_of(store: Store) -> list[Any]:
    """All that could be told of a site."""

    def work(tx: Transaction) -> list[Any]:
        records = tx.feed(0, 1000, None)
        refs = [record.ref for record in records] + [mark.ref for mark in tx.take_marks(1000)]
        return [
            tx.state(),
            records,
            tx.documents(refs),
            tx.take_marks(1000),
            tx.checkpoint("west"),
            tx.pending("west"),
            tx.conflict_ids(),
            tx.peers(),
        ]

    return store.run(work)
