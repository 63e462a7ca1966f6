"""The agent serves a dashboard where viaduct.yaml says so, and what is in its way is said at once."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from keystone_viaduct.cli.agent import _dashboard
from keystone_viaduct.dashboard.serve import listening
from keystone_viaduct.errors import ConfigError
from keystone_viaduct.sync.agent.topology import Topology, read_topology

FOLLOWING = SimpleNamespace(agent=None)


def topology(folder: Path, more: str = "") -> Topology:
    file = folder / "viaduct.yaml"
    file.write_text(f"hub: east\nsites: {{east: , west: }}\nagent:\n  poll: 5\n{more}", encoding="utf-8")
    return read_topology(file)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody has."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made.getsockname()[1]


def test_without_a_word_of_it_nothing_listens_and_no_library_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keystone_viaduct.dashboard.serve", None)
    assert _dashboard(FOLLOWING, topology(tmp_path)) is None  # type: ignore[arg-type]


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = topology(tmp_path, '  dashboard: "127.0.0.1:0"\n')
    monkeypatch.delitem(sys.modules, "keystone_viaduct.dashboard.serve")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ConfigError, match="the dashboard needs uvicorn") as caught:
        _dashboard(FOLLOWING, asked)  # type: ignore[arg-type]
    assert "keystone-viaduct[dashboard]" in caught.value.hint


def test_a_port_that_is_taken_is_named(taken: int) -> None:
    with pytest.raises(ConfigError, match=f"can't listen on 127.0.0.1:{taken}: Address already in use"):
        listening(("127.0.0.1", taken))
