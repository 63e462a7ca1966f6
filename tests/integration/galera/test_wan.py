"""Namespaces and the router between them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from keystone_viaduct.testing.wan import Place, Roads, Router, make_place
from tests.support.servers import unavailable

pytestmark = pytest.mark.galera

ECHO = """
import socket
server = socket.create_server(("10.99.0.2", 7000))
print("ready", flush=True)
peer, _ = server.accept()
while piece := peer.recv(65536):
    peer.sendall(piece)
"""
ASK = """
import socket, sys, time
peer = socket.create_connection(("10.99.0.2", 7000), timeout=30)
peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for _ in range(3):
    begun = time.monotonic()
    peer.sendall(b"?" * int(sys.argv[1]))
    missing = int(sys.argv[1])
    while missing:
        missing -= len(peer.recv(65536))
    print(time.monotonic() - begun)
"""


@pytest.fixture
def places() -> Iterator[dict[int, Place]]:
    """Two namespaces, without a router."""
    if os.geteuid() != 0:
        unavailable("network namespaces need root", "run the tests as root")
    made = {number: make_place(f"10.99.0.{number}") for number in (1, 2)}
    yield made
    for place in made.values():
        place.close()


@pytest.fixture
def roads(places: dict[int, Place]) -> Iterator[Roads]:
    """The roads between the two places, with a router at work."""
    roads = Roads(2)
    router = Router(places, roads)
    stop, stopper = os.pipe()

    def serve() -> None:
        while not router.step(stop, 1.0):
            pass

    thread = threading.Thread(target=serve)
    thread.start()
    yield roads
    os.close(stopper)
    thread.join()
    os.close(stop)


def run_in(place: Place, code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*place.entering(), sys.executable, "-c", code, *arguments],
        pass_fds=[place.namespace],
        stdout=subprocess.PIPE,
        text=True,
    )


def round_trips(places: dict[int, Place], size: int) -> list[float]:
    """Seconds of three exchanges of so many bytes from one place with the other."""
    with run_in(places[2], ECHO) as echo:
        assert echo.stdout is not None
        assert echo.stdout.readline() == "ready\n"
        with run_in(places[1], ASK, str(size)) as asking:
            answers, _ = asking.communicate(timeout=60)
        echo.wait(10)
    return [float(line) for line in answers.splitlines()]


def test_each_round_trip_takes_the_two_delays(places: dict[int, Place], roads: Roads) -> None:
    roads.set_delay(0.02)
    times = round_trips(places, 1)
    assert len(times) == 3
    assert min(times) >= 0.04
    assert min(times) < 0.08


def test_streams_arrive_whole(places: dict[int, Place], roads: Roads) -> None:
    roads.set_delay(0.005)
    assert len(round_trips(places, 2_000_000)) == 3
    assert roads[1, 2].carried > 600


def test_nothing_passes_a_cut_road_until_it_is_healed(places: dict[int, Place], roads: Roads) -> None:
    with run_in(places[2], ECHO) as echo:
        assert echo.stdout is not None
        echo.stdout.readline()
        roads.cut(1)
        asking = run_in(places[1], ASK, "1")
        until = time.monotonic() + 20
        while not roads[1, 2].dropped and time.monotonic() < until:
            time.sleep(0.01)
        assert roads[1, 2].dropped >= 1
        assert asking.poll() is None
        roads.cut(1, healed=True)
        answers, _ = asking.communicate(timeout=60)
        assert len(answers.splitlines()) == 3
        echo.wait(10)


def test_the_rest_of_the_machine_does_not_see_it(places: dict[int, Place]) -> None:
    names = {name for _, name in socket.if_nameindex()}
    assert "wan" not in names
    with pytest.raises(OSError), socket.create_server(("10.99.0.1", 0)):
        pass
