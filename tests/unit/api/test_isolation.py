"""A site that has not heard of its hub for too long issues and accepts no tokens."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from keystone_viaduct.clock import ManualClock
from keystone_viaduct.errors import StoreUnavailable
from keystone_viaduct.sync.api.isolation import LONGEST_BODY, Contact, Isolation, Watch

SECOND = 1_000_000
LIMIT = 60.0
SYSTEM = {"system": {"all": True}}


@dataclass
class World:
    """A watched site: its clock, what its database says, and what Keystone behind the door was asked."""

    clock: ManualClock = field(default_factory=ManualClock)
    ticks: float = 0.0
    is_hub: bool = False
    caught_up: int = 0
    looks: int = 0
    down: bool = False
    served: list[bytes] = field(default_factory=list)
    answer: tuple[str, dict[str, str]] = ("", {})

    def __post_init__(self) -> None:
        self.caught_up = self.clock.now()
        self.watch = Watch(LIMIT, self.look, self.clock, lambda: self.ticks)
        self.door = Isolation(self.keystone, self.watch)

    def look(self) -> Contact:
        """The database."""
        self.looks += 1
        if self.down:
            raise StoreUnavailable("down", hint="wait")
        return Contact(self.is_hub, self.caught_up)

    def keystone(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """What is behind the door."""
        self.served.append(environ["wsgi.input"].read())
        start_response("200 OK", [])
        return [b"{}"]

    def passes(self, seconds: float) -> None:
        """Time."""
        self.ticks += seconds
        self.clock.advance(int(seconds * SECOND))

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> str:
        """A request; the first word of the answer's status."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "wsgi.input": io.BytesIO(data)}
        if data:
            environ["CONTENT_LENGTH"] = str(len(data))

        def start(status: str, found: list[tuple[str, str]]) -> None:
            self.answer = (status, dict(found))

        self.body = b"".join(self.door({**environ, **headers}, start))
        return self.answer[0].split()[0]


def login(scope: Any, method: str = "password") -> dict[str, Any]:
    """A request for a token."""
    return {"auth": {"identity": {"methods": [method], method: {}}, "scope": scope}}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def cut_off(world: World) -> World:
    world.passes(LIMIT + 1)
    return world


def test_a_site_that_has_heard_of_its_hub_serves_everything(world: World) -> None:
    world.passes(LIMIT - 1)
    assert world.ask("GET", "/v3/auth/tokens", HTTP_X_AUTH_TOKEN="t", HTTP_X_SUBJECT_TOKEN="t") == "200"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v3/auth/tokens", None),
        ("HEAD", "/v3/auth/tokens", None),
        ("POST", "/v3/auth/tokens", login({"project": {"id": "p"}})),
        ("POST", "/v3/auth/tokens", login("unscoped")),
        ("POST", "/v3/auth/tokens", login(SYSTEM, "token")),
        ("POST", "/v3/auth/tokens", login(SYSTEM, "application_credential")),
        ("POST", "/v3/auth/tokens", login({**SYSTEM, "project": {"id": "p"}})),
        ("POST", "/v3/auth/tokens", b"[" * 100_000),
        ("POST", "/v3/auth/tokens", b"x" * (LONGEST_BODY + 1)),
        ("POST", "/v3/auth/tokens", {"auth": []}),
        ("POST", "/v3/ec2tokens", {}),
        ("POST", "/v3/OS-OAUTH2/token", {}),
        ("GET", "/v3/OS-FEDERATION/identity_providers/i/protocols/p/auth", None),
        ("GET", "/v3/users", None),
        ("GET", "/v3/OS-SYNCHRONY", None),
    ],
)
def test_after_too_long_whatever_has_to_do_with_tokens_is_answered_503(
    cut_off: World, method: str, path: str, body: Any
) -> None:
    assert cut_off.ask(method, path, body, HTTP_X_AUTH_TOKEN="t") == "503"
    assert int(cut_off.answer[1]["Retry-After"]) > 0
    assert cut_off.served == []
    if method == "HEAD":
        assert cut_off.body == b""
    else:
        assert "61 seconds" in json.loads(cut_off.body)["error"]["message"]


@pytest.mark.parametrize("path", ["/", "/v3", "/v3/", "/healthcheck", "/v3/OS-SYNC", "/v3/OS-SYNC/changes"])
def test_the_agent_s_api_and_what_needs_no_token_are_served(cut_off: World, path: str) -> None:
    assert cut_off.ask("GET", path, HTTP_X_AUTH_TOKEN="t") == "200"


def test_the_agent_can_log_in_and_keystone_gets_the_whole_body(cut_off: World) -> None:
    asked = login(SYSTEM)
    assert cut_off.ask("POST", "/v3/auth/tokens", asked) == "200"
    assert json.loads(cut_off.served[0]) == asked


def test_a_site_that_has_caught_up_serves_again_within_seconds(cut_off: World) -> None:
    assert cut_off.ask("GET", "/v3/users") == "503"
    cut_off.caught_up = cut_off.clock.now()
    cut_off.passes(5)
    assert cut_off.ask("GET", "/v3/users") == "200"


@pytest.mark.parametrize("known", [{"is_hub": True}, {"caught_up": 0}])
def test_the_hub_and_a_site_that_was_never_filled_refuse_nothing(known: dict[str, Any]) -> None:
    world = World()
    for name, value in known.items():
        setattr(world, name, value)
    world.passes(10 * LIMIT)
    assert world.ask("GET", "/v3/users") == "200"


def test_a_clock_that_is_set_back_gives_no_further_time(world: World) -> None:
    assert world.watch.overdue() is None
    world.passes(LIMIT + 1)
    world.clock.advance(-3600 * SECOND)
    assert world.watch.overdue() == LIMIT + 1


def test_the_database_is_asked_every_few_seconds_only(world: World) -> None:
    for _ in range(100):
        world.passes(0.1)
        world.watch.overdue()
    assert world.looks <= 3


def test_a_database_that_does_not_answer_gives_no_further_time(world: World) -> None:
    assert world.watch.overdue() is None
    world.down = True
    world.passes(LIMIT + 1)
    assert world.watch.overdue() is not None


def test_a_database_that_never_answered_is_keystone_s_to_report(world: World) -> None:
    world.down = True
    world.passes(LIMIT + 1)
    assert world.ask("GET", "/v3/users") == "200"
