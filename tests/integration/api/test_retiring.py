"""A site is retired over the API of two real Keystones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from keystone_viaduct.cli.main import main
from tests.integration.api.conftest import Sites, running

pytestmark = pytest.mark.keystone
PEERS = "/OS-SYNC/peers"


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[Sites]:
    """A fleet of its own: who was retired does not come back."""
    with running(tmp_path) as found:
        yield found


def test_a_site_is_retired_and_does_not_come_back(
    sites: Sites, east: httpx.Client, west: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ["--config", str(sites.topology_file)]
    assert sites.agent().once() == []
    assert west.delete(f"{PEERS}/east").status_code == 403
    assert east.delete(f"{PEERS}/east").status_code == 403
    assert east.delete(f"{PEERS}/nowhere").status_code == 404
    assert east.delete(f"{PEERS}/west", params={"force": "perhaps"}).status_code == 400
    assert "less than an hour ago" in east.delete(f"{PEERS}/west").text
    assert main(["retire", "west", *config]) != 0
    assert "west answers" in capsys.readouterr().err
    assert [peer["site"] for peer in east.get(PEERS).json()["peers"]] == ["west"]
    assert main(["retire", "west", "--force", "--json", *config]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["site"], told["waiting"], told["lost"]) == ("west", 0, 0)
    assert east.get(PEERS).json()["peers"] == []
    (failure, *_) = sites.agent().once()
    assert "west was retired" in str(failure.error)
    assert east.get("/OS-SYNC/charter").json()["retired"][0].startswith("west#")
