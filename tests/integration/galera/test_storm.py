"""Keystones at two sites of a cluster, and clients of both at the same rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from keystone_viaduct.drivers import counters
from keystone_viaduct.testing.galera import Galera
from tests.support.served import ADMIN_PASSWORD, serving
from tests.support.storm import Storm

pytestmark = [pytest.mark.galera, pytest.mark.keystone]


def test_no_request_fails_and_no_update_is_lost(cluster: Galera, database: str, tmp_path: Path) -> None:
    counted = tmp_path / "counters"
    urls = [cluster.url(site, database) for site in (1, 2)]
    with serving(tmp_path, urls, {"viaduct": {"counters_folder": str(counted)}}, workers=1) as sites:
        report = Storm([site.url for site in sites], ADMIN_PASSWORD, clients=12, rounds=2).run()
    assert report.failed == 0, report.statuses()
    assert report.wrong == []
    assert report.lost == []
    counts = counters.collect(counted)
    assert counts.retries.total() > 0, "nobody was in another's way: it shows nothing"
    assert counts.outcomes[counters.EXHAUSTED] == 0
