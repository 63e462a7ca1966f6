"""A site's metrics are such that Prometheus reads them, with bounded labels, and each is documented."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from keystone_viaduct import counting
from keystone_viaduct.errors import BadRequest
from keystone_viaduct.sync.api import metrics
from keystone_viaduct.sync.model import Peer, SiteState, Version
from keystone_viaduct.sync.wire.metrics import Metrics, Standing, metrics_from_json

PAGE = Path(__file__).parents[3] / "docs/reference/metrics.md"
KEYS = {"tokens": {"promoted_at": 5_000_000, "missing": ["west"]}}


@pytest.fixture
def samples(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[tuple[str, ...], float]]:
    counting.keep_in(None)
    metrics.page_applied(["user", "user", "x" * 99], ["role"])
    metrics.page_refused("sync.fence")
    metrics.written(["user"])
    counting.MEMO.add(counting.HIT, number=4)
    upgrades = [{"name": "wide-ids", "state": "expanded", "since": 2_000_000, "next": "migrate"}]
    monkeypatch.setattr(metrics, "upgrades", lambda: upgrades)
    seen = metrics.Seen(
        SiteState("east", "a", "east", 1, 0, "", Version(), b"s" * 16),
        (Peer("west", b"k" * 32, "b", acknowledged=7, heard=3_000_000),),
        {"pending": 2},
        {"user": 3},
        1,
        9_000_000,
        4,
        5,
        8_000_000,
        KEYS,
    )
    families = text_string_to_metric_families(metrics.text(seen, "30.0.0"))
    yield {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in families
        for sample in family.samples
    }
    counting.keep_in(None)


def test_what_was_seen_and_counted_is_told(samples: dict[tuple[str, ...], float]) -> None:
    assert samples["viaduct_local_is_hub",] == 1
    assert samples["viaduct_local_waiting", "pending"] == 2
    assert samples["viaduct_local_waiting", "held"] == 0
    assert samples["viaduct_local_held", "user"] == 3
    assert (samples["viaduct_local_open_conflicts",], samples["viaduct_local_conflicts",]) == (4, 5)
    assert samples["viaduct_local_peer_acknowledged", "west"] == 7
    assert samples["viaduct_local_lease_until_seconds",] == 8
    assert samples["viaduct_local_key_since_seconds", "tokens"] == 5
    assert samples["viaduct_local_key_missing", "tokens"] == 1
    assert samples["viaduct_local_pages_total", "applied"] == 1
    assert samples["viaduct_local_pages_total", "sync.fence"] == 1
    assert samples["viaduct_local_records_total", "user", "received"] == 2
    assert samples["viaduct_local_records_total", "user", "written"] == 1
    assert samples["viaduct_local_records_total", "role", "refused"] == 1
    assert samples["viaduct_local_memo_total", "hit"] == 4
    assert samples["viaduct_local_upgrade_since_seconds", "wide-ids", "expanded"] == 2


def test_a_kind_that_nobody_knows_makes_no_label_of_its_own(samples: dict[tuple[str, ...], float]) -> None:
    assert samples["viaduct_local_records_total", "other", "received"] == 1
    assert not any("x" * 99 in key for key in samples)


def test_each_metric_has_its_row_and_each_row_its_metric(samples: dict[tuple[str, ...], float]) -> None:
    of_a_site = PAGE.read_text().partition("\n## Of a site\n")[2]
    documented = set(re.findall(r"^\| `(viaduct_\w+)`", of_a_site, re.M))
    told = {key[0] for key in samples if not key[0].endswith("_created")}
    # calls that were run again have a sample of their own only once there was one
    assert documented == told | {"viaduct_driver_retries_total"}


def test_what_was_counted_is_told_to_the_dashboard_too(samples: dict[tuple[str, ...], float]) -> None:
    counting.RETRIES.add("keystone.identity", "get_user", "lost", number=3)
    counting.RETRIED_CALLS.add(counting.RECOVERED, number=2)
    counting.MEMO.add(counting.MISS)
    told = json.loads(json.dumps(metrics.counted_to_json()))
    upgrades = (Standing("wide-ids", "expanded", "migrate"),)
    assert metrics_from_json(told) == Metrics(3, 2, 0, 4, 1, upgrades)


def test_an_answer_without_anything_that_is_known_counts_nothing() -> None:
    body = {"counters": [{"name": "viaduct_of_tomorrow_total", "labels": {"a": "b"}, "value": 1}]}
    assert metrics_from_json(body) == Metrics()


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"counters": {}},
        {"counters": [1]},
        {"counters": [{"name": "viaduct_driver_retries_total", "value": -1}]},
    ],
)
def test_an_answer_that_is_none_is_refused(body: object) -> None:
    with pytest.raises(BadRequest):
        metrics_from_json(body)
