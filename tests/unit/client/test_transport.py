"""Requests to a site, over a transport in memory."""

from __future__ import annotations

import http.server
import os
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path

import certifi
import httpx
import pytest

from keystone_viaduct.errors import FenceMismatch, SiteUnavailable, TooFast, UnknownKind
from keystone_viaduct.sync.client import HttpSite, Transport
from keystone_viaduct.sync.client.login import base_url
from keystone_viaduct.sync.client.site import record_path
from keystone_viaduct.sync.client.transport import CONNECTIONS, Timeouts, _url, _verify
from keystone_viaduct.sync.model import Checkpoint, Fence, Page, Ref, Version
from keystone_viaduct.sync.sealing import KeyRing, PageSealer
from keystone_viaduct.sync.wire import body
from keystone_viaduct.sync.wire.faults import error_to_json
from keystone_viaduct.sync.wire.page import page_to_json

Answer = Callable[[httpx.Request], httpx.Response]


class FakeLogin:
    """Gives t1, t2 … a new one whenever the old was refused."""

    url = "http://west.example/v3"
    verify = True

    def __init__(self) -> None:
        self.number = 1

    def token(self) -> str:
        return f"t{self.number}"

    def forget(self, token: str) -> None:
        assert token == self.token()
        self.number += 1


class Wire:
    """What was asked, and a site that answers as told."""

    def __init__(self, answer: Answer) -> None:
        self.asked: list[httpx.Request] = []
        self._answer = answer
        self.site = HttpSite(
            "west", Transport("west", FakeLogin(), transport=httpx.MockTransport(self._serve))
        )

    def _serve(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        found = self._answer(request)
        if not found.is_stream_consumed:
            return found
        return httpx.Response(
            found.status_code, headers=found.headers, stream=httpx.ByteStream(found.content)
        )


def page(source: str = "west") -> bytes:
    """An empty page."""
    sealer = PageSealer(KeyRing.generate().public_key)
    found = Page(source, 1, None, Checkpoint("a", 1, "n"), True, Version({"west#a": 1}), ())
    return body.dumps(page_to_json(found, sealer.header, sealer.seal))


def test_a_read_asks_with_position_fence_version_and_token() -> None:
    wire = Wire(lambda _: httpx.Response(200, content=page()))
    after = Checkpoint("a", 5, "1f.2e")
    wire.site.read("east#b", after, 7, Fence(after, anew=True))
    request = wire.asked[0]
    assert request.url.path == "/v3/OS-SYNC/changes"
    assert dict(request.url.params) == {
        "reader": "east#b",
        "limit": "7",
        "bytes": str(4 << 20),
        "after": "a:5:1f.2e",
        "fence": "a:5:1f.2e:anew",
    }
    assert request.headers["X-Auth-Token"] == "t1"
    assert request.headers["OpenStack-API-Version"] == "sync 1.0"
    assert "zstd" in request.headers["Accept-Encoding"]


@pytest.mark.parametrize("encoding", ["zstd", "gzip", None])
def test_a_page_is_handed_on_byte_for_byte(encoding: str | None) -> None:
    data, used = body.compress(page() + b" " * 5000, encoding)
    headers = {"Content-Encoding": used} if used else {}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, stream=httpx.ByteStream(data), headers=headers)
        return httpx.Response(503, json=error_to_json(SiteUnavailable("no")))

    wire = Wire(answer)
    carried = wire.site.read("east", None, 5)
    with pytest.raises(SiteUnavailable):
        wire.site.apply(carried)
    posted = wire.asked[1]
    assert posted.content == data
    assert posted.headers.get("Content-Encoding") == used


def test_a_refused_token_is_replaced_once() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        known = request.headers["X-Auth-Token"] == "t2"
        return httpx.Response(200, json={"conflicts": []}) if known else httpx.Response(401, json={})

    wire = Wire(answer)
    assert wire.site.conflicts() == []
    assert [request.headers["X-Auth-Token"] for request in wire.asked] == ["t1", "t2"]


@pytest.mark.parametrize("hang_ups", [1, 2])
def test_a_page_is_sent_again_once_where_the_server_hangs_up_without_an_answer(hang_ups: int) -> None:
    """It does where it has refused a large body unread: the connection looks alive and is closed."""
    posted: list[bytes] = []
    page_sent = page()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, content=page_sent)
        posted.append(request.content)
        if len(posted) <= hang_ups:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        return httpx.Response(429, json=error_to_json(TooFast("slower")))

    wire = Wire(answer)
    carried = wire.site.read("east", None, 5)
    with pytest.raises(TooFast if hang_ups == 1 else SiteUnavailable):
        wire.site.apply(carried)
    assert posted == [page_sent] * 2


def test_what_may_not_come_twice_is_not_sent_again() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.RemoteProtocolError("Server disconnected without sending a response.")

    wire = Wire(answer)
    with pytest.raises(SiteUnavailable, match="does not answer"):
        wire.site.merge("user", "one", "two")
    assert len(wire.asked) == 1


def test_a_site_that_refuses_every_token_is_unavailable_with_a_hint() -> None:
    wire = Wire(lambda _: httpx.Response(401, json={"error": {"message": "no"}}))
    with pytest.raises(SiteUnavailable) as caught:
        wire.site.conflicts()
    assert "clouds.yaml" in caught.value.hint
    assert len(wire.asked) == 2


def test_what_the_site_says_is_raised_as_it_is_meant() -> None:
    said = FenceMismatch("gone", hint="compare", forked=True)
    wire = Wire(lambda _: httpx.Response(409, json=error_to_json(said)))
    with pytest.raises(FenceMismatch, match="west: gone") as caught:
        wire.site.standing("east")
    assert caught.value.fields["forked"] is True
    wire = Wire(lambda _: httpx.Response(404, json=error_to_json(UnknownKind("teapot"))))
    with pytest.raises(UnknownKind):
        wire.site.record(Ref("teapot", "x"))


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b"<html>a captive portal</html>"),
        httpx.Response(200, json={"hello": "world"}),
        httpx.Response(200, content=b"\xff", headers={"X": "y"}),
        httpx.Response(302, headers={"Location": "http://elsewhere"}),
        httpx.Response(502, content=b"Bad Gateway"),
    ],
)
def test_an_answer_of_something_else_means_unavailable(answer: httpx.Response) -> None:
    wire = Wire(lambda _: answer)
    with pytest.raises(SiteUnavailable) as caught:
        wire.site.read("east", None, 5)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (httpx.Response(429, json=error_to_json(TooFast("no", hint="h", wait=2.25))), 2.25),
        (httpx.Response(429, headers={"Retry-After": "30"}, content=b"Too Many Requests"), 30.0),
    ],
)
def test_a_site_or_a_proxy_may_ask_to_wait(answer: httpx.Response, wait: float) -> None:
    wire = Wire(lambda _: answer)
    with pytest.raises(TooFast) as caught:
        wire.site.read("east", None, 5)
    assert caught.value.wait == wait


@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError])
def test_a_broken_network_means_unavailable(kind: type[httpx.TransportError]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise kind("broken", request=request)

    wire = Wire(answer)
    with pytest.raises(SiteUnavailable, match="does not answer") as caught:
        wire.site.capabilities()
    assert FakeLogin.url in caught.value.hint


def test_the_page_of_another_site_is_refused() -> None:
    wire = Wire(lambda _: httpx.Response(200, content=page("south")))
    with pytest.raises(SiteUnavailable, match="south"):
        wire.site.read("east", None, 5)


def test_a_key_with_slashes_and_escapes_is_one_part_of_a_url() -> None:
    path = record_path(Ref("assignment", "UserProject/a%2Fb/p/r/0"))
    assert path == "/records/assignment/UserProject%252Fa%25252Fb%252Fp%252Fr%252F0"


@pytest.mark.parametrize("url", ["http://x:5000", "http://x:5000/", "http://x:5000/v3", "http://x:5000/v3/"])
def test_an_auth_url_is_taken_with_and_without_its_version(url: str) -> None:
    assert base_url(url) == "http://x:5000/v3"


FAULTS = (
    httpx.ConnectError("refused"),
    httpx.InvalidURL("no port"),
    httpx.StreamError("torn"),
    OSError("no CA bundle"),
    UnicodeError("label too long"),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_whatever_a_library_raises_says_that_the_site_is_unavailable(fault: Exception) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise fault

    with pytest.raises(SiteUnavailable, match=f"west does not answer: {fault}") as caught:
        Wire(answer).site.capabilities()
    assert "is http://west.example/v3 up" in caught.value.hint


def test_a_file_of_authorities_that_is_not_there_is_named() -> None:
    class Login(FakeLogin):
        verify = "/nowhere/ca.pem"  # type: ignore[assignment]

    site = HttpSite("west", Transport("west", Login()))
    with pytest.raises(SiteUnavailable, match=r"/nowhere/ca\.pem can't be read") as caught:
        site.capabilities()
    assert "cacert" in caught.value.hint


def test_sites_that_are_checked_alike_share_what_is_read_for_it(tmp_path: Path) -> None:
    """All authorities of the machine take 50 ms and 0.8 MiB."""
    own = tmp_path / "ca.pem"
    own.write_bytes(Path(certifi.where()).read_bytes())
    found = [_verify("west", verify) for verify in (True, True, False, False, str(own), str(own))]
    assert found[0] is found[1] and found[2] is found[3] and found[4] is found[5]
    assert len({id(context) for context in found}) == 3
    assert [context.verify_mode for context in found[::2]] == [
        ssl.CERT_REQUIRED,
        ssl.CERT_NONE,
        ssl.CERT_REQUIRED,
    ]


def test_a_file_of_authorities_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    own = tmp_path / "ca.pem"
    own.write_bytes(Path(certifi.where()).read_bytes())
    before = _verify("west", str(own))
    os.utime(own, ns=(1, 1))
    assert _verify("west", str(own)) is not before


def test_an_address_with_a_query_is_what_httpx_makes_of_it_and_parsed_once() -> None:
    odd = (("reader", "west#1/ä"), ("after", "a&b=c d+e%,;:"), ("empty", ""))
    bare = "https://west.example:5000/v3/OS-SYNC/changes"
    assert _url(bare, odd) == httpx.URL(bare, params=dict(odd))
    assert _url(bare, ()) == httpx.URL(bare)
    assert _url(bare, odd) is _url(bare, odd)


def test_what_a_site_would_have_kept_is_not_sent_back() -> None:
    wire = Wire(lambda _: httpx.Response(200, content=page(), headers={"Set-Cookie": "session=1; Path=/"}))
    for _ in range(2):
        wire.site.read("east#b", None, 7)
    assert len(wire.asked) == 2 and not any("Cookie" in request.headers for request in wire.asked)


def test_the_lease_is_renewed_however_many_other_calls_wait_for_their_turn() -> None:
    """A hub that is slow to all would else take the lease from the agent that works."""
    with Slow() as hub:
        site = HttpSite("hub", Transport("hub", hub.login, Timeouts(5.0, 60.0)))
        calls = [threading.Thread(target=_tried, args=(site,)) for _ in range(CONNECTIONS)]
        for call in calls:
            call.start()
        assert all(hub.asked.acquire(timeout=20) for _ in calls)
        with ThreadPoolExecutor(1) as renewing:
            lease = renewing.submit(site.take_lease, "agent", 30.0)
            given = wait([lease], 15).done
            hub.release.set()
            assert given and lease.result() == "k"
        for call in calls:
            call.join(20)
        site.close()


def _tried(site: HttpSite) -> None:
    with suppress(SiteUnavailable):
        site.capabilities()


class Slow:
    """A hub that gives the lease at once, and answers everything else when it is told to."""

    def __init__(self) -> None:
        self.asked, self.release = threading.Semaphore(0), threading.Event()
        slow = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                slow.asked.release()
                slow.release.wait(60)
                self.send_error(503)

            def do_PUT(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                told = b'{"poke_key": "k"}'
                self.send_response(200)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, format: str, *args: object) -> None:
                """Not on the screen."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.login = FakeLogin()
        self.login.url = f"http://127.0.0.1:{self._server.server_port}/v3"

    def __enter__(self) -> Slow:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(20)
