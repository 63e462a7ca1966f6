"""Questions to the sites with a person's own account."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from keystone_viaduct.dashboard.access import Person
from keystone_viaduct.dashboard.keystone import Address, People
from keystone_viaduct.errors import LoginRefused, SiteUnavailable

ANNA = Person("u1", "anna", "Default", "token-anna", 2e9, is_system=True, roles=("admin",))
#: A port at which nothing listens: it is privileged, and nobody's.
NOWHERE = "http://127.0.0.1:1/v3"


class Keystone(BaseHTTPRequestHandler):
    """Lists one user, to who has the token."""

    def do_GET(self) -> None:
        """Answer."""
        known = self.headers.get("X-Auth-Token") == ANNA.token
        data = json.dumps({"users": [{"id": "a1", "domain_id": "default"}]} if known else {}).encode()
        self.send_response(200 if known else 403)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Keystone)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v3"
    server.shutdown()
    thread.join()
    server.server_close()


def people(**urls: str) -> People:
    return People({name: Address(name, url) for name, url in urls.items()}, lambda: "east")


def test_a_name_is_looked_up_at_another_site_while_the_hub_is_away(url: str) -> None:
    assert people(east=url, west=NOWHERE).named(ANNA, "user", "anna") == [("a1", "default")]
    assert people(east=NOWHERE, west=url).named(ANNA, "user", "anna") == [("a1", "default")]
    with pytest.raises(SiteUnavailable, match="east"):
        people(east=NOWHERE, west=NOWHERE).named(ANNA, "user", "anna")


def test_who_may_not_list_is_told_so_and_nobody_else_is_asked(url: str) -> None:
    stranger = Person("u2", "eve", "Default", "token-eve", 2e9, is_system=False)
    with pytest.raises(LoginRefused, match="may not list users at east"):
        people(east=url, west=url).named(stranger, "user", "anna")


def test_kinds_without_names_of_their_own_are_found_by_id_only(url: str) -> None:
    assert people(east=url).named(ANNA, "assignment", "anna") == []
