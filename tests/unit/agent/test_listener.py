"""The agent's HTTP door."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import httpx
import pytest
import zstandard

from keystone_viaduct.errors import ConfigError
from keystone_viaduct.sync.agent.contact import DOUBTED
from keystone_viaduct.sync.agent.listener import Listener
from keystone_viaduct.sync.model import Checkpoint, Page, Version
from keystone_viaduct.sync.rate import Rates
from keystone_viaduct.sync.sealing import KeyRing, PageSealer
from keystone_viaduct.sync.wire import body, limits, poke
from keystone_viaduct.sync.wire.page import page_to_json
from tests.unit.agent.fleet import KEY, SITE_KEYS, fleet
from tests.unit.agent.test_agent import eventually


class Door:
    """A listening agent that does nothing else."""

    def __init__(self) -> None:
        self.agent, self.hub, self.spokes = fleet("west")
        self.agent.lease.renew()
        self.agent.lanes[0].contact.make()
        self.listener = Listener(lambda: self.agent, ("127.0.0.1", 0))
        self.listener.start()
        host, port = self.listener.address
        self.client = httpx.Client(base_url=f"http://{host}:{port}")

    def poke(
        self,
        page: bytes = b"",
        site: str = "west",
        key: str = KEY,
        own: str = SITE_KEYS["west"],
        encoding: str | None = None,
        **headers: str,
    ) -> httpx.Response:
        """A poke, genuine unless told otherwise; ``own``: the site's own key."""
        told = poke.made(key, own, site, 7, page, encoding)
        return self.client.post("/poke", content=told.data, headers={**told.headers(), **headers})

    def old_poke(self, page: bytes, encoding: str | None = None) -> httpx.Response:
        """As earlier releases send it, and as every site of the fleet can for any other."""
        signed = {poke.SITE: "west", poke.HEAD: "7", poke.SIGNATURE: poke.sign(KEY, "west", 7, page)}
        packed = {} if encoding is None else {"Content-Encoding": encoding}
        return self.client.post("/poke", content=page, headers={**signed, **packed})


@pytest.fixture
def door() -> Iterator[Door]:
    found = Door()
    yield found
    found.client.close()
    found.listener.stop()


def page(source: str) -> bytes:
    """An empty page of a site."""
    sealer = PageSealer(KeyRing.generate().public_key)
    found = Page(source, 1, None, Checkpoint("a", 1, "n"), True, Version({f"{source}#a": 1}), ())
    return body.dumps(page_to_json(found, sealer.header, sealer.seal))


def test_a_poke_wakes_the_directions_that_read_from_that_site(door: Door) -> None:
    assert door.poke().status_code == 202
    up, down = door.agent.lanes
    assert (up.source, up.state.poked, up.state.head) == ("west", 1, 7)
    assert (down.source, down.state.poked) == ("hub", 0)


def test_a_poke_may_bring_a_page(door: Door) -> None:
    packed, encoding = body.compress(page("west") + b" " * 2000, "zstd")
    assert encoding == "zstd"
    assert door.poke(packed, encoding=encoding).status_code == 202
    assert [brought.source for brought in door.agent.lanes[0]._inbox] == ["west"]


def test_what_every_site_of_the_fleet_can_sign_wakes_and_brings_nothing(door: Door) -> None:
    packed, encoding = body.compress(page("west") + b" " * 2000, "zstd")
    assert door.old_poke(packed, encoding).status_code == 202
    assert door.poke(page("west"), own=SITE_KEYS["south"]).status_code == 202, "a limited site's own key"
    (up, _) = door.agent.lanes
    assert (up.state.poked, up.state.head, list(up._inbox)) == (2, 0, [])


def test_a_page_in_a_poke_is_read_by_nobody_on_the_way_and_serves_for_no_other_poke(door: Door) -> None:
    sent = page("west")
    told = poke.made(KEY, SITE_KEYS["west"], "west", 7, sent)
    assert b"west" not in told.data and b"knowledge" not in told.data
    assert told.opened(SITE_KEYS["west"]) == (sent, None)
    for other in ({"site": "south"}, {"head": 8}, {"packed": "zstd"}):
        assert replace(told, **other).opened(SITE_KEYS["west"]) is None


def test_a_key_of_pokes_that_was_renewed_is_asked_for_anew_but_not_at_every_forgery(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact = door.agent.lanes[0].contact
    monkeypatch.setitem(SITE_KEYS, "west", "55" * 32)
    door.poke(own="55" * 32)
    contact.make()
    assert contact.poke_key("west") == "33" * 32, "asked a moment ago"
    monkeypatch.setattr(contact, "_made_at", contact._made_at - DOUBTED)
    door.poke(own="55" * 32)
    contact.make()
    assert contact.poke_key("west") == "55" * 32


@pytest.mark.parametrize(
    ("data", "options", "status", "told"),
    [
        (b"", {"key": "cd" * 32, "own": "cd" * 32}, 401, "signature"),
        (b"", {"site": "north"}, 404, "not in viaduct.yaml"),
        (b"", {poke.HEAD: "many"}, 400, "no number"),
        (b"nonsense", {}, 400, "not JSON"),
        (b"x" * (limits.POKE + 1), {}, 413, "at most"),
        (zstandard.compress(b" " * (limits.POKE_OPEN + 1)), {"encoding": "zstd"}, 413, "larger"),
        (page("south"), {}, 400, "not that of the site"),
    ],
)
def test_a_poke_that_is_not_one_is_refused_and_wakes_nobody(
    door: Door, data: bytes, options: dict[str, str], status: int, told: str
) -> None:
    answer = door.poke(data, **options)
    assert answer.status_code == status
    assert told in answer.json()["error"]["message"]
    assert [lane.state.poked for lane in door.agent.lanes] == [0, 0]


@pytest.mark.parametrize(
    ("length", "head", "status"),
    [
        ("9" * 5000, "7", 413),
        ("-1", "7", 413),
        ("\u00b2", "7", 413),
        ("0", "\u00b2", 400),
        ("0", "9" * 20, 400),
    ],
)
def test_a_number_that_is_none_is_answered_and_not_stumbled_over(
    door: Door, length: str, head: str, status: int
) -> None:
    request = f"POST /poke HTTP/1.1\r\nContent-Length: {length}\r\n{poke.HEAD}: {head}\r\n\r\n"
    with socket.create_connection(door.listener.address, timeout=10) as connection:
        connection.sendall(request.encode("latin-1"))
        assert connection.recv(1000).startswith(f"HTTP/1.1 {status} ".encode())


def test_status_and_metrics_are_served_and_nothing_else(door: Door) -> None:
    assert door.client.get("/status").json()["hub"] == "hub"
    assert "viaduct_link_behind" in door.client.get("/metrics").text
    assert door.client.get("/healthz").status_code == 200
    assert door.client.get("/").status_code == 404
    assert door.client.post("/status", content=b"").status_code == 404


@pytest.mark.parametrize(
    ("asker", "open_status", "status"),
    [
        ("127.0.0.1", False, 200),
        ("::1", False, 200),
        ("::ffff:127.0.0.1", False, 200),
        ("fe80::1%eth0", False, 403),
        ("192.0.2.7", False, 403),
        ("::ffff:192.0.2.7", False, 403),
        ("192.0.2.7", True, 200),
    ],
)
def test_status_and_metrics_are_for_this_machine_unless_they_are_opened(
    door: Door, monkeypatch: pytest.MonkeyPatch, asker: str, open_status: bool, status: int
) -> None:
    server = door.listener._server
    server.open_status = open_status
    honest = server.finish_request
    monkeypatch.setattr(server, "finish_request", lambda request, _: honest(request, (asker, 1)))
    for path in ("/status", "/metrics"):
        with httpx.Client(base_url=door.client.base_url) as client:
            assert client.get(path).status_code == status
            assert client.get("/healthz").status_code == 200


def test_a_port_that_is_taken_is_told_with_a_hint(door: Door) -> None:
    with pytest.raises(ConfigError, match="can't listen") as caught:
        Listener(lambda: door.agent, door.listener.address)
    assert "viaduct.yaml" in caught.value.hint


def test_a_site_that_pokes_without_end_is_told_to_wait_and_wakes_nobody_more(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door.agent, "_pokes", Rates(1, 3))
    answers = [door.poke(page("west")) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert answers[3].headers["Retry-After"] == "1"
    assert "pokes more than" in answers[3].json()["error"]["message"]
    assert door.agent.lanes[0].state.poked == 3


def test_forged_pokes_silence_nobody(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door.agent, "_pokes", Rates(1, 1))
    assert [door.poke(key="cd" * 32, own="cd" * 32).status_code for _ in range(5)] == [401] * 5
    assert [door.old_poke(b"").status_code for _ in range(3)] == [202, 429, 429], "in another site's name"
    assert door.poke().status_code == 202


@pytest.mark.parametrize("bound", ["connections", "from_one"])
def test_connections_are_bounded_and_room_is_made_again(
    door: Door, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    server = door.listener._server
    monkeypatch.setattr(server, bound, 2)
    with ExitStack() as held:
        for _ in range(2):
            client = held.enter_context(httpx.Client(base_url=door.client.base_url))
            assert client.get("/healthz").status_code == 200
        with socket.create_connection(door.listener.address, timeout=10) as third:
            assert third.recv(1000).startswith(b"HTTP/1.1 429 ")
            assert third.recv(1000) == b""
    assert eventually(lambda: not server._open)
    assert door.client.get("/healthz").status_code == 200


def test_whoever_hangs_up_in_the_middle_fills_no_log(
    door: Door, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    server = door.listener._server
    with socket.create_connection(door.listener.address, timeout=10) as connection:
        connection.sendall(b"POST /poke HTTP/1.1\r\n")
        assert eventually(lambda: bool(server._open))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert eventually(lambda: not server._open)
    assert capfd.readouterr().err == "" and caplog.records == []


def test_a_connection_for_which_no_thread_can_be_started_takes_no_room(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    server = door.listener._server
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        with socket.create_connection(door.listener.address, timeout=10) as connection:
            assert connection.recv(1000) == b""
    assert eventually(lambda: not server._open)


def test_a_connection_that_is_kept_ends_with_the_listener_and_the_next_one_is_told(door: Door) -> None:
    """Else a site would tell an agent that has ended, for as long as it kept the connection."""
    assert door.poke().status_code == 202
    before = door.agent.lanes[0].state.poked
    door.listener.stop()
    following, _, _ = fleet("west")
    following.lease.renew()
    following.lanes[0].contact.make()
    listener = Listener(lambda: following, door.listener.address)
    listener.start()
    try:
        assert door.poke().status_code == 202
    finally:
        listener.stop()
    assert door.agent.lanes[0].state.poked == before
    assert following.lanes[0].state.poked == 1
