"""A bounded number of threads, and who hangs takes none from the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from keystone_viaduct.sync.agent import workers as module
from keystone_viaduct.sync.agent.agenda import Rest
from keystone_viaduct.sync.agent.workers import HANGING, HANGING_MOST, LAST, SLOWER, Pace, Workers

PATIENCE = 20.0
AT_ONCE = 3


class Job:
    """``work`` is called for each attempt, with how many there were before."""

    def __init__(self, work: Callable[[int], Rest]) -> None:
        self._work = work
        self.attempts = 0

    def attempt(self) -> Rest:
        self.attempts += 1
        return self._work(self.attempts - 1)


@contextmanager
def working(*jobs: Job, gate: threading.Event | None = None, hanging: float = 0.05) -> Iterator[Workers]:
    """Three threads at work on these; they have to end in order."""
    opened = gate or threading.Event()
    workers = Workers(opened, AT_ONCE, hanging)
    if gate is None:
        opened.set()
    workers.start(list(jobs))
    try:
        yield workers
    finally:
        workers.stop()
        opened.set()
        assert workers.join(PATIENCE)


def counting(total: int, rest: Rest) -> tuple[Callable[[int], Rest], threading.Semaphore]:
    """Work that can be waited for."""
    done = threading.Semaphore(0)

    def work(_: int) -> Rest:
        done.release()
        return rest

    return work, done


def wait_for(done: threading.Semaphore, times: int) -> bool:
    return all(done.acquire(timeout=PATIENCE) for _ in range(times))


def test_all_are_served_by_a_few_threads() -> None:
    done, seen, lock = threading.Semaphore(0), set(), threading.Lock()

    def work(_: int) -> Rest:
        with lock:
            seen.add(threading.current_thread().name)
        done.release()
        return Rest(3600.0)

    jobs = [Job(work) for _ in range(200)]
    with working(*jobs, hanging=60.0):
        assert wait_for(done, 200)
    assert all(job.attempts == 1 for job in jobs)
    assert len(seen) <= AT_ONCE


def test_who_hangs_takes_no_thread_from_the_others() -> None:
    """Far more hang than there are threads."""
    release = threading.Event()
    work, done = counting(5, Rest(3600.0))

    def hang(_: int) -> Rest:
        release.wait(PATIENCE)
        return Rest(3600.0)

    stuck, others = [Job(hang) for _ in range(4 * AT_ONCE)], [Job(work) for _ in range(5)]
    with working(*stuck, *others) as workers:
        assert wait_for(done, 5)
        assert all(job.attempts == 1 for job in others)
        assert workers.hanging >= AT_ONCE
        release.set()


def test_nothing_is_begun_while_the_lease_is_not_held() -> None:
    work, done = counting(2, Rest(0.0))
    gate = threading.Event()
    job = Job(work)
    with working(job, gate=gate) as workers:
        workers.tell(job)
        assert not done.acquire(timeout=0.05)
        gate.set()
        assert wait_for(done, 10)
        gate.clear()
        while done.acquire(timeout=0.05):  # what was under way ends
            pass
        assert not done.acquire(timeout=0.05)
        gate.set()
        assert wait_for(done, 1)


def test_news_wake_who_rests_and_nobody_else() -> None:
    work, done = counting(2, Rest(3600.0))
    first, second = Job(work), Job(work)
    with working(first, second) as workers:
        assert wait_for(done, 2)
        workers.tell(second)
        assert wait_for(done, 1)
        assert (first.attempts, second.attempts) == (1, 2)


def test_who_goes_on_at_once_leaves_room_for_the_others() -> None:
    busy = [Job(lambda _: Rest(0.0)) for _ in range(2 * AT_ONCE)]
    work, done = counting(20, Rest(0.001))
    with working(*busy, Job(work)):
        assert wait_for(done, 20)


def test_rests_of_all_lengths_end_when_they_should() -> None:
    ended: list[str] = []
    done = threading.Semaphore(0)

    def resting(name: str, wait: float) -> Callable[[int], Rest]:
        def work(attempt: int) -> Rest:
            if attempt == 1:
                ended.append(name)
                done.release()
            return Rest(wait if attempt == 0 else 3600.0)

        return work

    with working(Job(resting("late", 0.3)), Job(resting("soon", 0.01)), Job(resting("then", 0.1))):
        assert wait_for(done, 3)
    assert ended == ["soon", "then", "late"]


def test_threads_of_those_that_hung_end_when_they_have_come_back() -> None:
    release = threading.Event()
    work, done = counting(1, Rest(0.0))

    def hang(attempt: int) -> Rest:
        release.wait(PATIENCE)
        done.release()
        return Rest(0.0)

    with working(*[Job(hang) for _ in range(4 * AT_ONCE)], Job(work)) as workers:
        assert wait_for(done, 20)  # there are more threads by now, or the last one would wait
        release.set()
        until = time.monotonic() + PATIENCE
        while workers.threads > AT_ONCE:
            assert wait_for(done, 1) and time.monotonic() < until


def test_where_all_are_slow_none_hangs() -> None:
    pace = Pace()
    assert pace.hanging == HANGING
    for seconds in [0.01] * LAST:
        pace.see(seconds)
    assert pace.hanging == HANGING
    for seconds in [1.5] * (LAST // 2 + 1):
        pace.see(seconds)
    assert pace.hanging == SLOWER * 1.5


def test_a_few_that_hang_or_very_many_do_not_make_it_wait_for_long() -> None:
    pace = Pace()
    for seconds in [0.01] * (LAST // 2 + 1) + [60.0] * (LAST // 2):
        pace.see(seconds)
    assert pace.hanging == HANGING
    for seconds in [60.0] * LAST:
        pace.see(seconds)
    assert pace.hanging == HANGING_MOST


def test_who_comes_back_from_a_step_ends_though_the_lease_was_lost_meanwhile() -> None:
    """All are let through the gate once, to see that they are to end; it may be closed again before a step
    that is under way has ended.
    """
    begun, release = threading.Event(), threading.Event()

    def work(_: int) -> Rest:
        begun.set()
        release.wait(PATIENCE)
        return Rest(3600.0)

    gate = threading.Event()
    gate.set()
    workers = Workers(gate, AT_ONCE)
    workers.start([Job(work)])
    assert begun.wait(PATIENCE)
    workers.stop()
    gate.clear()
    release.set()
    assert workers.join(PATIENCE)


def test_a_machine_that_gives_no_thread_is_asked_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, left = threading.Thread.start, [3]

    def refused(thread: threading.Thread) -> None:
        if thread.name.startswith("step-") and left[0]:
            left[0] -= 1
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    work, done = counting(4, Rest(3600.0))
    with working(*[Job(work) for _ in range(4)]):
        assert wait_for(done, 4)
    assert left == [0]
    assert caplog.text.count("no more threads can be had") == 1


def test_a_fault_in_an_attempt_ends_neither_its_thread_nor_its_direction(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FAULTY", 0.01)
    done = threading.Semaphore(0)

    def work(attempt: int) -> Rest:
        done.release()
        if attempt == 0:
            raise LookupError("nobody has foreseen this")
        return Rest(3600.0)

    with working(Job(work)) as workers:
        assert wait_for(done, 2)
        assert workers.threads == 1
    assert "nobody has foreseen this" in caplog.text
