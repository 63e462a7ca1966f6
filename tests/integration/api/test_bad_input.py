"""Whatever is wrong with a call is told with a code and a hint, and changes nothing."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from keystone_viaduct.sync.wire import limits
from keystone_viaduct.sync.wire.microversion import EARLIEST, LATEST
from tests.integration.api.conftest import Sites

pytestmark = pytest.mark.keystone
SYNC = "/OS-SYNC"


def state(client: httpx.Client) -> Any:
    """What would show a change: the head of the feed (marks are numbered first) and the conflicts."""
    client.post(f"{SYNC}/summary", json={"reader": "west"}).raise_for_status()
    found = client.get(SYNC).json()
    return found["head"], found["incarnation"], client.get(f"{SYNC}/conflicts").json()


@pytest.fixture(autouse=True)
def unchanged(east: httpx.Client) -> Iterator[None]:
    """Each of these calls leaves the site as it was."""
    before = state(east)
    yield
    assert state(east) == before


def told(answer: httpx.Response, status: int, code: str) -> str:
    """The message of an error of ours, which has to have a hint."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["code"] == status and error["title"]
    assert error["viaduct"]["code"] == code
    assert error["viaduct"]["hint"]
    return str(error["message"])


@pytest.fixture
def page(east: httpx.Client, west: httpx.Client) -> dict[str, Any]:
    """A page that west has made for east, on east's checkpoint."""
    after = east.get(f"{SYNC}/checkpoints/west").json()["checkpoint"]
    query = {"reader": "east", "after": ":".join(map(str, after))}
    found: dict[str, Any] = west.get(f"{SYNC}/changes", params=query).json()
    return found


def change(**more: Any) -> dict[str, Any]:
    """A change in such a page that would create a region."""
    states = {"@deleted": "alive", "id": "0" * 32, "description": "1" * 32}
    found = {
        "ref": ["region", "atlantis"],
        "seq": 10**6,
        "version": {"west#x": 1},
        "birth": ["west#x", 1],
        "fields": [[5, "west#x", 1, states]],
        "document": {"id": "atlantis", "description": ""},
    }
    return {**found, **more}


def with_change(page: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The page with one change, up to it."""
    upto = [page["upto"][0], 10**6, page["upto"][2]]
    return {**page, "upto": upto, "changes": [change(**more)]}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_a_token_nobody_gets_in(sites: Sites, method: str) -> None:
    answer = httpx.request(method, f"{sites.url('east')}{SYNC}/changes", content=b"{}")
    assert answer.status_code == 401


def test_a_forged_token_is_refused(sites: Sites) -> None:
    answer = httpx.get(f"{sites.url('east')}{SYNC}", headers={"X-Auth-Token": "gAAAAAB-forged"})
    assert answer.status_code == 401


def test_an_administrator_of_a_project_is_refused(sites: Sites) -> None:
    token = sites.token("east", {"project": {"name": "admin", "domain": {"id": "default"}}})
    headers = {"X-Auth-Token": token}
    for method, path in (
        ("GET", ""),
        ("GET", "/changes?reader=west"),
        ("POST", "/changes"),
        ("PUT", "/lease"),
    ):
        answer = httpx.request(method, f"{sites.url('east')}{SYNC}{path}", headers=headers, content=b"{}")
        assert "scoped to the system" in told(answer, 403, "sync.scope")


def test_a_version_that_is_not_spoken_is_refused(east: httpx.Client) -> None:
    answer = east.get(SYNC, headers={"OpenStack-API-Version": "sync 2.0"})
    spoken = f"versions {EARLIEST} to {LATEST} of the API, not 2.0"
    assert spoken in told(answer, 406, "version.unsupported")
    told(east.get(SYNC, headers={"OpenStack-API-Version": "sync two"}), 400, "request.invalid")
    told(east.get(SYNC, headers={"OpenStack-API-Version": "sync 1.7"}), 406, "version.unsupported")
    assert east.get(SYNC, headers={"OpenStack-API-Version": "identity 3, sync 1.1"}).status_code == 200


def test_an_unknown_kind_is_refused(east: httpx.Client, page: dict[str, Any]) -> None:
    told(east.get(f"{SYNC}/records/teapot/x"), 404, "kind.unknown")
    told(east.put(f"{SYNC}/records/teapot/x", json={"document": {}}), 404, "kind.unknown")
    told(
        east.post(f"{SYNC}/shown", json={"reader": "west", "records": [["teapot", "x"]]}), 400, "kind.unknown"
    )
    answer = east.post(f"{SYNC}/changes", json=with_change(page, ref=["teapot", "x"]))
    assert "changes[0]" in told(answer, 400, "kind.unknown")


def test_a_comparison_with_nobody_known_or_of_no_form_is_refused(east: httpx.Client) -> None:
    for path in ("summary", "listing"):
        asked = {"reader": "atlantis", "within": [["user", ""]]}
        told(east.post(f"{SYNC}/{path}", json=asked), 404, "site.unknown")
        asked = {"reader": "west", "within": [["user", "g"]]}
        told(east.post(f"{SYNC}/{path}", json=asked), 400, "request.invalid")
    told(east.post(f"{SYNC}/listing", json={"reader": "west"}), 400, "request.invalid")
    told(east.post(f"{SYNC}/summary", json={}), 400, "request.invalid")


def test_a_checkpoint_that_nobody_compared_is_not_taken(east: httpx.Client) -> None:
    place = ["0000beef", 7, "n7"]
    body = {"checkpoint": place, "seen": place, "own": [east.get(SYNC).json()["incarnation"], 10**9, "n"]}
    told(east.put(f"{SYNC}/checkpoints/west", json={**body, "own": None}), 400, "request.invalid")
    told(east.put(f"{SYNC}/checkpoints/atlantis", json=body), 404, "site.unknown")


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"version": "1"}, 400, "request.invalid"),
        ({"seq": "1"}, 400, "request.invalid"),
        ({"ref": ["assignment", "x"]}, 400, "request.invalid"),
    ],
)
def test_a_wrong_type_is_refused_naming_the_place(
    east: httpx.Client, page: dict[str, Any], more: dict[str, Any], status: int, code: str
) -> None:
    assert "changes[0]" in told(east.post(f"{SYNC}/changes", json=with_change(page, **more)), status, code)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"source": NaN}', b"\xff"])
def test_what_is_not_a_page_is_refused(east: httpx.Client, body: bytes) -> None:
    told(east.post(f"{SYNC}/changes", content=body), 400, "request.invalid")


def test_a_body_that_is_not_compressed_as_it_says_is_refused(east: httpx.Client) -> None:
    for name in ("gzip", "zstd", "br"):
        answer = east.post(f"{SYNC}/changes", content=b"{}", headers={"Content-Encoding": name})
        told(answer, 400, "request.invalid")


def test_a_body_without_a_length_is_refused(east: httpx.Client) -> None:
    answer = east.post(f"{SYNC}/changes", content=iter([b"{}"]))
    assert "Content-Length" in told(answer, 400, "request.invalid")


def test_an_oversized_page_is_refused(east: httpx.Client, page: dict[str, Any]) -> None:
    many = {**page, "changes": [change()] * (limits.PAGE_CHANGES + 1)}
    packed = gzip.compress(json.dumps(many).encode(), 1)
    answer = east.post(f"{SYNC}/changes", content=packed, headers={"Content-Encoding": "gzip"})
    assert str(limits.PAGE_CHANGES + 1) in told(answer, 413, "request.too_large")


def test_a_bomb_is_refused(east: httpx.Client) -> None:
    packed = gzip.compress(b" " * (limits.BODY_OPEN + 1), 1)
    answer = east.post(f"{SYNC}/changes", content=packed, headers={"Content-Encoding": "gzip"})
    told(answer, 413, "request.too_large")


def test_a_body_larger_than_any_is_refused_unread(east: httpx.Client) -> None:
    answer = east.post(f"{SYNC}/changes", content=b" " * (limits.BODY + 1))
    assert str(limits.BODY) in told(answer, 413, "request.too_large")
    assert answer.headers["OpenStack-API-Version"] == "sync 1.0"


def test_an_unknown_site_is_refused(east: httpx.Client, page: dict[str, Any]) -> None:
    told(east.get(f"{SYNC}/changes", params={"reader": "nowhere"}), 404, "site.unknown")
    told(east.get(f"{SYNC}/checkpoints/nowhere"), 404, "site.unknown")
    told(east.get(f"{SYNC}/secret", params={"reader": "nowhere"}), 404, "site.unknown")
    told(east.post(f"{SYNC}/changes", json={**page, "source": "nowhere"}), 404, "site.unknown")


def test_a_site_does_not_take_its_own_page_nor_another_spokes(
    east: httpx.Client, west: httpx.Client, page: dict[str, Any]
) -> None:
    told(east.post(f"{SYNC}/changes", json={**page, "source": "east"}), 403, "sync.forbidden")
    told(west.post(f"{SYNC}/changes", json={**page, "source": "south"}), 404, "site.unknown")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"reader": "we/st"},
        {"reader": "west", "limit": "0"},
        {"reader": "west", "limit": "many"},
        {"reader": "west", "limit": str(limits.PAGE_CHANGES + 1)},
        {"reader": "west", "after": "x"},
        {"reader": "west", "after": "a:b:c"},
        {"reader": "west", "fence": "a"},
        {"reader": ["west", "east"]},
    ],
)
def test_a_malformed_query_is_refused(east: httpx.Client, query: dict[str, Any]) -> None:
    told(east.get(f"{SYNC}/changes", params=query), 400, "request.invalid")


def test_a_page_for_another_checkpoint_is_refused(east: httpx.Client, page: dict[str, Any]) -> None:
    told(east.post(f"{SYNC}/changes", json={**page, "after": None}), 409, "sync.checkpoint")


def test_a_page_of_an_old_term_is_refused(east: httpx.Client, page: dict[str, Any]) -> None:
    told(east.post(f"{SYNC}/changes", json={**page, "term": 0}), 409, "sync.not-yet")


def test_a_second_agent_gets_no_lease(east: httpx.Client, west: httpx.Client) -> None:
    first = east.put(f"{SYNC}/lease", json={"holder": "one", "ttl": 30})
    assert first.status_code == 200 and len(first.json()["poke_key"]) == 64
    assert "one holds" in told(
        east.put(f"{SYNC}/lease", json={"holder": "two", "ttl": 30}), 409, "lease.held"
    )
    assert east.delete(f"{SYNC}/lease", params={"holder": "one"}).status_code == 204
    assert east.put(f"{SYNC}/lease", json={"holder": "two", "ttl": 30}).status_code == 200
    east.delete(f"{SYNC}/lease", params={"holder": "two"}).raise_for_status()
    assert "not the hub" in told(
        west.put(f"{SYNC}/lease", json={"holder": "x", "ttl": 30}), 403, "sync.forbidden"
    )


@pytest.mark.parametrize(
    "body", [{}, {"holder": "x"}, {"holder": "", "ttl": 5}, {"holder": "x", "ttl": 10**6}]
)
def test_a_malformed_lease_is_refused(east: httpx.Client, body: dict[str, Any]) -> None:
    told(east.put(f"{SYNC}/lease", json=body), 400, "request.invalid")


def test_a_malformed_peer_is_refused(east: httpx.Client) -> None:
    nobodys = "A" * 43 + "="
    good = {"public_key": base64.b64encode(b"k" * 32).decode(), "incarnation": "x"}
    for body in (
        {},
        {**good, "public_key": "AAAA"},
        {**good, "public_key": "?"},
        {**good, "public_key": nobodys},
        {**good, "incarnation": "a#b"},
    ):
        told(east.put(f"{SYNC}/peers/north", json=body), 400, "request.invalid")
    told(east.put(f"{SYNC}/peers/east", json=good), 403, "sync.forbidden")


def test_a_secret_of_another_fleet_is_refused(east: httpx.Client, west: httpx.Client) -> None:
    other = east.get(f"{SYNC}/secret", params={"reader": "west"}).json()["sealed"]
    body = {"sealed": other, "source": "east", "term": 1}
    assert west.put(f"{SYNC}/secret", json=body).status_code == 204
    told(east.put(f"{SYNC}/secret", json=body), 400, "sealing.failed")
    told(west.put(f"{SYNC}/secret", json={**body, "source": "south"}), 403, "sync.forbidden")


def test_a_missing_record_or_conflict_is_not_found(east: httpx.Client) -> None:
    told(east.get(f"{SYNC}/records/user/nobody"), 404, "record.missing")
    told(east.delete(f"{SYNC}/records/user/nobody"), 404, "record.missing")
    told(east.get(f"{SYNC}/conflicts/nothing"), 404, "record.missing")
