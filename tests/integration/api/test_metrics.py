"""What a site tells Prometheus, and one change followed by its request id through the logs of both sites."""

from __future__ import annotations

import logging
import time

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from keystone_viaduct.sync.agent.listener import Listener
from keystone_viaduct.sync.wire import requestid
from tests.integration.api.conftest import Sites
from tests.integration.api.test_conflicts import carry
from tests.integration.api.test_replication import PATIENCE, served, wait_for_rest

pytestmark = pytest.mark.keystone
METRICS = "/OS-SYNC/metrics"


def told(client: httpx.Client) -> dict[tuple[str, ...], float]:
    answer = client.get(METRICS).raise_for_status()
    assert answer.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_a_site_tells_what_it_is_and_what_it_has_applied(
    sites: Sites, east: httpx.Client, west: httpx.Client
) -> None:
    before = told(west)
    east.post("/regions", json={"region": {"id": f"counted-{time.monotonic_ns()}"}}).raise_for_status()
    carry(sites)
    hub, spoke = told(east), told(west)
    assert (hub["viaduct_local_is_hub",], spoke["viaduct_local_is_hub",]) == (1, 0)
    assert hub["viaduct_local_peer_acknowledged", "west"] > 0
    assert ("viaduct_local_key_since_seconds", "tokens") in hub
    for result in ("received", "written"):
        key = ("viaduct_local_records_total", "region", result)
        assert spoke[key] == before.get(key, 0) + 1
    assert spoke["viaduct_local_pages_total", "applied"] > before.get(
        ("viaduct_local_pages_total", "applied"), 0
    )
    assert spoke["viaduct_local_memo_total", "miss"] > 0


def test_they_are_not_for_everybody(sites: Sites) -> None:
    assert httpx.get(f"{sites.url('east')}{METRICS}").status_code == 401
    token = sites.token("east", {"project": {"name": "admin", "domain": {"id": "default"}}})
    answer = httpx.get(f"{sites.url('east')}{METRICS}", headers={"X-Auth-Token": token})
    assert answer.status_code == 403


def test_one_change_is_logged_under_one_id_at_each_place(
    sites: Sites, east: httpx.Client, west: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    seen: list[tuple[str, str]] = []

    class Noting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append((requestid.current(), record.getMessage()))

    noting = Noting()
    logging.getLogger("keystone_viaduct").addHandler(noting)
    agent, cause = sites.agent(), requestid.made()
    listener = Listener(lambda: agent, ("127.0.0.1", sites.agent_port.number))
    listener.start()
    agent.start()
    region = f"followed-{time.monotonic_ns()}"
    try:
        wait_for_rest(agent.lanes)
        body = {"region": {"id": region}}
        west.post("/regions", json=body, headers={requestid.HEADER: cause}).raise_for_status()
        assert served(east, f"/regions/{region}")
    finally:
        listener.stop()
        assert agent.stop(PATIENCE)
        logging.getLogger("keystone_viaduct").removeHandler(noting)
    made, came = ((sites.folder / name / "keystone.log").read_text() for name in ("west", "east"))
    assert any("told the agent" in line and cause in line for line in made.splitlines())
    assert any(identifier == cause and f"region/{region}" in text for identifier, text in seen)
    assert any(
        cause in line and "applied a page of west" in line and region in line for line in came.splitlines()
    )
