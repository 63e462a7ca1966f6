"""Keystones at two sites of a cluster, and clients of both at the same rows."""

from __future__ import annotations

import threading
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


def test_a_site_that_is_cut_off_in_the_middle_fails_with_503_alone_and_nothing_acknowledged_is_lost(
    cluster: Galera, database: str, tmp_path: Path
) -> None:
    urls = [cluster.url(site, database) for site in (1, 3)]

    def cut_and_heal() -> None:
        cluster.cut(3)
        cluster.wait_size(3, 1)
        cluster.wait_size(1, 2)
        cluster.heal(3)
        cluster.wait(cluster.sites)

    with serving(tmp_path, urls, {}, workers=1) as sites:
        storm = Storm([site.url for site in sites], ADMIN_PASSWORD, clients=12, rounds=6)
        storm.prepare()
        cutting = threading.Timer(2.0, cut_and_heal)
        cutting.start()
        storm.blow()
        cutting.join()
        storm.judge()
    report = storm.report
    assert report.lost == []
    assert report.wrong == []
    statuses = report.statuses()
    assert statuses[503] > 0, "the storm was over before the cut"
    assert statuses.keys() <= {200, 201, 204, 404, 409, 503}
