"""Comparing two sites: bytes on the wire, calls and time, for 0, 10 and 1,000 records that differ.

One command: ``python benchmarks/compare.py``. Two real Keystones on SQLite, joined; their records are made
straight in ``viaduct_record`` (a comparison looks at nothing else), 100,000 users at each. Then the agent's
own client compares them over HTTP, as ``viaduct compare`` does. Bytes are those of bodies, as they were
transferred, and of headers, both ways and of both sites.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
# without this folder: its file requests.py would hide the library
sys.path[:] = [str(ROOT)] + [place for place in sys.path if Path(place).resolve() != ROOT / "benchmarks"]

from keystone_viaduct.documents.cipher import KeyRepositoryCipher  # noqa: E402
from keystone_viaduct.documents.codec import Codecs  # noqa: E402
from keystone_viaduct.documents.schema import reflect  # noqa: E402
from keystone_viaduct.sync.client import HttpSite, Transport, cloud_login  # noqa: E402
from keystone_viaduct.sync.link.compare import Comparison  # noqa: E402
from keystone_viaduct.sync.model import (  # noqa: E402
    DELETED,
    Dot,
    FieldState,
    Record,
    Ref,
    Version,
    life,
)
from keystone_viaduct.sync.sealing import KeyRing  # noqa: E402
from keystone_viaduct.sync.store import SqlStore, make_engine  # noqa: E402
from tests.integration.api.conftest import SITES, Sites  # noqa: E402

FIELDS = (
    "id",
    "domain_id",
    "enabled",
    "created_at",
    "local.name",
    "local.domain_id",
    "passwords",
    "extra.email",
)
BATCH = 5000
STAMP = 1_700_000_000_000_000


@dataclass
class Result:
    """One comparison. ``seconds`` is the median of the runs; the rest is the same in each."""

    differences: int
    records: int
    calls: int
    bodies: int
    headers: int
    seconds: float


class Counting(httpx.HTTPTransport):
    """Counts what goes over it."""

    bodies = 0
    headers = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it."""
        response = super().handle_request(request)
        self.bodies += len(request.content) + int(response.headers.get("Content-Length", 0))
        for headers in (request.headers.raw, response.headers.raw):
            self.headers += sum(len(name) + len(value) + 4 for name, value in headers)
        self.headers += len(request.method) + len(request.url.raw_path) + 40
        return response


def main() -> int:
    """Make the sites, fill them, compare them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--differing", type=int, nargs="+", default=[0, 10, 1000])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="viaduct-compare-") as folder:
        sites = Sites(Path(folder))
        try:
            sites.start()
            failures = sites.agent().once()
            if failures:
                raise SystemExit(f"the sites can't be joined: {failures}")
            results = [*measure(sites, options.users, options.differing, options.runs)]
        finally:
            sites.stop()
    report(options.users, results)
    if options.json:
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n")
    return 0


def measure(sites: Sites, users: int, differing: Sequence[int], runs: int) -> Iterator[Result]:
    """One result for each number of differing records."""
    stores = {name: open_store(sites, name) for name in SITES}
    head = max(store.read(lambda tx: tx.known_state().head) for store in stores.values())
    records = [user(number, head + number) for number in range(1, users + 1)]
    for store in stores.values():
        fill(store, records)
    for number in differing:
        step = max(1, users // max(1, number))
        chosen = records[::step][:number]
        save(stores["west"], [altered(record) for record in chosen])
        yield compare(sites, number, runs)
        save(stores["west"], chosen)


def open_store(sites: Sites, name: str) -> SqlStore:
    """A site's database."""
    folder = sites.folder / name
    engine = make_engine(f"sqlite:///{folder / 'keystone.db'}")
    codecs = Codecs(reflect(engine), KeyRepositoryCipher(str(folder / "credentials")))
    return SqlStore(engine, KeyRing.load(str(folder / "viaduct-keys")), codecs)


def user(number: int, seq: int) -> Record:
    """A user's record, as it is at all sites."""
    ref = Ref("user", f"{number * 2654435761 % 2**64:032x}")
    dot = Dot("east#00c0ffee", seq)
    fields = {name: FieldState(STAMP, dot, f"{hash((number, name)) % 2**128:032x}") for name in FIELDS}
    fields[DELETED] = life(STAMP, dot, deleted=False)
    return Record(ref, seq, Version({dot.origin: seq}), dot, fields, "default")


def altered(record: Record) -> Record:
    """The same with another content."""
    return replace(record, fields={**record.fields, "extra.email": FieldState(STAMP, record.birth, "e" * 32)})


def fill(store: SqlStore, records: Sequence[Record]) -> None:
    """All of them, and a head behind them."""
    for start in range(0, len(records), BATCH):
        save(store, records[start : start + BATCH])
    last = records[-1].seq
    store.run(lambda tx: tx.save_state(replace(tx.state(), head=last, nonce=f"{STAMP:x}.{last:012x}")))


def save(store: SqlStore, records: Sequence[Record]) -> None:
    """In one transaction."""
    store.run(lambda tx: tx.save_records(records))


def compare(sites: Sites, number: int, runs: int) -> Result:
    """Over HTTP, with connections and tokens that are there already."""
    counters = {name: Counting() for name in SITES}
    hub, spoke = (client(sites, name, counters[name]) for name in SITES)
    Comparison(hub, spoke).find()
    seconds: list[float] = []
    for _ in range(runs):
        for counter in counters.values():
            counter.bodies = counter.headers = 0
        found = Comparison(hub, spoke)
        began = time.perf_counter()
        differences = found.find()
        seconds.append(time.perf_counter() - began)
        if len(differences) != number:
            raise SystemExit(f"{len(differences)} records differ, not {number}")
    for site in (hub, spoke):
        site.close()
    bodies = sum(counter.bodies for counter in counters.values())
    headers = sum(counter.headers for counter in counters.values())
    return Result(number, found.records, found.calls, bodies, headers, sorted(seconds)[len(seconds) // 2])


def client(sites: Sites, name: str, counting: Counting) -> HttpSite:
    """As the agent has it."""
    topology = sites.topology()
    entry = topology.sites[name]
    login = cloud_login(entry.cloud, name=name, url=entry.url, files=[str(topology.clouds)])
    return HttpSite(name, Transport(name, login, transport=counting))


def report(users: int, results: Sequence[Result]) -> None:
    """A table."""
    rows: list[Sequence[Any]] = [("differing", "calls", "bodies", "headers", "seconds")]
    rows += [
        (r.differences, r.calls, f"{r.bodies:,} B", f"{r.headers:,} B", f"{r.seconds:.2f}") for r in results
    ]
    print(f"{users:,} users at each of two sites")
    for row in rows:
        print("  ".join(f"{cell!s:>12}" for cell in row))


if __name__ == "__main__":
    raise SystemExit(main())
