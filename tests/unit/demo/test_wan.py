"""The WAN emulator: round trips as promised, cuts that look like cuts, nothing left behind."""

from __future__ import annotations

import hashlib
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from keystone_viaduct.demo.wan import Cut, End, Link, Wan
from keystone_viaduct.errors import ConfigError, UnknownSite

RTT_MS = 60.0


class Echo(socketserver.BaseRequestHandler):
    """Sends back what it gets; on its client's end of stream, ends too."""

    def handle(self) -> None:
        while data := self.request.recv(65536):
            self.request.sendall(data)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256


@pytest.fixture
def echo() -> Iterator[int]:
    with Server(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def wan() -> Iterator[Wan]:
    with Wan(rtt_ms=RTT_MS) as built:
        yield built


@pytest.fixture
def link(wan: Wan, echo: int) -> Link:
    return wan.link(End("east", "127.0.0.1", echo), End("west", "127.0.0.1", echo))


def test_one_more_door_leads_elsewhere_over_the_same_road(wan: Wan, echo: int) -> None:
    link = wan.link(End("east", "127.0.0.1", 1), End("west", "127.0.0.1", 1))  # nobody is there
    port = link.also_to("east", echo)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        begun = time.monotonic()
        sock.sendall(b"poke")
        assert receive(sock, 4) == b"poke"
        assert time.monotonic() - begun >= RTT_MS / 1000
        link.cut(Cut.RESET)
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    with pytest.raises(UnknownSite):
        link.also_to("north", echo)


def dial(link: Link, site: str = "west", timeout: float = 10.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", link.port_to(site)), timeout=timeout)


def receive(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            break
        data += part
    return data


def ping(sock: socket.socket, payload: bytes = b"ping") -> float:
    """Milliseconds until the echo is back."""
    begun = time.monotonic()
    sock.sendall(payload)
    assert receive(sock, len(payload)) == payload
    return (time.monotonic() - begun) * 1000


def test_a_request_on_an_open_connection_takes_one_round_trip(link: Link) -> None:
    with dial(link) as sock:
        ping(sock)
        times = sorted(ping(sock) for _ in range(9))
    assert times[0] >= RTT_MS - 1
    assert times[0] < RTT_MS + 25


def test_the_first_request_of_a_connection_takes_two_round_trips(link: Link) -> None:
    times = []
    for _ in range(5):
        begun = time.monotonic()
        with dial(link) as sock:
            ping(sock)
        times.append((time.monotonic() - begun) * 1000)
    times.sort()
    assert times[0] >= 2 * RTT_MS - 1
    assert times[0] < 2 * RTT_MS + 40


def test_both_ends_of_a_link_have_a_door(link: Link) -> None:
    for site in ("east", "west"):
        with dial(link, site) as sock:
            ping(sock)
    assert link.port_to("east") != link.port_to("west")
    assert link.traffic_to("east").connections == 1


def test_each_link_has_its_own_round_trip_and_it_can_change(wan: Wan, echo: int) -> None:
    end = End("south", "127.0.0.1", echo)
    near = wan.link(End("east", "127.0.0.1", echo), end, rtt_ms=2)
    with dial(near, "south") as sock:
        ping(sock)
        assert min(ping(sock) for _ in range(5)) < 40
        near.rtt_ms = 100
        assert ping(sock) >= 99


def test_delay_does_not_limit_bandwidth_and_keeps_bytes_in_order(link: Link) -> None:
    payload = bytes(range(256)) * 32 * 1024  # 8 MiB
    with dial(link) as sock, ThreadPoolExecutor(1) as pool:
        ping(sock)
        begun = time.monotonic()
        sent = pool.submit(sock.sendall, payload)
        back = receive(sock, len(payload))
        taken = time.monotonic() - begun
        sent.result()
    assert hashlib.sha256(back).digest() == hashlib.sha256(payload).digest()
    assert taken < 5, "64 KiB chunks one after the other would need 128 round trips, 7.7 s"


def test_many_connections_at_once_do_not_delay_one_another(link: Link) -> None:
    def once(number: int) -> float:
        with dial(link) as sock:
            return ping(sock, f"hello {number}".encode())

    begun = time.monotonic()
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(once, range(100)))
    assert time.monotonic() - begun < 5, "one after the other they would need 12 s"
    assert link.traffic_to("west").connections == 100


def test_end_of_stream_travels_while_the_other_direction_stays_open(link: Link) -> None:
    with dial(link) as sock:
        sock.sendall(b"last words")
        sock.shutdown(socket.SHUT_WR)
        assert receive(sock, 1000) == b"last words"


def test_a_silent_cut_stalls_open_connections_and_heals_without_loss(link: Link) -> None:
    with dial(link) as sock:
        ping(sock)
        link.cut()
        assert link.is_cut
        sock.sendall(b"through the storm")
        sock.settimeout(0.25)
        with pytest.raises(TimeoutError):
            sock.recv(100)
        link.heal()
        sock.settimeout(5)
        assert receive(sock, 17) == b"through the storm"


def test_a_silent_cut_leaves_new_connections_without_an_answer_until_it_heals(link: Link) -> None:
    link.cut()
    with dial(link, timeout=0.25) as sock:
        sock.sendall(b"anybody?")
        with pytest.raises(TimeoutError):
            sock.recv(100)
        link.heal()
        sock.settimeout(5)
        assert receive(sock, 8) == b"anybody?"


def test_a_resetting_cut_breaks_open_connections_and_refuses_new_ones(link: Link) -> None:
    with dial(link) as sock:
        ping(sock)
        link.cut(Cut.RESET)
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    with pytest.raises(ConnectionResetError), dial(link) as sock:
        sock.recv(1)
    link.heal()
    with dial(link) as sock:
        ping(sock)


def test_a_cut_of_one_link_leaves_the_others_alone(wan: Wan, link: Link, echo: int) -> None:
    other = wan.link(End("east", "127.0.0.1", echo), End("south", "127.0.0.1", echo))
    link.cut()
    with dial(other, "south") as sock:
        assert ping(sock) < 1000


def test_a_site_that_does_not_listen_answers_with_a_reset_one_round_trip_later(wan: Wan, echo: int) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = End("west", "127.0.0.1", unused.getsockname()[1])
        link = wan.link(End("east", "127.0.0.1", echo), dead)
        begun = time.monotonic()
        with dial(link) as sock, pytest.raises(ConnectionResetError):
            sock.recv(1)
        assert (time.monotonic() - begun) * 1000 >= RTT_MS - 1


def test_a_client_that_breaks_off_is_noticed_by_the_server(wan: Wan) -> None:
    gone = threading.Event()

    class Watcher(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                while self.request.recv(100):
                    pass
            except OSError:
                pass
            gone.set()

    with Server(("127.0.0.1", 0), Watcher) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        end = End("west", "127.0.0.1", server.server_address[1])
        link = wan.link(End("east", "127.0.0.1", 1), end)
        sock = dial(link)
        sock.sendall(b"hello")
        sock.close()
        assert gone.wait(5)
        server.shutdown()
        thread.join()


def test_stopping_resets_connections_closes_ports_and_ends_the_thread(echo: int) -> None:
    before = threading.active_count()
    wan = Wan(rtt_ms=10).start()
    link = wan.link(End("east", "127.0.0.1", echo), End("west", "127.0.0.1", echo))
    with dial(link) as sock:
        ping(sock)
        wan.stop()
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    with pytest.raises(ConnectionRefusedError):
        dial(link)
    wan.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "wan"]
    assert threading.active_count() <= before + 1  # the echo server may still be ending its handler


def test_stopping_works_while_cut(echo: int) -> None:
    with Wan(rtt_ms=10) as wan:
        link = wan.link(End("east", "127.0.0.1", echo), End("west", "127.0.0.1", echo))
        link.cut()
        with dial(link) as sock:
            sock.sendall(b"x")


def test_misuse_is_told_plainly(link: Link) -> None:
    with pytest.raises(UnknownSite, match="joins west and east"):
        link.port_to("north")
    with pytest.raises(ConfigError, match="negative"):
        Wan(rtt_ms=-1)
    with pytest.raises(ConfigError, match="not running"):
        Wan().link(End("a", "127.0.0.1", 1), End("b", "127.0.0.1", 2))
