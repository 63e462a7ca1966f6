"""The socket at which a dashboard cuts and heals the roads of a demo."""

from __future__ import annotations

import stat
from collections.abc import Iterator

import pytest

from keystone_viaduct.dashboard.roads import Road, Roads
from keystone_viaduct.demo.control import RoadControl
from keystone_viaduct.demo.wan import End, Wan
from keystone_viaduct.errors import BadRequest, ConfigError


@pytest.fixture
def control() -> Iterator[tuple[RoadControl, Roads]]:
    with Wan(40.0) as wan:
        link = wan.link(End("east", "127.0.0.1", 1), End("west", "127.0.0.1", 2))
        control = RoadControl({"west": link})
        roads = Roads(control.path)
        try:
            yield control, roads
        finally:
            roads.close()
            control.stop()


def test_a_road_is_cut_healed_and_made_slower(control: tuple[RoadControl, Roads]) -> None:
    _, roads = control
    assert roads.all() == [Road("west", False, 40.0)]
    roads.change("west", cut=True)
    assert roads.all() == [Road("west", True, 40.0)]
    roads.change("west", rtt_ms=250.0)
    roads.change("west", cut=False)
    assert roads.all() == [Road("west", False, 250.0)]


def test_what_makes_no_sense_changes_nothing(control: tuple[RoadControl, Roads]) -> None:
    _, roads = control
    with pytest.raises(BadRequest):
        roads.change("west", rtt_ms=-1.0)
    with pytest.raises(ConfigError):
        roads.change("nowhere", cut=True)
    assert roads.all() == [Road("west", False, 40.0)]


def test_nobody_else_reaches_the_socket_and_it_is_gone_afterwards(control: tuple[RoadControl, Roads]) -> None:
    served, roads = control
    assert stat.S_IMODE(served.path.parent.stat().st_mode) == 0o700
    served.stop()
    assert not served.path.parent.exists()
    with pytest.raises(ConfigError, match="still up"):
        roads.all()
