"""A site's metrics for Prometheus (``GET /OS-SYNC/metrics``), and what was counted as JSON. Labels are kinds,
states, sites and results: all bounded. Names begin with ``viaduct_local_``, for the agent tells of every
site, and this is one.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric

from keystone_viaduct import __version__, counting
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.api.service import LEASE, Service, peek
from keystone_viaduct.sync.model import WAITING_STATES, Peer, SiteState
from keystone_viaduct.sync.store import SqlTransaction
from keystone_viaduct.sync.waiting import counted

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MICROSECONDS = 1_000_000
#: What stands for a kind that this release does not know.
OTHER = "other"
#: What becomes of a record of a page.
RECEIVED, WRITTEN, REFUSED = "received", "written", "refused"

#: Seconds for which a process goes by what it has counted of waiting records: it opens all of them for that.
COUNTED = 30.0

#: Name, state, since when and next step of each upgrade of the schema (set by ``door.install``).
upgrades: Callable[[], Sequence[Mapping[str, Any]]] = tuple


class _Recount:
    """What waits, by state, counted by one thread at a time and kept for a while."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at = float("-inf")
        self._found: Mapping[str, int] = {}

    def read(self, service: Service) -> Mapping[str, int]:
        """As of now, or as of a moment ago."""
        with self._lock:
            if time.monotonic() - self._at >= COUNTED:
                self._found, self._at = counted(service.waiting()), time.monotonic()
            return self._found

    def forget(self) -> None:
        """Count anew the next time."""
        self._at = float("-inf")


recount = _Recount()


@dataclass(frozen=True)
class Seen:
    """What the database says, read in one transaction. Times in microseconds, 0 for never."""

    state: SiteState
    peers: tuple[Peer, ...]
    waiting: Mapping[str, int]
    held: Mapping[str, int]
    marks: int
    oldest_mark: int
    open: int
    conflicts: int
    lease_until: int
    keys: Mapping[str, Any] = field(default_factory=dict)


def see(service: Service, keys: Mapping[str, Any]) -> Seen:
    """Look at the site. ``keys``: of each repository what the fleet shall have, at the hub."""

    waits = recount.read(service)

    def work(tx: SqlTransaction) -> Seen:
        marks, oldest = tx.count_marks()
        is_open, conflicts = tx.count_conflicts()
        lease = tx.peek_lease(LEASE)
        return Seen(
            peek(tx),
            tuple(peer for _, peer in sorted(tx.peers().items())),
            waits,
            tx.count_held(),
            marks,
            oldest or 0,
            is_open,
            conflicts,
            lease.until if lease is not None else 0,
            keys,
        )

    return service.store.read(work)


def page_applied(received: Iterable[str], refused: Iterable[str]) -> None:
    """A page was applied that had records of these kinds; those were answered with this site's own."""
    counting.PAGES.add("applied")
    _count(received, RECEIVED)
    _count(refused, REFUSED)


def page_refused(code: str) -> None:
    """A page was refused with that error."""
    counting.PAGES.add(code)


def written(kinds: Iterable[str]) -> None:
    """For a page records of these kinds were written to Keystone's tables."""
    _count(kinds, WRITTEN)


def _count(kinds: Iterable[str], result: str) -> None:
    """A page has thousands of records, of a few kinds."""
    for kind, number in Counter(map(_known, kinds)).items():
        counting.RECORDS.add(kind, result, number=number)


def text(seen: Seen, release: str) -> str:
    """In Prometheus' text format."""
    return counting.rendered(_Collector(seen, release))


def counted_to_json() -> dict[str, Any]:
    """What the workers have counted, and the upgrades of the schema."""
    return {"counters": counting.to_json(counting.counts()), "upgrades": [dict(one) for one in upgrades()]}


class _Collector:
    def __init__(self, seen: Seen, release: str) -> None:
        self._seen = seen
        self._release = release

    def collect(self) -> Iterator[Metric]:
        """All of it."""
        yield from self._site()
        yield from self._peers()
        yield from self._keys()
        yield _upgrades()
        yield from counting.families(counting.counts())

    def _site(self) -> Iterator[Metric]:
        seen, state = self._seen, self._seen.state
        info = GaugeMetricFamily("viaduct_local_info", "Which site", labels=("site", "keystone", "viaduct"))
        info.add_metric((state.site, self._release, __version__), 1)
        yield info
        gauges = {
            "is_hub": ("1 at the hub", float(state.is_hub)),
            "term": ("The term of the hub that this site follows", state.term),
            "position": ("How far this site's feed is", state.head),
            "caught_up_seconds": (
                "When this site last had all that the hub had, 0 at the hub",
                (state.caught_up or 0) / MICROSECONDS,
            ),
            "unnumbered": ("Edits that no page has named yet", seen.marks),
            "unnumbered_since_seconds": ("When the oldest of them was made", seen.oldest_mark / MICROSECONDS),
            "open_conflicts": ("Conflicts that wait for a person", seen.open),
            "conflicts": ("Conflicts that are kept", seen.conflicts),
            "lease_until_seconds": (
                "When the agents' lease ends, 0 where none was taken here",
                seen.lease_until / MICROSECONDS,
            ),
        }
        for name, (text_, value) in gauges.items():
            yield GaugeMetricFamily(f"viaduct_local_{name}", text_, value)
        waits = GaugeMetricFamily("viaduct_local_waiting", "Records that wait here", labels=("state",))
        for state_name in WAITING_STATES:
            waits.add_metric((state_name,), seen.waiting.get(state_name, 0))
        yield waits
        held = GaugeMetricFamily("viaduct_local_held", "Deletions that wait for a person", labels=("kind",))
        for kind, number in sorted(seen.held.items()):
            held.add_metric((_known(kind),), number)
        yield held

    def _peers(self) -> Iterator[Metric]:
        told = GaugeMetricFamily(
            "viaduct_local_peer_acknowledged", "How far a site has come in this one's feed", labels=("site",)
        )
        heard = GaugeMetricFamily(
            "viaduct_local_peer_heard_seconds",
            "When a site last read here, to a quarter of an hour",
            labels=("site",),
        )
        for peer in self._seen.peers:
            told.add_metric((peer.site,), peer.acknowledged)
            heard.add_metric((peer.site,), peer.heard / MICROSECONDS)
        yield told
        yield heard

    def _keys(self) -> Iterator[Metric]:
        since = GaugeMetricFamily(
            "viaduct_local_key_since_seconds",
            "At the hub: since when the present key of tokens is used, 0 while this hub has not rotated",
            labels=("repository",),
        )
        lacking = GaugeMetricFamily(
            "viaduct_local_key_missing", "At the hub: sites that lack the keys", labels=("repository",)
        )
        for name, fleet in sorted(self._seen.keys.items()):
            since.add_metric((name,), fleet["promoted_at"] / MICROSECONDS)
            lacking.add_metric((name,), len(fleet["missing"]))
        yield since
        yield lacking


def _upgrades() -> Metric:
    since = GaugeMetricFamily(
        "viaduct_local_upgrade_since_seconds",
        "Since when an upgrade of the schema is in its state",
        labels=("name", "state"),
    )
    for one in upgrades():
        since.add_metric((one["name"], one["state"]), one["since"] / MICROSECONDS)
    return since


def _known(kind: str) -> str:
    return kind if kind in REGISTRY else OTHER
