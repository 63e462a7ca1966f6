"""What readers of a site's feed, summary and listing wait: alone, and beside a writer that has the site.

One command: ``python benchmarks/readers.py --engine postgresql``. It starts the server of its own (as the
tests do). The writer holds a transaction for two seconds, over and over, as an apply of a large page does.
With ``edits`` there is something that can't be numbered meanwhile: the reader is shown what is numbered.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# without this folder: its file requests.py would hide the library
sys.path[:] = [str(ROOT)] + [place for place in sys.path if Path(place).resolve() != ROOT / "benchmarks"]

from keystone_viaduct.clock import SystemClock  # noqa: E402
from keystone_viaduct.sync.model import Bucket, Checkpoint, Peer, Ref  # noqa: E402
from keystone_viaduct.sync.ports import Write  # noqa: E402
from keystone_viaduct.sync.site import Site  # noqa: E402
from keystone_viaduct.sync.store import SqlStore, SqlTransaction  # noqa: E402
from tests.support.databases import Databases  # noqa: E402
from tests.support.servers import Servers, new_run_folder  # noqa: E402
from tests.support.sites import open_site  # noqa: E402

HOLD = 2.0


def fill(store: SqlStore, first: int, number: int) -> None:
    """So many regions more, by Keystone's hand."""
    documents = [{"id": f"r{n:06}", "description": "a region"} for n in range(first, first + number)]
    writes = [Write(Ref("region", str(one["id"])), None, one) for one in documents]
    store.run(lambda tx: tx.write_documents(writes))


@contextmanager
def writer(store: SqlStore) -> Iterator[Callable[[], int]]:
    """A transaction that has the site's row for two seconds, over and over; how many there were so far."""
    ending, began = threading.Event(), threading.Event()
    turns = [0]

    def hold(tx: SqlTransaction) -> None:
        tx.save_state(tx.state())
        began.set()
        ending.wait(HOLD)

    def work() -> None:
        while not ending.is_set():
            store.run(hold)
            turns[0] += 1

    thread = threading.Thread(target=work)
    thread.start()
    began.wait()
    try:
        yield lambda: turns[0]
    finally:
        ending.set()
        thread.join()


def timed(read: Callable[[], object], seconds: float) -> list[float]:
    """Milliseconds of each of as many reads as fit."""
    took: list[float] = []
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        began = time.perf_counter()
        read()
        took.append((time.perf_counter() - began) * 1e3)
    return took


def percentile(values: list[float], part: float) -> float:
    """By rank."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def reads(site: Site, after: Checkpoint) -> dict[str, Callable[[], object]]:
    """What is asked of a site, from the same position each time."""
    return {
        "feed": lambda: site.read("west", after),
        "summary": lambda: site.summary("west", None),
        "listing": lambda: site.listing("west", [Bucket("region", "0")]),
        "standing": lambda: site.standing("west"),
    }


def line(name: str, alone: list[float], beside: list[float]) -> str:
    """A row of the table."""
    cells = [f"{statistics.median(alone):.1f}", f"{percentile(alone, 0.99):.1f}"]
    cells += [f"{statistics.median(beside):.1f}", f"{percentile(beside, 0.99):.1f}"]
    times = percentile(beside, 0.99) / percentile(alone, 0.99)
    return f"| {name} | {' | '.join(cells)} | {times:.2f} | {max(beside):.0f} |"


def measure(store: SqlStore, records: int, seconds: float) -> None:
    """Print the table."""
    site = Site(store, SystemClock())
    fill(store, 0, records)
    store.run(lambda tx: tx.save_peer(Peer("west", b"w" * 32, "2")))
    site.state()
    state = site.state()
    site.read("west", None)
    middle = Checkpoint(state.incarnation, state.head - 100, state.nonce)
    print("| read | alone, p50 ms | p99 | beside a writer, p50 ms | p99 | p99 beside / alone | longest |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, read in reads(site, middle).items():
        read()
        alone = timed(read, seconds)
        with writer(store):
            beside = timed(read, seconds)
        print(line(name, alone, beside), flush=True)
    for name, read in list(reads(site, middle).items())[:2]:
        read()
        alone = timed(read, seconds)
        with writer(store):
            fill(store, records, 20)
            beside = timed(read, seconds)
        records += 20
        print(line(f"{name}, edits wait", alone, beside), flush=True)


def main() -> None:
    """Measure one engine."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engine", default="postgresql", choices=("sqlite", "postgresql", "mariadb"))
    parser.add_argument("--records", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    arguments = parser.parse_args()
    servers = Servers(new_run_folder(), os.getpid())
    try:
        with Databases(servers).scope() as scope, open_site(scope.keystone(arguments.engine)) as store:
            print(f"{arguments.engine}; {arguments.records} records; the writer holds {HOLD:g} s")
            measure(store, arguments.records, arguments.seconds)
    finally:
        servers.stop_all()


if __name__ == "__main__":
    main()
